"""The end of a process that has imported TensorFlow: its exit code, its output and its exit handlers."""

import subprocess
import sys

import pytest

from tests.helpers.settings import ROOT

PROGRAM = """
import atexit, sys, types

class Teardown:
    def __del__(self):
        print("torn down")

teardown = Teardown()
if sys.argv[1] == "imported":
    sys.modules["tensorflow"] = types.ModuleType("tensorflow")
from dnn_cli.__main__ import main
import dnn_cli.cli.app

atexit.register(print, "exit handler")
sys.argv = ["dnn", *sys.argv[2:]]
main()
"""
"""Start of `dnn` with an exit handler that is registered before `main` runs, and an object that Python tears down."""


@pytest.mark.parametrize(
    ("state", "words", "exit_code", "lines"),
    [
        pytest.param("imported", ["--version"], 0, ["exit handler"], id="success"),
        pytest.param("imported", ["check", "missing.yaml"], 2, ["exit handler"], id="error"),
        pytest.param("absent", ["--version"], 0, ["exit handler", "torn down"], id="without TensorFlow"),
    ],
)
def test_teardown_is_skipped_with_tensorflow(tmp_path, state, words, exit_code, lines):
    completed = subprocess.run(
        [sys.executable, "-c", PROGRAM, state, *words],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert completed.returncode == exit_code
    assert completed.stdout.splitlines()[(words == ["--version"]) :] == lines
