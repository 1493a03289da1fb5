"""Groups are labelled with what distinguishes them."""

import pytest

from dnn_cli.report.comparison_tables import build_default_cells
from dnn_cli.report.curves import build_curve_chart
from dnn_cli.runs.store import Store

RELU = "layers=[Flatten, {type: Dense, units: 16, activation: relu}, {type: Dense, units: 10, activation: softmax}]"
SIGMOID = RELU.replace("relu", "sigmoid")
DEEP = (
    "layers=[Flatten, {type: Dense, units: 16, activation: relu}, {type: Dense, units: 16, activation: relu}, "
    "{type: Dense, units: 16, activation: relu}, {type: Dense, units: 10, activation: softmax}]"
)


def list_group_labels(scored_runs, **options):
    compared = scored_runs.compare(**options)
    return {compared.get_label(group) for group in compared.groups}


def test_group_is_labelled_by_its_setting(scored_runs):
    scored_runs.add("relu_adam", (0.8,), "optimizer=sgd")
    scored_runs.add("relu_adam", (0.9,), "optimizer=rmsprop")
    scored_runs.add("something", (0.7,), "optimizer=sgd", first=50)
    assert list_group_labels(scored_runs) == {"sgd", "rmsprop"}


def test_label_shows_a_varied_setting_at_its_default(scored_runs):
    scored_runs.add("a", (0.8,), "optimizer={type: adam, learning_rate: 0.001}")
    scored_runs.add("b", (0.7,), "optimizer={type: sgd, learning_rate: 0.001}")
    scored_runs.add("c", (0.6,), "optimizer=sgd")
    assert list_group_labels(scored_runs) == {
        "adam learning_rate=0.001", "sgd learning_rate=0.001", "sgd learning_rate=0.01",
    }  # fmt: skip


@pytest.mark.parametrize(("overrides", "labels"), [
    (("layers.hidden.units=8", "layers.hidden.units=16"), {"units 8", "units 16"}),
    (("data.standardize=true", "data.standardize=false"), {"standardize true", "standardize false"}),
    (("layers.hidden.activation=relu", "layers.hidden.activation=tanh"), {"relu", "tanh"}),
], ids=["number", "truth value", "word"])  # fmt: skip
def test_numbers_and_truth_values_are_labelled_with_their_key(scored_runs, overrides, labels):
    for number, override in enumerate(overrides):
        scored_runs.add("digits", (0.8 + number / 10,), override)
    assert list_group_labels(scored_runs) == labels


@pytest.mark.parametrize("width", [80, 100, 140])
def test_labels_of_stacks_show_the_differing_layers(scored_runs, width):
    for number, layers in enumerate((RELU, SIGMOID, DEEP)):
        scored_runs.add("digits", (0.7 + number / 10, 0.72 + number / 10), layers)
    assert list_group_labels(scored_runs) == {
        "…, Dense activation=relu, …", "…, Dense activation=sigmoid, …", "…, 3 × Dense activation=relu, …",
    }  # fmt: skip
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=width)
    console.print(build_default_cells(scored_runs.compare()).build_fitting_table(width))
    words = " ".join(console.file.getvalue().split())
    assert "sigmoid" in words
    assert "3 × Dense" in words


def test_curves_have_the_same_labels(scored_runs):
    for units in (8, 16):
        scored_runs.add("digits", (units / 20,), f"layers.hidden.units={units}")
    store = Store(scored_runs.root / "runs")
    assert set(build_curve_chart(store.with_details(store.list_runs())).names) == list_group_labels(scored_runs)
