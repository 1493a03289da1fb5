import errno
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs import lock
from dnn_cli.runs.annotations import lock_annotations
from dnn_cli.runs.lock import (
    LockOwner,
    LockState,
    UnknownLockHolder,
    create_owner_file,
    get_owner_file,
    hold_directory_lock,
    hold_lock,
    is_locked,
    read_lock_state,
)
from dnn_cli.runs.store import Store
from dnn_cli.runs.trash import block_training
from tests.helpers import forked_cli
from tests.helpers.digits import UNVALIDATED_YAML
from tests.helpers.processes import start_process

WITHOUT_LOCKS = """
import errno, fcntl, sys
def flock(descriptor, operation):
    raise OSError({number}, "No locks available")
fcntl.flock = flock
"""


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def without_locks(request, monkeypatch):
    """A file system that has no locks."""

    def flock(descriptor, operation):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    monkeypatch.setattr(lock, "RETRY_DELAYS", (0.01, None))
    return WITHOUT_LOCKS.format(number=request.param)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.log"


def write_owner(path, **changes):
    """An owner file of this process, or of one that differs in something."""
    directory_fd = os.open(path.parent, os.O_RDONLY)
    path.touch()
    create_owner_file(get_owner_file(path).name, replace(LockOwner.from_current_process(), **changes), directory_fd)
    os.close(directory_fd)


ELSEWHERE = {"boot": "another machine", "host": "node7", "pid": 1234}
DEAD = {"start": "1"}
"""A process whose number this one has now."""


def test_owner_file_replaces_the_lock(without_locks, path):
    with hold_lock(path):
        assert read_lock_state(path) is LockState.HELD
        with pytest.raises(BlockingIOError), hold_lock(path):
            pass
    assert os.listdir(path.parent) == ["train.log"]
    with hold_lock(path):
        pass


def test_lock_of_a_killed_process_is_free(without_locks, path):
    code = f"{without_locks}\nfrom dnn_cli.runs.lock import hold_lock\nimport pathlib, time\n" + (
        "with hold_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(path)]
    with start_process(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        assert is_locked(path)
        with pytest.raises(BlockingIOError), hold_lock(path):
            pass
    assert get_owner_file(path).exists()
    assert read_lock_state(path) is LockState.FREE
    with hold_lock(path):
        assert is_locked(path)
    assert os.listdir(path.parent) == ["train.log"]


@pytest.mark.parametrize("has_locks", [True, False])
def test_owner_on_another_machine_is_not_replaced(path, has_locks, request):
    if not has_locks:
        request.getfixturevalue("monkeypatch").setattr(lock.fcntl, "flock", raise_unsupported)
    write_owner(path, **ELSEWHERE)
    assert read_lock_state(path) is LockState.UNKNOWN
    with pytest.raises(UnknownLockHolder) as refused, hold_lock(path):
        pass
    assert refused.value.holder == "process 1234 on node7"
    assert str(get_owner_file(path)) in refused.value.hint


def raise_unsupported(descriptor, operation):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[" * 9000, "link"])
def test_damaged_owner_file_means_unknown_holder(monkeypatch, path, content):
    monkeypatch.setattr(lock.fcntl, "flock", raise_unsupported)
    monkeypatch.setattr(lock, "RETRY_DELAYS", (0.01, None))
    if content == "link":
        get_owner_file(path).symlink_to("/dev/zero")
    else:
        get_owner_file(path).write_text(content)
    with pytest.raises(UnknownLockHolder, match="another process"), hold_lock(path):
        pass


def test_only_one_process_replaces_a_dead_owner(monkeypatch, path):
    monkeypatch.setattr(lock.fcntl, "flock", raise_unsupported)
    write_owner(path, **DEAD)
    dead = lock.read_owner(get_owner_file(path))
    other = replace(LockOwner.from_current_process(), token="0" * 16)
    directory_fd = os.open(path.parent, os.O_RDONLY)
    write = lock.create_owner_file

    def late(name, owner, descriptor):
        write(name, owner, descriptor)
        if name.endswith(dead.token):  # meanwhile another process has replaced the file, and removed the second one
            get_owner_file(path).unlink()
            write(get_owner_file(path).name, other, descriptor)

    monkeypatch.setattr(lock, "create_owner_file", late)
    with pytest.raises(BlockingIOError):
        lock.replace_dead_owner(path, LockOwner.from_current_process(), directory_fd)
    os.close(directory_fd)
    assert lock.read_owner(get_owner_file(path)) == other
    assert sorted(os.listdir(path.parent)) == ["train.log", "train.log.owner"]


def test_renamed_directory_is_unlocked(monkeypatch, tmp_path):
    monkeypatch.setattr(lock.fcntl, "flock", raise_unsupported)
    (tmp_path / "hidden").mkdir()
    with hold_lock(tmp_path / "hidden" / "train.log"):
        (tmp_path / "hidden").rename(tmp_path / "run")
        assert is_locked(tmp_path / "run" / "train.log")
    assert os.listdir(tmp_path / "run") == ["train.log"]


@pytest.mark.parametrize(
    ("owner", "minutes", "status", "reason"),
    [
        ({}, 90, "running", None),
        (DEAD, 0, "interrupted", "its process ended unexpectedly"),
        (ELSEWHERE, 5, "running", "no locks on this file system"),
        (ELSEWHERE, 90, "interrupted", "no locks on this file system, and no file of the run has changed for 2 h"),
        (None, 5, "running", "no locks on this file system"),
    ],
    ids=["lives", "dead", "elsewhere", "elsewhere, quiet", "of a machine with locks"],
)
def test_run_status_depends_on_owner_and_silence(make_run, monkeypatch, owner, minutes, status, reason):
    run = make_run(status="running")
    monkeypatch.setattr(lock.fcntl, "flock", raise_unsupported)
    run.log.touch()
    if owner is not None:
        write_owner(run.log, **owner)
    for file in run.directory.iterdir():
        os.utime(file, (0, time.time() - 60 * minutes))
    record = run.read_record()
    assert record.status == status
    assert (record.reason or "").startswith(reason or "")
    assert (record.reason is None) == (reason is None)


def test_unknown_holder_is_refused_with_a_hint(make_run, monkeypatch):
    run = make_run(status="running")
    monkeypatch.setattr(lock.fcntl, "flock", raise_unsupported)
    write_owner(run.log, **ELSEWHERE)
    for block in (run.hold_lock, lambda: block_training(run)):
        with pytest.raises(RunError, match="process 1234 on node7 may be training") as refused, block():
            pass
        assert refused.value.suggestion == (
            f"wait until the process ends; if the process has ended already, delete {get_owner_file(run.log)}"
        )


def test_annotation_changes_wait_for_each_other(without_locks, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "OWNER_TIMEOUT", 0.1)
    with hold_directory_lock(tmp_path):
        with pytest.raises(BlockingIOError), hold_directory_lock(tmp_path):
            pass
        with lock_annotations(tmp_path):  # which comes first where waiting takes too long
            pass
    assert os.listdir(tmp_path) == []


def run_without_locks(*arguments):
    exec(WITHOUT_LOCKS.format(number=errno.ENOLCK), {})
    forked_cli.run_in_child(*arguments)


def test_training_without_file_locks(config, tmp_path):
    def start_command(*words, **options):
        return forked_cli.start_command(tmp_path, *words, target=run_without_locks, **options)

    def read_output(name, *words):
        start_command(*words, out=name, err=name).join(60)
        return (tmp_path / name).read_text()

    process = start_command("train", config(UNVALIDATED_YAML), "epochs=100000")
    store, deadline = Store(tmp_path / "runs"), time.monotonic() + 120
    while not (runs := store.list_runs()) or not runs[0].run.metrics.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "running" in read_output("listing", "runs")
    run = runs[0].run
    assert f"is being trained by process {process.pid}" in read_output("refusal", "resume", str(run.directory))
    process.terminate()
    process.join(60)
    assert run.read_record().status == "interrupted"
    assert not get_owner_file(run.log).exists()
