"""Answers of completers are stored, and count only until a file that decides them changes."""

import os
import subprocess
import sys

import pytest

from dnn_cli.cli import completion_cache
from dnn_cli.cli.app import app
from dnn_cli.cli.completion import iter_completion_lines
from dnn_cli.cli.completion_cache import describe_runs, recall_answer
from dnn_cli.config.keys import complete_all_overrides, complete_override
from dnn_cli.runs.annotations import Annotations, write_annotations
from dnn_cli.runs.store import Store
from tests.helpers.settings import ROOT

LINES = [
    "dnn train digits.yaml optimizer.", "dnn watch ", "dnn compare best:", "dnn runs --where best.",
    "dnn list layers D", "dnn summary 0000000b ep", "dnn runs sho", "dnn train --on ",
]  # fmt: skip

PROGRAM = """
import sys
from dnn_cli.cli.app import app
from dnn_cli.cli.completion import iter_completion_lines
for line in %r:
    assert list(iter_completion_lines(app, "fish", line, "")), line
    assert not {"pydantic", "rich.console", "sqlite3"} & set(sys.modules), line
"""


@pytest.fixture
def complete(config, make_run, tmp_path, monkeypatch):
    """Return the completions of a line, in a directory with a config and a run, with an empty cache."""
    config()
    make_run(digits="0000000b")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DNN_RUNS_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda line: list(iter_completion_lines(app, "fish", line, ""))


def test_second_completion_imports_no_pydantic(complete):
    for line in LINES:
        complete(line)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % LINES], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_changed_config_changes_completions(complete, tmp_path):
    before = complete("dnn train digits.yaml optimizer.")
    path = tmp_path / "digits.yaml"
    path.write_text(path.read_text().replace("optimizer: adam", "optimizer: sgd"))
    after = complete("dnn train digits.yaml optimizer.")
    assert any("beta_1" in line for line in before)
    assert not any("beta_1" in line for line in after)


def test_changed_parent_changes_completions(complete, tmp_path):
    (tmp_path / "child.yaml").write_text("extends: digits.yaml")
    before = complete("dnn train child.yaml optimizer.")
    path = tmp_path / "digits.yaml"
    path.write_text(path.read_text().replace("optimizer: adam", "optimizer: sgd"))
    assert complete("dnn train child.yaml optimizer.") != before


def test_renamed_run_is_offered(complete, tmp_path):
    assert not any(line.startswith("paper") for line in complete("dnn watch "))
    write_annotations(Store(tmp_path / "runs").find("0000000b"), Annotations(name="paper"))
    assert any(line.startswith("paper") for line in complete("dnn watch "))


def test_status_of_stopped_run_is_read_again(complete, make_run, tmp_path):
    run = make_run(digits="0000000c", status="running")
    with run.hold_lock():
        state = describe_runs(tmp_path / "runs")
        assert any(line.startswith("0000000c") and "running" in line for line in complete("dnn watch "))
    assert describe_runs(tmp_path / "runs") == state
    assert not any(line.startswith("0000000c") and "running" in line for line in complete("dnn watch "))


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"key": 1}', "\0"])
def test_damaged_answer_is_computed_again(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert recall_answer(("name",), "state", lambda: ([1], True)) == [1]
    (path,) = (tmp_path / "dnn" / "completions").iterdir()
    path.write_text(damage)
    assert recall_answer(("name",), "state", lambda: ([2], True)) == [2]
    assert recall_answer(("name",), "state", lambda: ([3], True)) == [2]


def test_oldest_answers_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(completion_cache, "_MAX_FILES", 3)
    for number in range(6):
        recall_answer((str(number),), "", lambda: ([], True))
    assert len(list((tmp_path / "dnn" / "completions").iterdir())) == 3


def test_all_overrides_have_the_completions_of_each(config):
    from dnn_cli.config.loading import read_config

    values = read_config(str(config())).value
    by_stem = complete_all_overrides(values)
    assert {"", "~", "optimizer.", "optimizer=", "layers.", "layers.hidden.units="} <= set(by_stem)
    assert all(by_stem[stem] == complete_override(values, stem) for stem in by_stem)


def test_missing_directory_has_no_runs(tmp_path):
    assert describe_runs(tmp_path / "none") == ""
    assert Store(tmp_path / "none").list_runs() == []
