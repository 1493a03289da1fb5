import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from pathlib import Path
from dnn_cli.host.output_redirect import redirect_output
with redirect_output() as into:
    os.write(2, b"early\\n")
    if len(sys.argv) > 1:
        into(Path(sys.argv[1]))
    os.write(2, b"from C\\n")
    print("from Python", file=sys.stderr)
    print("to stdout")
print("after")
"""


def run_program(*arguments):
    return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)


def test_native_output_goes_to_the_file(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("before\n")
    done = run_program(str(log))
    lines = log.read_text().splitlines()
    assert lines[:2] == ["before", "early"]
    assert sorted(lines[2:]) == ["from C", "from Python", "to stdout"]
    assert (done.stdout, done.stderr) == ("after\n", "")


def test_output_without_a_file_is_discarded():
    done = run_program()
    assert (done.stdout, done.stderr) == ("after\n", "")


DIVERTING_PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from dnn_cli.host.output_redirect import divert_stdio
os.write(1, b"before\\n")
with divert_stdio(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
    os.write(1, b"to stdout\\n")
    subprocess.run(["cat"])
    os.write(2, b"to stderr\\n")
os.write(1, sys.stdin.buffer.read())
"""


@pytest.mark.parametrize("has_file", [True, False], ids=["file", "null"])
def test_streams_are_diverted_and_restored(tmp_path, has_file):
    log = tmp_path / "worker.log"
    log.write_text("first\n")
    done = subprocess.run(
        [sys.executable, "-c", DIVERTING_PROGRAM, *([str(log)] if has_file else [])],
        input="input\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("before\ninput\n", "")
    assert log.read_text() == "first\n" + ("to stdout\nto stderr\n" if has_file else "")


def test_early_output_is_not_held_for_a_worker(tmp_path):
    program = PROGRAM.replace("redirect_output()", "redirect_output(hold_early=False)")
    log = tmp_path / "train.log"
    done = subprocess.run([sys.executable, "-c", program, str(log)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("after\n", "early\n")
    assert "from C" in log.read_text() and "early" not in log.read_text()
