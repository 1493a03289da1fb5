"""`!dnn …` in a notebook: a pseudo-terminal, whose reader takes a movement of the cursor for text."""

import os
import re

import pytest

from dnn_cli.host.terminal import can_move_cursor
from tests.helpers.digits import QUICK_OVERRIDES
from tests.helpers.terminal import run_on_terminal

JUPYTER = {"TERM": "xterm-color", "JPY_PARENT_PID": "1", "FORCE_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat"}
COLAB = {"TERM": "xterm-color", "COLAB_RELEASE_TAG": "release", "PAGER": "cat"}
KERNEL = {"TERM": "xterm-color", "PAGER": "cat", "GIT_PAGER": "cat"}
TERMINAL = {"TERM": "xterm-256color", "JPY_PARENT_PID": ""}
UP = re.compile(r"\x1b\[\d*[AF]")


SWEEP = ["sweep", "digits.yaml", "seed=1,2", "-j", "1", *QUICK_OVERRIDES]


@pytest.mark.parametrize(
    ("environment", "words"),
    [(JUPYTER, SWEEP), (COLAB, ["train", "digits.yaml", *QUICK_OVERRIDES])],
    ids=["Jupyter-sweep", "Colab-train"],
)
def test_notebook_output_is_plain_lines(config, tmp_path, environment, words):
    config()
    text = run_on_terminal(tmp_path, *words, **environment)
    assert "\x1b" not in text
    assert "accuracy" in text


def test_terminal_output_has_bars(config, tmp_path):
    config()
    assert UP.search(run_on_terminal(tmp_path, *SWEEP, **TERMINAL))


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
    text = run_on_terminal(tmp_path, "watch", "@1", **JUPYTER)
    assert "2/2" in text
    assert "\x1b" not in text
