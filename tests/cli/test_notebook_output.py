"""`!dnn …` in a notebook: a pseudo-terminal, whose reader takes a movement of the cursor for text."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading

import pytest

from dnn_cli.host.terminal import can_move_cursor
from tests.helpers import forked_cli
from tests.helpers.settings import ROOT

JUPYTER = {"TERM": "xterm-color", "JPY_PARENT_PID": "1", "FORCE_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat"}
COLAB = {"TERM": "xterm-color", "COLAB_RELEASE_TAG": "release", "PAGER": "cat"}
KERNEL = {"TERM": "xterm-color", "PAGER": "cat", "GIT_PAGER": "cat"}
TERMINAL = {"TERM": "xterm-256color", "JPY_PARENT_PID": ""}
UP = re.compile(rb"\x1b\[\d*[AF]")


@pytest.fixture
def run_on_terminal(tmp_path):
    """Runs a program on a terminal of 24 rows and 80 columns, and returns all that it has written there."""

    def run(*words, environment):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        name, parts = os.ttyname(slave), []

        def read():
            try:
                while part := os.read(master, 65536):
                    parts.append(part)
            except OSError:  # the other end is closed
                return

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        process = forked_cli.start_command(tmp_path, *words, out=name, err=name, **environment)
        try:
            process.join(120)
            assert process.exitcode == 0, b"".join(parts)
        finally:
            process.kill()
            os.close(slave)
            reader.join(10)
            os.close(master)
        return b"".join(parts)

    return run


@pytest.mark.parametrize(
    "words",
    [["train", "digits.yaml"], ["sweep", "digits.yaml", "seed=1,2", "-j", "2"]],
    ids=["train", "sweep"],
)
@pytest.mark.parametrize("environment", [JUPYTER, COLAB], ids=["Jupyter", "Colab"])
def test_notebook_output_is_plain_lines(run_on_terminal, config, words, environment):
    config()
    text = run_on_terminal(*words, environment=environment)
    assert b"\x1b" not in text
    assert b"val_accuracy" in text


def test_terminal_output_has_bars(run_on_terminal, config):
    config()
    assert UP.search(run_on_terminal("sweep", "digits.yaml", "seed=1,2", "-j", "2", environment=TERMINAL))


@pytest.mark.parametrize(
    ("environment", "can"),
    [(JUPYTER, False), (COLAB, False), (KERNEL, False), (TERMINAL, True), ({"TERM": "dumb"}, False), ({}, True)],
    ids=[
        "Jupyter",
        "Colab",
        "a kernel of another program",
        "a terminal that Jupyter started",
        "TERM=dumb",
        "nothing set",
    ],
)
def test_can_move_cursor_depends_on_the_environment(monkeypatch, environment, can):
    monkeypatch.setattr(os, "environ", environment)
    assert can_move_cursor() is can


def test_watch_in_a_notebook_prints_lines(make_run, tmp_path):
    make_run()
    master, slave = pty.openpty()
    environment = {**os.environ, **JUPYTER, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dnn_cli", "watch", "@1"], cwd=tmp_path, env=environment, stdout=slave, timeout=60
        )
        os.close(slave)
        assert done.returncode == 0
        text = os.read(master, 65536)
    finally:
        os.close(master)
    assert b"2/2" in text
    assert b"\x1b" not in text
