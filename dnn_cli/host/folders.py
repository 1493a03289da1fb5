"""The user's home folder, and the cache folders: in the home folder, or in a temporary one where it cannot be used.

A container often runs under a user without an entry in /etc/passwd, and with HOME unset or HOME=/.
"""

import os
import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - the folder in it is checked for its owner
"""Places for the temporary cache, after TMPDIR."""

NOWHERE = Path(os.devnull) / "dnn"
"""The cache where no folder can be used: nothing can be written below a device, not even by root."""


@dataclass(frozen=True)
class Cache:
    """The folder for the caches of `dnn`."""

    folder: Path
    reason: str = ""
    """Why the folder is temporary, or why there is none; empty for the usual folder."""

    @property
    def is_usable(self) -> bool:
        """Whether files can be kept in the folder at all."""
        return self.folder != NOWHERE


def home_folder() -> Path | None:
    """Return the user's home folder, or None where there is none.

    The root of the file system does not count: container engines set HOME=/ for a user that they do not know.
    """
    return home_or_reason()[0]


def home_or_reason() -> tuple[Path | None, str]:
    """Return the home folder, or None and the reason why there is none."""
    home = os.environ.get("HOME", "")
    if home in ("", os.devnull):
        try:
            home, origin = pwd.getpwuid(os.getuid()).pw_dir, "the home in /etc/passwd"
        except KeyError:
            return None, f"HOME is not set, and user {os.getuid()} has no entry in /etc/passwd"
    else:
        origin = "HOME"
    folder = Path(home)
    if not folder.is_absolute() or folder == Path("/"):
        return None, f"{origin} is {home}, which is not a home folder"
    with suppress(OSError):
        if folder.is_dir():
            return folder, ""
    return None, f"{origin} is {home}, which does not exist"


def usual_cache() -> tuple[Path | None, str]:
    """Return the cache folder that the XDG standard names, whether or not it can be written."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "dnn", ""
    home, reason = home_or_reason()
    return (home / ".cache" / "dnn" if home else None), reason


def cache() -> Cache:
    """Return the cache folder, which may not exist yet."""
    folder, reason = usual_cache()
    if folder is not None:
        blocked = unwritable(folder)
        if blocked is None:
            return Cache(folder)
        reason = f"{blocked} cannot be written"
    return temporary_cache(reason)


def cache_folder(*parts: str) -> Path:
    """Return a folder in the cache."""
    return cache().folder.joinpath(*parts)


def temporary_cache(reason: str) -> Cache:
    """Return a private folder for temporary files, made where missing.

    Its name contains the user's number, so that later programs of the same user find it. Other users know the name,
    so a folder or link of another user is refused.
    """
    for place in filter(os.path.isabs, (os.environ.get("TMPDIR", ""), *TEMPORARY)):
        folder = Path(place) / f"dnn-{os.geteuid()}"
        try:
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            status = folder.lstat()
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return Cache(NOWHERE, f"{reason}; {folder} belongs to another user")
        if stat.S_IMODE(status.st_mode) & 0o077:
            return Cache(NOWHERE, f"{reason}; {folder} is open to other users")
        if os.access(folder, os.W_OK | os.X_OK):
            return Cache(folder, reason)
    return Cache(NOWHERE, f"{reason}; no temporary folder can be written")


def unwritable(folder: Path) -> Path | None:
    """Return the nearest existing part of a path if nothing can be written there; None where it can."""
    for nearest in (folder, *folder.parents):
        if os.path.lexists(nearest):
            return None if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) else nearest
    return folder


def keras_folder() -> Path:
    """Return the folder with Keras's settings and datasets, which may not exist.

    A home folder that cannot be written may hold datasets that can be read.
    """
    named = os.environ.get("KERAS_HOME")
    home = home_folder()
    if named and (home is None or Path(named) != cache_folder("keras")):
        return Path(named)
    return home / ".keras" if home else cache_folder("keras")


def redirect_libraries() -> None:
    """Let Keras and Matplotlib use the cache of `dnn` where the home folder cannot be written.

    The function has to be called before they are imported. Without a home folder, Keras writes to /tmp/.keras, which
    all users share. Altair cannot be imported where `Path.home` raises; with HOME=/dev/null it does not raise.
    """
    home = home_folder()
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.devnull
    if home is None or not os.access(home, os.W_OK | os.X_OK):
        for name, part in (("KERAS_HOME", "keras"), ("MPLCONFIGDIR", "matplotlib")):
            os.environ.setdefault(name, str(cache_folder(part)))
