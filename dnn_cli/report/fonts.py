"""Which characters of a picture no font on the machine can draw."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from dnn_cli.report.words import visible

MOST = 200
"""So many different characters are tried."""

SHOWN = 12
"""So many are named."""

COMMON = 0x17F
"""Latin letters, up to which the fonts that come with vl-convert have all."""

NO_CHARACTER = "\U0010fffd"
"""Has no glyph in any font."""

PACKAGES = {"HANGUL": "fonts-noto-cjk", "CJK": "fonts-noto-cjk", "HIRAGANA": "fonts-noto-cjk",
            "KATAKANA": "fonts-noto-cjk", "EMOJI": "fonts-noto-color-emoji"}  # fmt: skip
OTHERS = "fonts-noto-core"


def missing(texts: Iterable[str]) -> list[str]:
    """The characters that would be drawn as boxes: those that look like one that has no glyph."""
    import vl_convert

    def picture(character: str) -> bytes:
        text = f'<text x="4" y="18" font-family="sans-serif" font-size="16">{character}</text>'
        return vl_convert.svg_to_png(f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="24">{text}</svg>')

    rare = [character for character in dict.fromkeys("".join(texts)) if ord(character) > COMMON]
    if not rare:
        return []
    box = picture(NO_CHARACTER)
    return [character for character in rare[:MOST] if picture(character) == box]


def advice(characters: Iterable[str]) -> list[str]:
    """For every script, which characters are boxes and what would draw them."""
    scripts: dict[str, list[str]] = defaultdict(list)
    for character in characters:
        scripts[script(character)].append(character)
    return [advice_on(name, found) for name, found in scripts.items()]


def advice_on(name: str, characters: list[str]) -> str:
    """What a script needs."""
    shown = "".join(characters[:SHOWN]) + ("…" if len(characters) > SHOWN else "")
    package = PACKAGES.get(name, OTHERS)
    return (
        f"no font here has {visible(shown)} ({name.capitalize()}), so boxes are drawn: install one and draw again "
        f"(Debian, Ubuntu: apt-get install {package})"
    )


def script(character: str) -> str:
    """The script of a character, by the first word of its name."""
    if unicodedata.category(character) == "So" and ord(character) >= 0x1F000:
        return "EMOJI"
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]
