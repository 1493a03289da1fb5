"""The lock of a run directory: a living process holds it, and the end of the process frees it in every case.

The lock is the kernel's (flock). Some network file systems have none; there, a file names the process instead. Whether
that process lives can be seen only on its own machine. Elsewhere the answer is `UNKNOWN`, and no process takes its
place.
"""

import errno
import fcntl
import json
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

_UNSUPPORTED_LOCK_ERRORS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}
"""Errors of flock on a file system without locks."""

_OWNER_SUFFIX = ".owner"
"""The end of the name of the file that names the process: train.log.owner for train.log."""

_TOKEN_PATTERN = re.compile("[0-9a-f]{16}")
RETRY_DELAYS = (0.01, 0.05, 0.2, None)
"""Seconds between attempts to take a lock: another process may hold it for an instant."""

OWNER_TIMEOUT = 5.0
"""Seconds to wait for a change of annotations, which takes a tenth of a second."""

_MAX_OWNER_BYTES = 10_000
"""A larger file is not one that this module wrote."""


class LockState(Enum):
    """Whether a living process holds a lock."""

    FREE = "free"
    HELD = "held"
    UNKNOWN = "unknown"


class UnknownLockHolder(BlockingIOError):
    """The lock may be held by a process that cannot be seen from here."""

    def __init__(self, file: Path, owner: "LockOwner | None") -> None:
        self.holder = f"process {owner.pid} on {owner.host}" if owner else "another process"
        self.hint = f"wait for it; if that process has ended, delete {file}"
        super().__init__(errno.EAGAIN, f"{file} names {self.holder}")


@dataclass(frozen=True)
class LockOwner:
    """A process, known beyond the reuse of its number and the restart of its machine."""

    token: str
    host: str
    boot: str
    """The kernel's random number for the time since its start."""

    namespace: str
    """Of process numbers: those of a container mean nothing outside of it."""

    pid: int
    start: str
    """When the process began, in ticks since the start of the machine."""

    @classmethod
    def from_current_process(cls) -> "LockOwner":
        """Return this process, with a new token.

        Raises:
            OSError: Linux does not describe the process.
        """
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        pid = os.getpid()
        return cls(
            secrets.token_hex(8),
            socket.gethostname(),
            boot,
            os.readlink("/proc/self/ns/pid"),
            pid,
            _read_process_start(pid),
        )

    @property
    def state(self) -> LockState:
        """Whether the process lives."""
        try:
            current = LockOwner.from_current_process()
        except OSError:
            return LockState.UNKNOWN
        if (self.boot, self.namespace) != (current.boot, current.namespace):
            return LockState.UNKNOWN
        try:
            return LockState.HELD if _read_process_start(self.pid) == self.start else LockState.FREE
        except OSError:
            return LockState.FREE


def _read_process_start(pid: int) -> str:
    """Return when a process began.

    Raises:
        OSError: there is no such process.
    """
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return text.rpartition(")")[2].split()[19]  # the name before it may contain spaces


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock on a file, which is created where it is missing; never follow a link.

    The directory of the file may be renamed meanwhile. A process that only asks for the state of the lock holds it for
    an instant; this function waits until that is over.

    Raises:
        BlockingIOError: another process holds the lock.
        UnknownLockHolder: another process may hold the lock.
        OSError: the file cannot be opened, or is no regular file.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not block
    descriptor = os.open(path, flags, 0o666)
    has_locks = True
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, f"{path.name} is no file")
        for wait in RETRY_DELAYS:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait is None:
                    raise
                time.sleep(wait)
            except OSError as error:
                if error.errno not in _UNSUPPORTED_LOCK_ERRORS:
                    raise
                has_locks = False
                break
            else:
                break
        if has_locks:
            _check_no_owner(path)  # of a machine that has no locks on this file system
        with nullcontext() if has_locks else _hold_owner_file(path):
            yield
    finally:
        os.close(descriptor)


@contextmanager
def hold_directory_lock(directory: Path) -> Iterator[None]:
    """Hold the lock on a directory of runs; wait for other processes.

    Raises:
        OSError: the directory cannot be locked, or without locks another process held it for `OWNER_TIMEOUT` seconds.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    with ExitStack() as stack:
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _UNSUPPORTED_LOCK_ERRORS:
                raise
            deadline = time.monotonic() + OWNER_TIMEOUT
            while True:
                try:
                    stack.enter_context(_hold_owner_file(directory / ".labels"))
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise
        yield


def read_lock_state(path: Path) -> LockState:
    """Return whether a living process holds the lock on a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO in its place must not block
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except BlockingIOError:
        return LockState.HELD
    except OSError as error:
        if error.errno in _UNSUPPORTED_LOCK_ERRORS:
            return _read_owner_state(path) or LockState.UNKNOWN
        return LockState.FREE
    return _read_owner_state(path) or LockState.FREE


def is_locked(path: Path) -> bool:
    """Return whether a living process holds the lock on a file, or may hold it."""
    return read_lock_state(path) is not LockState.FREE


def get_owner_file(path: Path) -> Path:
    """Return the file that names the process that holds a lock."""
    return path.with_name(f"{path.name}{_OWNER_SUFFIX}")


def _read_owner_state(path: Path) -> LockState | None:
    """Return whether the process in an owner file lives; None where there is no such file."""
    file = get_owner_file(path)
    if not os.path.lexists(file):
        return None
    owner = read_owner(file)
    return owner.state if owner else LockState.UNKNOWN


def read_owner(file: str | Path, directory_fd: int | None = None) -> LockOwner | None:
    """Return the process that an owner file names; `None` where it names none.

    Args:
        file: The path of the owner file, or its name in an open directory.
        directory_fd: The descriptor of the open directory.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=directory_fd)
        with os.fdopen(descriptor, "rb") as stream:
            owner = LockOwner(**json.loads(stream.read(_MAX_OWNER_BYTES)))
    except (OSError, TypeError, ValueError, RecursionError):
        return None
    texts = (owner.token, owner.host, owner.boot, owner.namespace, owner.start)
    is_valid = isinstance(owner.pid, int) and all(isinstance(text, str) for text in texts)
    return owner if is_valid and _TOKEN_PATTERN.fullmatch(owner.token) else None


def _check_no_owner(path: Path) -> None:
    """Refuse a lock whose owner file names a process that lives, or may live.

    Raises:
        BlockingIOError: the process lives.
        UnknownLockHolder: the process may live.
    """
    state = _read_owner_state(path)
    if state is LockState.HELD:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
    if state is LockState.UNKNOWN:
        raise UnknownLockHolder(get_owner_file(path), read_owner(get_owner_file(path)))


@contextmanager
def _hold_owner_file(path: Path) -> Iterator[None]:
    """Hold a lock by a file that names this process.

    The file is made exclusively. The file of a dead process is replaced under a second exclusive file, whose name has
    the token of the dead process: of several processes that find the file, one takes its place.

    Raises:
        BlockingIOError: another process holds the lock.
        UnknownLockHolder: another process may hold it.
        OSError: the file cannot be written.
    """
    current, file = LockOwner.from_current_process(), get_owner_file(path)
    directory_fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)  # which stays the same when it is renamed
    try:
        for wait in RETRY_DELAYS:
            try:
                create_owner_file(file.name, current, directory_fd)
            except FileExistsError:
                state = _read_owner_state(path)
                if state is LockState.FREE:
                    replace_dead_owner(path, current, directory_fd)
                    break
                if wait is None:
                    _check_no_owner(path)
                    raise UnknownLockHolder(file, None) from None
                if state is LockState.HELD:
                    _check_no_owner(path)
                time.sleep(wait)  # the file may be half-written, or has just gone
            else:
                break
        try:
            yield
        finally:
            if read_owner(file.name, directory_fd) == current:
                with suppress(OSError):
                    os.unlink(file.name, dir_fd=directory_fd)
    finally:
        os.close(directory_fd)


def replace_dead_owner(path: Path, current: LockOwner, directory_fd: int) -> None:
    """Take the place of the dead process in an owner file.

    Raises:
        BlockingIOError: another process has taken its place, or does.
        UnknownLockHolder: the file names no process.
        OSError: the file cannot be written.
    """
    file = get_owner_file(path)
    dead = read_owner(file)
    if dead is None:
        raise UnknownLockHolder(file, None)
    second = f"{file.name}.{dead.token}"
    try:
        create_owner_file(second, current, directory_fd)
    except FileExistsError:
        raise UnknownLockHolder(file.with_name(second), read_owner(file.with_name(second))) from None
    try:
        if read_owner(file) != dead:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
        os.replace(second, file.name, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(second, dir_fd=directory_fd)
        raise


def create_owner_file(name: str, owner: LockOwner, directory_fd: int) -> None:
    """Make a file that names a process.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=directory_fd)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(owner)))
        stream.flush()
        os.fsync(stream.fileno())
