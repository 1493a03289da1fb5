import subprocess
import sys

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
