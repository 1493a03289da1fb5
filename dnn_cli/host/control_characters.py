"""Control characters, which a terminal would interpret instead of printing them."""

import unicodedata

CONTROL_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of control and formatting characters, surrogates, and separators of lines and paragraphs."""


def is_control_character(character: str, categories: tuple[str, ...] = CONTROL_CATEGORIES) -> bool:
    """Return whether a character is in one of the Unicode categories, by default those of control characters.

    The joiners U+200C and U+200D do not count, because scripts such as Persian and some emoji need them.
    """
    return unicodedata.category(character) in categories and character not in "\u200c\u200d"
