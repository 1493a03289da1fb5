import contextlib
import os
import pty
import subprocess
import sys

import pytest

from tests.helpers.cli_output import parse_json_output
from tests.helpers.settings import ROOT


def list_run_ids(directory):
    return sorted(path.name[-8:] for path in directory.glob("2*"))


def test_remove_and_restore_and_purge(dnn, make_run, tmp_path):
    runs = tmp_path / "runs"
    for digits in ("00000001", "00000002"):
        make_run(f"name=run{digits[-1]}", digits=digits)
    make_run(digits="00000003", name="\x1b[31mred")

    done = dnn("runs", "rm", "run1", "00000003")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "removed run1 00000001; dnn runs restore 00000001 restores it",
        "removed �[31mred 00000003; dnn runs restore 00000003 restores it",
    ]
    assert list_run_ids(runs) == ["00000002"]

    assert dnn("runs", "restore", "run1").stdout == "restored run1 00000001\n"
    listed = parse_json_output(dnn("runs", "restore", "--json"))
    assert [(run["id"], run["status"]) for run in listed["trash"]] == [("00000003", "completed")]

    preview = dnn("runs", "purge")
    assert (preview.returncode, preview.stderr) == (0, "nothing was deleted; use --yes to delete\n")
    assert "1 run, " in preview.stdout
    assert list_run_ids(runs / ".trash") == ["00000003"]
    assert dnn("runs", "purge", "--yes").stdout.splitlines()[-1].startswith("deleted 1 run, ")
    assert list_run_ids(runs / ".trash") == []
    assert list_run_ids(runs) == ["00000001", "00000002"]
    assert dnn("runs", "restore").stderr == "the trash of runs is empty\n"


def test_gc_lists_files_before_freeing_them(dnn, make_run, tmp_path):
    run = make_run()
    run.checkpoints.mkdir()
    run.last_checkpoint.write_bytes(b"1234")
    run.previous_checkpoint.write_bytes(b"123")
    make_run(digits="00000002")
    assert dnn("runs", "rm", "00000002", "--runs-dir", "runs").returncode == 0

    preview = dnn("runs", "gc")
    previous = f"{run.directory.name}/checkpoints/previous.npz"
    assert preview.returncode == 0
    assert preview.stdout.splitlines()[2].split("  ") == ["previous checkpoint", previous, " 3 B"]
    assert preview.stdout.splitlines()[-1] == "3 B can be freed"
    assert "nothing was deleted; use --yes to delete\nthe trash contains 1 run, " in preview.stderr
    assert preview.stderr.endswith("; dnn runs purge empties the trash\n")
    assert run.previous_checkpoint.exists()

    would = parse_json_output(dnn("runs", "gc", "--json"))
    assert would == {
        "schema_version": 1, "garbage": [{"kind": "previous checkpoint", "path": previous, "bytes": 3}],
        "bytes": 3, "freed": False, "failed": [],
    }  # fmt: skip
    assert run.previous_checkpoint.exists()

    freed = dnn("runs", "gc", "--checkpoints", "--yes")
    assert freed.stdout.endswith("7 B can be freed\nfreed 7 B\n")
    assert "cannot continue without" in freed.stderr
    assert not list(run.checkpoints.iterdir())
    assert "no unused files in runs" in dnn("runs", "gc").stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--runs-dir", "else where", "purge", "--yes"], "dnn runs purge … --runs-dir 'else where'"),
        (["--json", "rm", "digits"], "dnn runs rm … --json"),
    ],
    ids=["--runs-dir", "--json"],
)
def test_an_option_before_a_subcommand_is_refused(dnn, make_run, tmp_path, words, hint):
    make_run()
    done = dnn("runs", *words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[1] == f"  for example: {hint}"
    assert list_run_ids(tmp_path / "runs") == ["00000001"]


def test_runs_dir_variable_applies_to_subcommands(dnn, make_run, tmp_path):
    make_run()
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    there = ["--runs-dir", "elsewhere"]
    assert dnn("runs", "rm", "digits", *there).stdout.split("; ")[1] == (
        "dnn runs restore 00000001 --runs-dir elsewhere restores it\n"
    )
    assert parse_json_output(dnn("runs", "restore", "00000001", "--json", DNN_RUNS_DIR="elsewhere"))["restored"][0][
        "dir"
    ] == ("elsewhere/20260101-000000-digits-00000001")


def read_to_end(primary):
    """Read all output of a terminal whose other end is closed. One read can return a part of the output."""
    parts = []
    with contextlib.suppress(OSError):
        while part := os.read(primary, 10_000):
            parts.append(part)
    return b"".join(parts).decode()


@pytest.mark.parametrize(("answer", "left"), [("y", []), ("", ["00000001"])], ids=["yes", "only return"])
def test_purge_asks_on_a_terminal(dnn, make_run, tmp_path, answer, left):
    make_run().directory.parent.rename(tmp_path / "trashed")
    (tmp_path / "runs").mkdir()
    (tmp_path / "trashed").rename(tmp_path / "runs" / ".trash")
    primary, secondary = pty.openpty()
    os.write(primary, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "dnn_cli", "runs", "purge"], cwd=tmp_path, stdin=secondary, stderr=secondary,
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}, timeout=60,
    )  # fmt: skip
    os.close(secondary)
    question = read_to_end(primary)
    os.close(primary)
    assert done.returncode == 0
    assert "permanently? [y/N]" in question
    assert list_run_ids(tmp_path / "runs" / ".trash") == left


def test_failed_purge_is_one_line_and_exit_code(dnn, make_run, tmp_path):
    make_run()
    assert dnn("runs", "rm", "digits").returncode == 0
    program = (
        "import shutil, sys; from dnn_cli.cli.app import main\n"
        "def fail(path): raise PermissionError(13, 'Permission denied')\n"
        "shutil.rmtree = fail; sys.argv = ['dnn', 'runs', 'purge', '--yes']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == ("dnn: runs/.trash/20260101-000000-digits-00000001 cannot be deleted: Permission denied\n")
    assert done.stdout.splitlines()[-1] == "deleted 0 runs, 0 B"
