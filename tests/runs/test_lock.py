import errno
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs import lock
from dnn_cli.runs.labels import alone
from dnn_cli.runs.lock import (
    Owner,
    State,
    UnknownHolder,
    held,
    held_folder,
    is_held,
    lock_state,
    owner_file,
    write_exclusively,
)
from dnn_cli.runs.store import Store
from dnn_cli.runs.trash import untrained
from tests.conftest import ROOT

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
    monkeypatch.setattr(lock, "WAITS", (0.01, None))
    return WITHOUT_LOCKS.format(number=request.param)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.log"


def write_owner(path, **changes):
    """An owner file of this process, or of one that differs in something."""
    folder = os.open(path.parent, os.O_RDONLY)
    path.touch()
    write_exclusively(owner_file(path).name, replace(Owner.me(), **changes), folder)
    os.close(folder)


ELSEWHERE = {"boot": "another machine", "host": "node7", "pid": 1234}
DEAD = {"start": "1"}
"""A process whose number this one has now."""


def test_a_file_stands_for_the_lock(without_locks, path):
    with held(path):
        assert lock_state(path) is State.HELD
        with pytest.raises(BlockingIOError), held(path):
            pass
    assert os.listdir(path.parent) == ["train.log"]
    with held(path):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(without_locks, path):
    code = f"{without_locks}\nfrom dnn_cli.runs.lock import held\nimport pathlib, time\n" + (
        "with held(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            assert is_held(path)
            with pytest.raises(BlockingIOError), held(path):
                pass
        finally:
            process.kill()
    assert owner_file(path).exists()
    assert lock_state(path) is State.FREE
    with held(path):
        assert is_held(path)
    assert os.listdir(path.parent) == ["train.log"]


@pytest.mark.parametrize("has_locks", [True, False])
def test_a_process_that_cannot_be_seen_is_not_replaced(path, has_locks, request):
    if not has_locks:
        request.getfixturevalue("monkeypatch").setattr(lock.fcntl, "flock", no_locks)
    write_owner(path, **ELSEWHERE)
    assert lock_state(path) is State.UNKNOWN
    with pytest.raises(UnknownHolder) as refused, held(path):
        pass
    assert refused.value.who == "process 1234 on node7"
    assert str(owner_file(path)) in refused.value.hint


def no_locks(descriptor, operation):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[" * 9000, "link"])
def test_a_damaged_owner_file_is_an_unknown_holder(monkeypatch, path, content):
    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    monkeypatch.setattr(lock, "WAITS", (0.01, None))
    if content == "link":
        owner_file(path).symlink_to("/dev/zero")
    else:
        owner_file(path).write_text(content)
    with pytest.raises(UnknownHolder, match="another process"), held(path):
        pass


def test_of_two_that_find_a_dead_process_one_takes_its_place(monkeypatch, path):
    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    write_owner(path, **DEAD)
    dead = lock.read_owner(owner_file(path))
    other = replace(Owner.me(), token="0" * 16)
    folder = os.open(path.parent, os.O_RDONLY)
    write = lock.write_exclusively

    def late(name, owner, folder):
        write(name, owner, folder)
        if name.endswith(dead.token):  # meanwhile another process has replaced the file, and removed the second one
            owner_file(path).unlink()
            write(owner_file(path).name, other, folder)

    monkeypatch.setattr(lock, "write_exclusively", late)
    with pytest.raises(BlockingIOError):
        lock.replace_dead(path, Owner.me(), folder)
    os.close(folder)
    assert lock.read_owner(owner_file(path)) == other
    assert sorted(os.listdir(path.parent)) == ["train.log", "train.log.owner"]


def test_a_renamed_folder_is_unlocked_too(monkeypatch, tmp_path):
    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    (tmp_path / "hidden").mkdir()
    with held(tmp_path / "hidden" / "train.log"):
        (tmp_path / "hidden").rename(tmp_path / "run")
        assert is_held(tmp_path / "run" / "train.log")
    assert os.listdir(tmp_path / "run") == ["train.log"]


@pytest.mark.parametrize(
    ("owner", "minutes", "status", "reason"),
    [
        ({}, 90, "running", None),
        (DEAD, 0, "interrupted", "its process ended without a word"),
        (ELSEWHERE, 5, "running", "no locks on this file system"),
        (ELSEWHERE, 90, "interrupted", "no locks on this file system, and no file of the run has changed for 2 h"),
        (None, 5, "running", "no locks on this file system"),
    ],
    ids=["lives", "dead", "elsewhere", "elsewhere, quiet", "of a machine with locks"],
)
def test_a_running_run_is_not_called_interrupted(make_run, monkeypatch, owner, minutes, status, reason):
    run = make_run(status="running")
    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    run.log.touch()
    if owner is not None:
        write_owner(run.log, **owner)
    for file in run.directory.iterdir():
        os.utime(file, (0, time.time() - 60 * minutes))
    record = run.read_record()
    assert record.status == status
    assert (record.reason or "").startswith(reason or "")
    assert (record.reason is None) == (reason is None)


def test_an_unknown_holder_keeps_others_away_with_a_way_out(make_run, monkeypatch):
    run = make_run(status="running")
    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    write_owner(run.log, **ELSEWHERE)
    for block in (run.claimed, lambda: untrained(run)):
        with pytest.raises(RunError, match="process 1234 on node7 may be training") as refused, block():
            pass
        assert refused.value.hint == f"wait for it; if that process has ended, delete {owner_file(run.log)}"


def test_changes_of_labels_wait_for_each_other(without_locks, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with held_folder(tmp_path):
        with pytest.raises(BlockingIOError), held_folder(tmp_path):
            pass
        with alone(tmp_path):  # which comes first where waiting takes too long
            pass
    assert os.listdir(tmp_path) == []


def test_a_training_on_such_a_file_system(config, tmp_path):
    """With Python's own start-up file, so that the processes of the program have no locks, either."""
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(WITHOUT_LOCKS.format(number=errno.ENOLCK))
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path / 'patch'}:{ROOT}"}
    command = [sys.executable, "-m", "dnn_cli"]
    with subprocess.Popen(
        [*command, "train", config(), "epochs=100000"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            store, deadline = Store(tmp_path / "runs"), time.monotonic() + 120
            while not (entries := store.entries()) or not entries[0].run.metrics.exists():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            listed = subprocess.run([*command, "runs"], cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert "running" in listed.stdout
            run = entries[0].run
            refused = subprocess.run(
                [*command, "resume", str(run.directory)], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert f"is being trained by process {process.pid}" in refused.stderr
        finally:
            process.terminate()
    assert run.read_record().status == "interrupted"
    assert not owner_file(run.log).exists()
