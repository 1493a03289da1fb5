"""Control characters, which a terminal would interpret instead of printing them."""

import re
import unicodedata

CONTROL_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of control and formatting characters, surrogates, and separators of lines and paragraphs."""

FORBIDDEN_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Pattern of the characters that a config cannot contain: control characters other than tab and line ends, surrogates,
and noncharacters."""


def is_control_character(character: str, categories: tuple[str, ...] = CONTROL_CATEGORIES) -> bool:
    """Return whether a character is in one of the Unicode categories, by default those of control characters.

    The joiners U+200C and U+200D do not count, because scripts such as Persian and some emoji need them.
    """
    return unicodedata.category(character) in categories and character not in "\u200c\u200d"
