import subprocess
import sys

PROGRAM = """
import os, sys
from pathlib import Path
from dnn_cli.training.noise import divert_output
with divert_output(Path(sys.argv[1])):
    os.write(2, b"from C\\n")
    print("from Python", file=sys.stderr)
    print("to stdout")
print("after")
"""


def test_what_is_written_past_python_goes_to_the_file(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("before\n")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(log)], capture_output=True, text=True, check=True)
    assert sorted(log.read_text().splitlines()) == ["before", "from C", "from Python", "to stdout"]
    assert (done.stdout, done.stderr) == ("after\n", "")
