"""Who trains in a run directory: a lock that a living process holds, and that death of any kind frees.

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

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}
"""Errors of flock on a file system without locks."""

SUFFIX = ".owner"
"""The end of the name of the file that names the process: train.log.owner for train.log."""

TOKEN = re.compile("[0-9a-f]{16}")
WAITS = (0.01, 0.05, 0.2, None)
"""Seconds between attempts to take a lock: another process may hold it for an instant."""

PATIENCE = 5.0
"""Seconds to wait for a change of labels, which takes a tenth of one."""

MAX_BYTES = 10_000
"""A larger file is not one that this module wrote."""


class State(Enum):
    """Whether a living process holds a lock."""

    FREE = "free"
    HELD = "held"
    UNKNOWN = "unknown"


class UnknownHolder(BlockingIOError):
    """The lock may be held by a process that cannot be seen from here."""

    def __init__(self, file: Path, owner: "Owner | None") -> None:
        self.who = f"process {owner.pid} on {owner.host}" if owner else "another process"
        self.hint = f"wait for it; if that process has ended, delete {file}"
        super().__init__(errno.EAGAIN, f"{file} names {self.who}")


@dataclass(frozen=True)
class Owner:
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
    def me(cls) -> "Owner":
        """Return this process, with a new token.

        Raises:
            OSError: Linux does not describe the process.
        """
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        pid = os.getpid()
        return cls(
            secrets.token_hex(8), socket.gethostname(), boot, os.readlink("/proc/self/ns/pid"), pid, started(pid)
        )

    @property
    def state(self) -> State:
        """Whether the process lives."""
        try:
            me = Owner.me()
        except OSError:
            return State.UNKNOWN
        if (self.boot, self.namespace) != (me.boot, me.namespace):
            return State.UNKNOWN
        try:
            return State.HELD if started(self.pid) == self.start else State.FREE
        except OSError:
            return State.FREE


def started(pid: int) -> str:
    """Return when a process began.

    Raises:
        OSError: there is no such process.
    """
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return text.rpartition(")")[2].split()[19]  # the name before it may contain spaces


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock on a file, made where missing; never through a link. Its folder may be renamed meanwhile.

    A process that asks whether the lock is held, holds it for an instant, which is waited out.

    Raises:
        BlockingIOError: another process holds it.
        UnknownHolder: another process may hold it.
        OSError: the file cannot be opened, or is none.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not block
    descriptor = os.open(path, flags, 0o666)
    has_locks = True
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, f"{path.name} is no file")
        for wait in WAITS:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait is None:
                    raise
                time.sleep(wait)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                has_locks = False
                break
            else:
                break
        if has_locks:
            refuse_owner(path)  # of a machine that has no locks on this file system
        with nullcontext() if has_locks else owned(path):
            yield
    finally:
        os.close(descriptor)


@contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder of runs; wait for others.

    Raises:
        OSError: the folder cannot be locked, or without locks another process has held it for `PATIENCE` seconds.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    with ExitStack() as stack:
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    stack.enter_context(owned(folder / ".labels"))
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise
        yield


def lock_state(path: Path) -> State:
    """Return whether a living process holds the lock on a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO in its place must not block
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except BlockingIOError:
        return State.HELD
    except OSError as error:
        if error.errno in NO_LOCKS:
            return owner_state(path) or State.UNKNOWN
        return State.FREE
    return owner_state(path) or State.FREE


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock on a file, or may hold it."""
    return lock_state(path) is not State.FREE


def owner_file(path: Path) -> Path:
    """Return the file that names the process that holds a lock."""
    return path.with_name(f"{path.name}{SUFFIX}")


def owner_state(path: Path) -> State | None:
    """Return whether the process in an owner file lives; None where there is no such file."""
    file = owner_file(path)
    if not os.path.lexists(file):
        return None
    owner = read_owner(file)
    return owner.state if owner else State.UNKNOWN


def read_owner(file: str | Path, folder: int | None = None) -> Owner | None:
    """Return the process in an owner file, by its name in an open folder or by its path; None where it names none."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as stream:
            owner = Owner(**json.loads(stream.read(MAX_BYTES)))
    except (OSError, TypeError, ValueError, RecursionError):
        return None
    texts = (owner.token, owner.host, owner.boot, owner.namespace, owner.start)
    is_whole = isinstance(owner.pid, int) and all(isinstance(text, str) for text in texts)
    return owner if is_whole and TOKEN.fullmatch(owner.token) else None


def refuse_owner(path: Path) -> None:
    """Refuse a lock whose owner file names a process that lives, or may live.

    Raises:
        BlockingIOError: the process lives.
        UnknownHolder: the process may live.
    """
    state = owner_state(path)
    if state is State.HELD:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
    if state is State.UNKNOWN:
        raise UnknownHolder(owner_file(path), read_owner(owner_file(path)))


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Hold a lock by a file that names this process.

    The file is made exclusively. The file of a dead process is replaced under a second exclusive file, whose name has
    the token of the dead process: of several processes that find the file, one takes its place.

    Raises:
        BlockingIOError: another process holds the lock.
        UnknownHolder: another process may hold it.
        OSError: the file cannot be written.
    """
    me, file = Owner.me(), owner_file(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)  # which stays the same when it is renamed
    try:
        for wait in WAITS:
            try:
                write_exclusively(file.name, me, folder)
            except FileExistsError:
                state = owner_state(path)
                if state is State.FREE:
                    replace_dead(path, me, folder)
                    break
                if wait is None:
                    refuse_owner(path)
                    raise UnknownHolder(file, None) from None
                if state is State.HELD:
                    refuse_owner(path)
                time.sleep(wait)  # the file may be half-written, or has just gone
            else:
                break
        try:
            yield
        finally:
            if read_owner(file.name, folder) == me:
                with suppress(OSError):
                    os.unlink(file.name, dir_fd=folder)
    finally:
        os.close(folder)


def replace_dead(path: Path, me: Owner, folder: int) -> None:
    """Take the place of the dead process in an owner file.

    Raises:
        BlockingIOError: another process has taken its place, or does.
        UnknownHolder: the file names no process.
        OSError: the file cannot be written.
    """
    file = owner_file(path)
    dead = read_owner(file)
    if dead is None:
        raise UnknownHolder(file, None)
    second = f"{file.name}.{dead.token}"
    try:
        write_exclusively(second, me, folder)
    except FileExistsError:
        raise UnknownHolder(file.with_name(second), read_owner(file.with_name(second))) from None
    try:
        if read_owner(file) != dead:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
        os.replace(second, file.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(second, dir_fd=folder)
        raise


def write_exclusively(name: str, owner: Owner, folder: int) -> None:
    """Make a file that names a process.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(owner)))
        stream.flush()
        os.fsync(stream.fileno())
