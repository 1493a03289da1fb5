"""Terminals that report 0 columns and 0 lines, as some pseudo-terminals of containers and build servers do."""

import pytest

from tests.helpers.digits import QUICK_OVERRIDES
from tests.helpers.terminal import run_on_terminal

UNKNOWN_SIZES = {
    "terminal": {"columns": 0, "lines": 0},
    "columns of the terminal": {"columns": 0},
    "variables": {"columns": 0, "lines": 0, "COLUMNS": "0", "LINES": "0"},
    "plain terminal": {"columns": 0, "lines": 0, "COLUMNS": "0", "TERM": "dumb"},
}


@pytest.mark.parametrize("size", UNKNOWN_SIZES.values(), ids=UNKNOWN_SIZES)
def test_unknown_size_is_80_columns(make_run, tmp_path, size):
    make_run()
    output = run_on_terminal(tmp_path, "list", "losses", **size)
    assert "sparse_categorical_crossentropy" in output
    assert 70 < max(map(len, output.splitlines())) <= 80


def test_zero_variables_do_not_replace_the_reported_size(make_run, tmp_path):
    output = run_on_terminal(tmp_path, "list", "losses", columns=120, COLUMNS="0", LINES="0")
    assert 100 < max(map(len, output.splitlines())) <= 120


@pytest.mark.parametrize("words", [["runs"], ["plot"], ["watch", "@1"], ["explain", "@1"]], ids=" ".join)
def test_unknown_size_prints_the_same_as_80_columns(make_run, tmp_path, words):
    make_run()
    expected = run_on_terminal(tmp_path, *words, columns=80, lines=24)
    assert run_on_terminal(tmp_path, *words, columns=0, lines=0, COLUMNS="0", LINES="0") == expected
    assert "digits" in expected or "accuracy" in expected


def test_unknown_size_has_a_progress_bar(config, tmp_path):
    output = run_on_terminal(tmp_path, "train", config(), *QUICK_OVERRIDES, "epochs=4", columns=0, lines=0, COLUMNS="0")
    assert " 4/4 " in output
    assert "━" in output
