"""The lock of a run directory, with which only one process trains the run. The end of the process frees the lock.

The lock is a lock of the kernel (flock) on a file of the run. Some network file systems lack flock. There, an owner
file names the process that holds the lock. Only processes on the same machine can check whether that process lives. On
other machines the state of the lock is `UNKNOWN`, and no process takes over the lock.
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
"""Suffix of the owner file, which names the process: `train.log.owner` for `train.log`."""

_TOKEN_PATTERN = re.compile("[0-9a-f]{16}")
RETRY_DELAYS = (0.01, 0.05, 0.2, None)
"""Seconds to wait after each failed attempt to take a lock; `None` after the last attempt.

Several attempts are necessary because a process that only reads the state of a lock holds the lock for an instant."""

OWNER_TIMEOUT = 5.0
"""Largest number of seconds to wait for the lock on a directory of runs, on a file system without flock.

A process that changes annotations holds the lock for only 0.1 s."""

_MAX_OWNER_BYTES = 10_000
"""Largest size of an owner file, in bytes: this module writes smaller files."""


class LockState(Enum):
    """Whether a living process holds a lock; unknown if the process is on another machine."""

    FREE = "free"
    HELD = "held"
    UNKNOWN = "unknown"


class UnknownLockHolder(BlockingIOError):
    """Error of a lock that another process may still hold, for example a process on another machine."""

    def __init__(self, file: Path, owner: "LockOwner | None") -> None:
        self.holder = f"process {owner.pid} on {owner.host}" if owner else "another process"
        self.hint = f"wait until the process ends; if the process has ended already, delete {file}"
        super().__init__(errno.EAGAIN, f"{file} names {self.holder}")


@dataclass(frozen=True)
class LockOwner:
    """Identity of the process that holds a lock: the content of an owner file.

    No later process has the same identity, even if the machine restarts or the process number is used again.
    """

    token: str
    host: str
    boot: str
    """Random id that the kernel generates at each start of the machine."""

    namespace: str
    """Id of the namespace of process numbers: a process number of a container is valid only inside the container."""

    pid: int
    start: str
    """Start of the process, in clock ticks since the start of the machine."""

    @classmethod
    def from_current_process(cls) -> "LockOwner":
        """Return the identity of this process, with a new random token.

        Raises:
            OSError: /proc has no data about the process.
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
        """State of the owner's lock: held if the owner's process lives, free if the process has ended.

        The state is unknown if the process belongs to another machine or container, or to an earlier start of this one.
        """
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
    """Read the start of a process, in clock ticks since the start of the machine.

    Raises:
        OSError: the process does not exist.
    """
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    # The process name before the last bracket may contain spaces.
    return text.rpartition(")")[2].split()[19]


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock on a file while the block runs.

    The function creates a missing file and does not follow a link. The block may rename the directory of the file. A
    process that reads the state of the lock holds the lock for an instant. This function therefore makes several
    attempts.

    Raises:
        BlockingIOError: another process holds the lock.
        UnknownLockHolder: another process may hold the lock.
        OSError: the file cannot be opened, or is not a regular file.
    """
    # With O_NONBLOCK, a FIFO does not block.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666)
    has_locks = True
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, f"{path.name} is not a regular file")
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
            # A machine without flock on this file system may have written an owner file.
            _check_no_owner(path)
        with nullcontext() if has_locks else _hold_owner_file(path):
            yield
    finally:
        os.close(descriptor)


@contextmanager
def hold_directory_lock(directory: Path) -> Iterator[None]:
    """Hold the lock on a directory of runs while the block runs; first wait until other processes release the lock.

    Raises:
        OSError: the directory cannot be locked. On a file system without flock, also: another process held the lock
            for `OWNER_TIMEOUT` seconds.
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
    """Read the state of the lock on a file; the lock on a missing or unreadable file is free."""
    try:
        # With O_NONBLOCK, a FIFO does not block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
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
    """Return the path of the owner file, which names the process that holds a lock."""
    return path.with_name(f"{path.name}{_OWNER_SUFFIX}")


def _read_owner_state(path: Path) -> LockState | None:
    """Read the state of the lock on a file from its owner file; `None` without an owner file."""
    file = get_owner_file(path)
    if not os.path.lexists(file):
        return None
    owner = read_owner(file)
    return owner.state if owner else LockState.UNKNOWN


def read_owner(file: str | Path, directory_fd: int | None = None) -> LockOwner | None:
    """Read the process that an owner file names; `None` for a missing or damaged file.

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
    """Raise an error if the owner file of a lock names a process that lives or may live.

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
    """Hold the lock on a file while the block runs, on a file system without flock: an owner file names this process.

    Only one process can create the owner file. To replace the owner file of a dead process, a process first creates a
    second file, whose name contains the token of the dead process. Only one of several processes can create this file.

    Raises:
        BlockingIOError: another process holds the lock.
        UnknownLockHolder: another process may hold the lock.
        OSError: the file cannot be written.
    """
    current, file = LockOwner.from_current_process(), get_owner_file(path)
    # The descriptor stays valid when the directory is renamed.
    directory_fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
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
                # The file may be half-written, or may have been deleted since the attempt.
                time.sleep(wait)
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
    """Replace the name of a dead process in an owner file by that of the current process.

    Args:
        path: The locked file, to which the owner file belongs.
        current: The current process.
        directory_fd: The descriptor of the open directory of the file.

    Raises:
        BlockingIOError: another process has replaced the dead process.
        UnknownLockHolder: another process is replacing the dead process, or the file is missing or damaged.
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
    """Create an owner file, which must not exist yet.

    Args:
        name: The name of the owner file in the directory.
        owner: The process that the file names.
        directory_fd: The descriptor of the open directory.

    Raises:
        FileExistsError: the file exists already.
        OSError: the file cannot be written.
    """
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=directory_fd)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(owner)))
        stream.flush()
        os.fsync(stream.fileno())
