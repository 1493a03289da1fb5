"""Home directory of the user, and directories for caches.

The cache is in the home directory, or in a temporary directory if the home directory cannot be used. A container
often runs as a user without an entry in /etc/passwd, and with HOME unset or HOME=/.
"""

import os
import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TEMPORARY_DIRECTORIES = ("/tmp", "/var/tmp")  # noqa: S108 - the owner of the directory in it is checked
"""Directories that are tried for the temporary cache, after TMPDIR."""

_UNUSABLE_DIRECTORY = Path(os.devnull) / "dnn"
"""Path of the cache if no directory can be used. Writing to this path always fails, even for root."""


@dataclass(frozen=True)
class CacheDirectory:
    """Directory for the caches of `dnn`."""

    directory: Path
    reason: str = ""
    """Reason why the directory is temporary or missing; empty for the usual directory."""

    @property
    def is_usable(self) -> bool:
        """Whether files can be stored in the directory."""
        return self.directory != _UNUSABLE_DIRECTORY


def _find_home_directory() -> Path | None:
    """Return the home directory of the user, or `None` if it is missing.

    The root of the file system does not count: container engines set HOME=/ for an unknown user.
    """
    return find_home_or_reason()[0]


def find_home_or_reason() -> tuple[Path | None, str]:
    """Return the home directory with an empty text, or `None` with the reason why the directory is missing."""
    home = os.environ.get("HOME", "")
    if home in ("", os.devnull):
        try:
            home, origin = pwd.getpwuid(os.getuid()).pw_dir, "the home in /etc/passwd"
        except KeyError:
            return None, f"HOME is not set, and user {os.getuid()} has no entry in /etc/passwd"
    else:
        origin = "HOME"
    directory = Path(home)
    if not directory.is_absolute() or directory == Path("/"):
        return None, f"{origin} is {home}, which is not a home directory"
    with suppress(OSError):
        if directory.is_dir():
            return directory, ""
    return None, f"{origin} is {home}, which does not exist"


def get_standard_cache_path() -> tuple[Path | None, str]:
    """Return the cache directory of the XDG standard with an empty text. The directory may not be writable.

    Without a home directory, the result is `None` with the reason why the home directory is missing.
    """
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(cache_home):
        return Path(cache_home) / "dnn", ""
    home, reason = find_home_or_reason()
    return (home / ".cache" / "dnn" if home else None), reason


def find_cache() -> CacheDirectory:
    """Find the cache directory, which may not exist yet.

    If the usual directory cannot be written, return a temporary directory. If no directory can be written, the result
    is not usable, and contains the reason.
    """
    directory, reason = get_standard_cache_path()
    if directory is not None:
        blocked = _find_unwritable_path(directory)
        if blocked is None:
            return CacheDirectory(directory)
        reason = f"{blocked} cannot be written"
    return _create_temporary_cache(reason)


def get_cache_path(*parts: str) -> Path:
    """Return a path inside the cache directory: `get_cache_path("runs", "a.sqlite")` ends with `runs/a.sqlite`."""
    return find_cache().directory.joinpath(*parts)


def _create_temporary_cache(reason: str) -> CacheDirectory:
    """Create the private directory of the temporary cache, or find the existing one.

    The name of the directory contains the user id, so that later programs of the user find the directory. Other users
    can predict the name, so a directory or link of another user is refused.

    Args:
        reason: The reason why the usual cache directory cannot be used.
    """
    for parent in filter(os.path.isabs, (os.environ.get("TMPDIR", ""), *_TEMPORARY_DIRECTORIES)):
        directory = Path(parent) / f"dnn-{os.geteuid()}"
        try:
            with suppress(FileExistsError):
                directory.mkdir(mode=0o700)
            status = directory.lstat()
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return CacheDirectory(_UNUSABLE_DIRECTORY, f"{reason}; {directory} belongs to another user")
        if stat.S_IMODE(status.st_mode) & 0o077:
            return CacheDirectory(_UNUSABLE_DIRECTORY, f"{reason}; {directory} is open to other users")
        if os.access(directory, os.W_OK | os.X_OK):
            return CacheDirectory(directory, reason)
    return CacheDirectory(_UNUSABLE_DIRECTORY, f"{reason}; no temporary directory can be written")


def _find_unwritable_path(directory: Path) -> Path | None:
    """Return the path that prevents writing in a directory: the directory or its nearest existing parent.

    The result is `None` if this path can be written.
    """
    for nearest in (directory, *directory.parents):
        if os.path.lexists(nearest):
            return None if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) else nearest
    return directory


def find_keras_directory() -> Path:
    """Return the directory with the settings and datasets of Keras, which may not exist.

    If the user set KERAS_HOME, this variable has priority. Otherwise, the directory is in the home directory, even if
    the home directory cannot be written: its datasets may be readable.
    """
    named = os.environ.get("KERAS_HOME")
    home = _find_home_directory()
    if named and (home is None or Path(named) != get_cache_path("keras")):
        return Path(named)
    return home / ".keras" if home else get_cache_path("keras")


def redirect_libraries() -> None:
    """Redirect Keras and Matplotlib to the cache of `dnn` if the home directory cannot be written.

    The function must be called before both libraries are imported. Without a home directory, Keras writes to
    /tmp/.keras, which all users share. Altair cannot be imported if `Path.home` raises, so HOME is set to /dev/null.
    """
    home = _find_home_directory()
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.devnull
    if home is None or not os.access(home, os.W_OK | os.X_OK):
        for name, part in (("KERAS_HOME", "keras"), ("MPLCONFIGDIR", "matplotlib")):
            os.environ.setdefault(name, str(get_cache_path(part)))
