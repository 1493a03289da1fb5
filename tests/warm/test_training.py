"""A training that the warm server runs."""

import os
import subprocess
import sys

from dnn_cli.warm.control import start_server, stop_server
from tests.helpers.settings import ROOT


def test_training_has_the_same_bits(dnn, config, tmp_path, monkeypatch):
    """`dnn reproduce` compares the weights, scores and predictions of both trainings."""
    path = config()
    # Without XLA, the short training needs no compilation.
    assert dnn("train", path, "epochs=2", "jit=false").returncode == 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(subprocess, "_args_from_interpreter_flags", list)
    start_server(5)
    try:
        process = subprocess.run(
            [sys.executable, "-m", "dnn_cli", "-v", "reproduce", "@1"],
            cwd=tmp_path, capture_output=True, text=True, timeout=100, env=os.environ,
        )  # fmt: skip
    finally:
        stop_server()
    assert process.returncode == 0, process.stderr
    assert "forked from the warm server" in process.stderr
