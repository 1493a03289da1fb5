"""Encoding of a CSV file: byte order marks, UTF-8, and a guess among encodings of spreadsheet programs."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO

from dnn_cli.errors import UserDataError

_CHUNK_BYTES = 1 << 18
_MAX_LINE_BYTES = 40_000_000
_MAX_SAMPLE_BYTES = 1 << 16
"""Maximum number of bytes in lines with characters beyond ASCII from which an encoding is guessed."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks with the codecs that read them. The marks of UTF-32 come first, as they begin like those of
UTF-16."""

_MIN_PLAUSIBLE_SHARE = 0.95
"""Minimum share of the characters beyond ASCII that are usual in an encoding, if the encoding is guessed."""

_MIN_USUAL_CHARACTERS = 4
"""Minimum number of usual Korean or Japanese characters, if the encoding is guessed. Fewer can be Latin letters."""

_WESTERN_LETTERS = frozenset("àáâãäåæçèéêëìíîïñòóôõöøœùúûüßÿÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜ")
_WESTERN_SYMBOLS = frozenset("°µ€£§²³½¼¾±×÷·«»–—‘’“”„…ºª¿¡®©™\xa0")

ENCODING_HINT = (
    "save the file as UTF-8, or set its encoding, such as data.encoding=cp949 (Korean), "
    "data.encoding=cp932 (Japanese) or data.encoding=cp1252 (Western European)"
)


@dataclass(frozen=True)
class CsvEncoding:
    """Encoding of a file. `codec` is Python's name of the decoder."""

    codec: str
    is_guess: bool = False

    @property
    def alternative(self) -> str:
        """Encoding that is tried most probably if a guess is wrong."""
        return {"cp949": "gb18030", "cp932": "gb18030"}.get(self.codec, "cp1250")


def resolve_encoding(path: str, name: str) -> CsvEncoding:
    """Return the encoding that a user chose by name.

    Raises:
        UserDataError: Python has no such encoding of text.
    """
    try:
        info = codecs.lookup(name)
        is_text = "a,1\n".encode(name).decode(name) == "a,1\n"
    except (LookupError, TypeError, ValueError):
        is_text = False
    if not is_text:
        raise UserDataError(
            f"{path}: {name!r} is not an encoding of text", "use utf-8, cp949, cp932 or cp1252", "encoding"
        )
    return CsvEncoding("utf-8-sig" if info.name == "utf-8" else info.name)


def detect_encoding(stream: BinaryIO) -> CsvEncoding | None:
    """Detect the encoding of a file: by its byte order mark, else UTF-8, else by a guess that is safe.

    The result is `None` if the file is not UTF-8 text, and no or several other encodings are plausible.
    """
    chunk = _read_chunk(stream)
    for mark, codec in _BYTE_ORDER_MARKS:
        if chunk.startswith(mark):
            return CsvEncoding(codec)
    while chunk:
        try:
            # Most chunks have only ASCII characters, and this check is faster than decoding.
            if not chunk.isascii():
                chunk.decode()
        except UnicodeDecodeError:
            return _guess_encoding(chunk, stream)
        chunk = _read_chunk(stream)
    return CsvEncoding("utf-8-sig")


def _read_chunk(stream: BinaryIO) -> bytes:
    """Read bytes up to the end of a line, so that the last character is complete."""
    return stream.read(_CHUNK_BYTES) + stream.readline(_MAX_LINE_BYTES)


def _guess_encoding(chunk: bytes, stream: BinaryIO) -> CsvEncoding | None:
    """Guess the encoding of a file that is not UTF-8 text; `None` if no or several encodings are plausible.

    Args:
        chunk: The lines among which the first character that is not UTF-8 occurs.
        stream: The stream with the following lines.
    """
    sample = b""
    while chunk and len(sample) < _MAX_SAMPLE_BYTES:
        sample += b"".join(re.findall(rb"[^\n]*[^\x00-\x7f\n][^\n]*\n?", chunk))
        chunk = _read_chunk(stream)
    sample = sample[: sample.rfind(b"\n", 0, _MAX_SAMPLE_BYTES) + 1] or sample
    plausible = [codec for codec in ("cp949", "cp932", "cp1252") if _is_plausible(codec, sample)]
    return CsvEncoding(plausible[0], is_guess=True) if len(plausible) == 1 else None


def _is_plausible(codec: str, sample: bytes) -> bool:
    """Return whether a sample is usual text in an encoding: Hangul, Japanese, or Latin letters between ASCII letters.

    Other texts also decode without errors, but as rare characters, or as long series of accented letters.
    """
    try:
        text = sample.decode(codec)
    except UnicodeDecodeError:
        return False
    if codec == "cp1252":
        # In these languages, symbols occur singly. Words have at most two accented letters in a row, and an ASCII
        # letter next to them.
        if any(_WESTERN_SYMBOLS & set(run) for run in re.findall(r"[^\x00-\x7f\xa0]{2,}", text)):
            return False
        words = re.findall(r"[^\W\d_]+", "".join(" " if c in _WESTERN_SYMBOLS else c for c in text))
        return all(
            set(word) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") <= _WESTERN_LETTERS
            and (word.isascii() or (re.search(r"[A-Za-z]", word) and not re.search(r"[^\x00-\x7f]{3}", word)))
            for word in words
        ) and all(c.isascii() or c in _WESTERN_LETTERS or c in _WESTERN_SYMBOLS for c in text)
    others = [c for c in text if not c.isascii()]
    is_usual = _is_usual_korean if codec == "cp949" else _is_usual_japanese
    usual_count = sum(map(is_usual, others))
    return usual_count >= max(_MIN_USUAL_CHARACTERS, _MIN_PLAUSIBLE_SHARE * len(others))


def _is_usual_korean(character: str) -> bool:
    """Return whether a character is one of the 2,350 usual Hangul syllables, or a symbol."""
    code = character.encode("cp949")
    return len(code) == 2 and code[1] >= 0xA1 and (0xB0 <= code[0] <= 0xC8 or code[0] in (0xA1, 0xA2, 0xA7))


def _is_usual_japanese(character: str) -> bool:
    """Return whether a character is kana, one of the usual kanji, or a symbol."""
    code = character.encode("cp932")
    is_kana = unicodedata.name(character, "").startswith(("HIRAGANA", "KATAKANA"))
    return len(code) == 2 and (is_kana or 0x88 <= code[0] <= 0x97 or code[0] in (0x81, 0x82))
