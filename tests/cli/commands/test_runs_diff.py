"""`dnn runs diff`: two runs side by side."""

import io

import pytest
from rich.console import Console

from dnn_cli.report.run_differences import build_results_table, build_settings_table, diff_runs
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.cli_output import parse_json_output

EVALUATION = Evaluation(
    at="2026-01-02T00:00:00+00:00", split="test", examples=450, scores={"accuracy": 0.7, "loss": 1.0}
)


@pytest.fixture
def two(make_run):
    """Two runs that differ in the optimizer, the width of a layer, and their results."""
    make_run("name=old", curve=(0.5, 0.8), digits="00000001")
    make_run(
        "name=new", "optimizer=sgd", "layers.hidden.units=32", curve=(0.5, 0.6, 0.9), digits="00000002",
        evaluated=(EVALUATION,),
    )  # fmt: skip


def split_rows(text):
    return [line.split() for line in text.splitlines()]


def test_differing_settings_and_results(dnn, two):
    rows = split_rows(dnn("runs", "diff", "old", "new").stdout)
    assert rows[0] == ["old", "00000001", "new", "00000002"]
    settings = rows[1 : rows.index([])]
    assert [row[0] for row in settings] == ["layers.hidden.units", "optimizer"]
    assert settings[0] == ["layers.hidden.units", "16", "→", "32"]
    assert ["last.val_accuracy", "0.8000", "0.9000", "+0.1000"] in rows
    assert ["best.epoch", "2", "3", "+1"] in rows
    assert ["test_accuracy", "–", "0.7000"] in rows
    assert ["parameters", "1,210", "1,210"] in rows


def test_json_has_settings_and_results(dnn, two):
    result = parse_json_output(dnn("runs", "diff", "00000002", "00000001", "--json"))
    assert [run["id"] for run in result["runs"]] == ["00000002", "00000001"]
    assert result["settings"]["layers.hidden.units"] == ["32", "16"]
    assert result["results"]["test_accuracy"] == {"values": [0.7, None], "difference": None}
    assert result["results"]["trained"] == {"values": [3, 2], "difference": -1}


def test_names_make_no_difference(dnn, make_run):
    make_run("name=one", digits="00000001")
    make_run("name=two", "layers.hidden.name=other", digits="00000002")
    assert dnn("runs", "diff", "@1", "@2").stdout.startswith("the configs are equal except for names\n")


def test_different_data_prints_a_note(dnn, make_run):
    make_run(digits="00000001")
    make_run(digits="00000002", data={"fingerprint": "sha256:1"})
    assert "different data" in dnn("runs", "diff", "@1", "@2").stderr


def test_lines_fit_into_a_narrow_terminal(make_run):
    make = (["x" * 60, "epochs=3"], ["y", "metrics=[accuracy, sparse_top_k_categorical_accuracy]"])
    runs = [make_run(f"name={name}", key, digits=f"0000000{at}") for at, (name, key) in enumerate(make)]
    diff = diff_runs(*map(read_run_info, runs))
    for table in build_settings_table(diff), build_results_table(diff):
        console = Console(width=80, file=io.StringIO())
        console.print(table)
        assert "…" not in console.file.getvalue() and max(map(len, console.file.getvalue().splitlines())) <= 80


def test_unreadable_config_is_one_line(dnn, make_run):
    make_run(digits="00000001").config.write_text("layers: [")
    make_run(digits="00000002")
    done = dnn("runs", "diff", "00000001", "00000002")
    assert done.returncode == 1
    assert "cannot be compared: config.yaml" in done.stderr and "Traceback" not in done.stderr
