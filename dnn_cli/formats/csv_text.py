"""Text of a CSV file: decompression, decoding, and lines."""

import codecs
import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_encoding import ENCODING_HINT, CsvEncoding, detect_encoding, resolve_encoding
from dnn_cli.formats.safe_open import open_regular_file, stat_regular_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAX_CSV_BYTES = 2_000_000_000
"""Maximum size of a file, and of the content of a compressed file."""

_GZIP_START = b"\x1f\x8b"
_MAX_LINE_CHARACTERS = 10_000_000
"""Maximum length of a line. Lines of usual tables are much shorter. The limit saves memory for files without line
ends."""


@dataclass(frozen=True)
class CsvText:
    """Lines of a file, with the encoding from which they are decoded."""

    lines: Iterator[str]
    encoding: CsvEncoding


@contextmanager
def open_text(path: str, encoding: str | None) -> Iterator[CsvText]:
    """Yield the lines of a file, which can be compressed by gzip.

    Args:
        path: The path of the file.
        encoding: The name of the encoding. If it is `None`, the encoding is detected.

    Raises:
        UserDataError: the file is missing, too large or damaged, or its encoding is unknown or wrong.
    """
    size = stat_regular_file(path).st_size
    if size > _MAX_CSV_BYTES:
        raise UserDataError(
            f"{path} has {size / 1e9:,.1f} GB; the limit is {_MAX_CSV_BYTES / 1e9:,.0f} GB", "use an .npz file"
        )
    if encoding is None:
        with _open_bytes(path) as stream:
            chosen = detect_encoding(stream)
        if chosen is None:
            raise _build_decoding_error(path, "utf-8-sig")
    else:
        chosen = resolve_encoding(path, encoding)
    with _open_bytes(path) as stream:
        lines = _read_lines(path, stream, chosen)
        try:
            yield CsvText(lines, chosen)
        finally:
            lines.close()


@contextmanager
def _open_bytes(path: str) -> Iterator[BinaryIO]:
    """Yield the bytes of a file. The bytes of a gzip file are decompressed.

    Raises:
        UserDataError: the file cannot be read, or is a damaged gzip file.
    """
    with open_regular_file(path) as stream:
        if stream.read(2) != _GZIP_START:
            stream.seek(0)
            yield stream
            return
        stream.seek(0)
        try:
            with gzip.GzipFile(fileobj=stream) as content:
                yield cast("BinaryIO", io.BufferedReader(_LimitedReader(path, content), 1 << 16))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserDataError(f"{path} is a damaged gzip file: {error}", "compress the file again") from None


class _LimitedReader(io.RawIOBase):
    """Reader of decompressed bytes that raises an error beyond `_MAX_CSV_BYTES`."""

    def __init__(self, path: str, content: gzip.GzipFile) -> None:
        super().__init__()
        self._path = path
        self._content = content
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count = self._content.readinto(buffer)
        self._count += count
        if self._count > _MAX_CSV_BYTES:
            raise UserDataError(
                f"{self._path} has more than {_MAX_CSV_BYTES / 1e9:,.0f} GB of decompressed text", "use an .npz file"
            )
        return count


def _read_lines(path: str, stream: BinaryIO, encoding: CsvEncoding) -> Generator[str, None, None]:
    """Yield the lines of a file with their line ends: line feeds, carriage returns, or both.

    Raises:
        UserDataError: a line cannot be decoded, holds a NUL, or is too long.
    """
    text = io.TextIOWrapper(stream, encoding.codec, newline="")
    number = 0
    try:
        while line := text.readline(_MAX_LINE_CHARACTERS):
            number += 1
            if len(line) == _MAX_LINE_CHARACTERS:
                raise UserDataError(
                    f"{path}:{number}  is longer than {_MAX_LINE_CHARACTERS:,} characters",
                    "check that the file is a CSV file",
                )
            if "\0" in line:
                raise UserDataError(
                    f"{path}:{number}  contains a NUL byte",
                    "save the file as UTF-8 text, or set data.encoding=utf-16-le if the file is UTF-16",
                )
            yield line
    except UnicodeError:
        raise _build_decoding_error(path, encoding.codec) from None
    finally:
        # The stream belongs to the caller, and the wrapper would close the stream.
        text.detach()


def _build_decoding_error(path: str, codec: str) -> UserDataError:
    """Build the error of a file that has other text than its encoding allows, with the line."""
    line = _find_undecodable_line(path, codec)
    return UserDataError(f"{path}:{line}  is not {codec.removesuffix('-sig').upper()} text", ENCODING_HINT, "encoding")


def _find_undecodable_line(path: str, codec: str) -> int:
    """Return the number of the first line that cannot be decoded."""
    decoder, number = codecs.getincrementaldecoder(codec)(), 1
    with _open_bytes(path) as stream:
        while True:
            chunk = stream.read(1 << 16)
            try:
                number += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                return number + error.object[: error.start].count(b"\n")
            except UnicodeError:
                return number
            if not chunk:
                return number


def is_unicode_file(path: str) -> bool:
    """Return whether a file is UTF-8 text, or has a byte order mark."""
    with _open_bytes(path) as stream:
        encoding = detect_encoding(stream)
    return encoding is not None and not encoding.is_guess
