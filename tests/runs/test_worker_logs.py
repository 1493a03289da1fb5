"""Logs of workers below a runs directory: their creation, their order and the removal of old logs."""

import os

from dnn_cli.runs.store import Store
from dnn_cli.runs.unused_files import find_unused_files
from dnn_cli.runs.worker_logs import LOGS_DIRECTORY, MAX_LOGGED_COMMANDS, create_worker_log, list_worker_logs

UNUSED_ID = 4_200_000
"""Number above the largest process id of Linux."""


def write_log(root, process_id, age):
    path = root / LOGS_DIRECTORY / f"{process_id}-worker-1.log"
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    os.utime(path, (10**9 - age, 10**9 - age))
    return path


def test_log_is_created_and_continued(tmp_path):
    path = create_worker_log(tmp_path / "runs", "worker-1", "first")
    assert create_worker_log(tmp_path / "runs", "worker-1", "second") == path
    assert path == tmp_path / "runs" / ".logs" / f"{os.getpid()}-worker-1.log"
    assert [line.partition(" UTC  ")[2] for line in path.read_text().splitlines()] == ["first", "second"]


def test_no_log_without_a_directory(tmp_path):
    (tmp_path / "runs").write_text("a file")
    assert create_worker_log(tmp_path / "runs", "worker-1", "first") is None
    assert list_worker_logs(tmp_path / "runs") == []


def test_logs_of_old_commands_are_removed(tmp_path):
    running = write_log(tmp_path, os.getppid(), age=10**6)
    other = tmp_path / LOGS_DIRECTORY / "notes.txt"
    other.write_text("of the user")
    logs = [write_log(tmp_path, UNUSED_ID + number, age=number) for number in range(MAX_LOGGED_COMMANDS + 3)]
    create_worker_log(tmp_path, "worker-1", "first")
    assert [path.exists() for path in logs] == [True] * MAX_LOGGED_COMMANDS + [False] * 3
    assert running.exists() and other.exists()


def test_newest_log_is_listed_first(tmp_path):
    old, new = write_log(tmp_path, UNUSED_ID, age=9), write_log(tmp_path, UNUSED_ID + 1, age=1)
    assert [log.path for log in list_worker_logs(tmp_path)] == [new, old]


def test_logs_are_neither_runs_nor_unused_files(make_run, tmp_path):
    run = make_run()
    create_worker_log(tmp_path / "runs", "worker-1", "first")
    assert [run_info.run.directory for run_info in Store(tmp_path / "runs").list_runs()] == [run.directory]
    assert find_unused_files(tmp_path / "runs", checkpoints=True) == []
