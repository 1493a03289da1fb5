"""Errors of libtiff, which are counted instead of written to standard error.

libtiff writes a line for every unknown tag and every damaged part of a file. Pillow raises exceptions for most damage,
but not for damage in images with fax compression.
"""

import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any


class _ErrorCounter(threading.local):
    """Number of errors that libtiff has reported in the current thread."""

    count = 0


_ERROR_COUNTER = _ErrorCounter()


def count_libtiff_errors() -> int:
    """Return the number of errors that libtiff has reported in the current thread, since `silence_libtiff`."""
    return _ERROR_COUNTER.count


@cache
def silence_libtiff() -> tuple[Any, ...]:
    """Let the loaded libtiff count errors and ignore warnings. Return the handlers, which must exist until the end."""
    import ctypes

    handler_type = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)

    def count_error(module: bytes, message: bytes, arguments: int) -> None:
        _ERROR_COUNTER.count += 1

    handlers = {"TIFFSetErrorHandler": handler_type(count_error), "TIFFSetWarningHandler": None}
    with suppress(OSError, AttributeError):
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
        for path in {line.split(maxsplit=5)[-1] for line in maps.splitlines() if "/libtiff" in line}:
            library = ctypes.CDLL(path)
            for name, handler in handlers.items():
                set_handler = getattr(library, name)
                set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                set_handler(ctypes.cast(handler, ctypes.c_void_p) if handler is not None else None)
    return tuple(handlers.values())
