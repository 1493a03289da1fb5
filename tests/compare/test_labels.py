"""Groups are labelled with what distinguishes them."""

import pytest

from dnn_cli.report.comparison import usual_cells
from dnn_cli.report.curves import curves
from dnn_cli.runs.store import Store

RELU = "layers=[Flatten, {type: Dense, units: 16, activation: relu}, {type: Dense, units: 10, activation: softmax}]"
SIGMOID = RELU.replace("relu", "sigmoid")
DEEP = (
    "layers=[Flatten, {type: Dense, units: 16, activation: relu}, {type: Dense, units: 16, activation: relu}, "
    "{type: Dense, units: 16, activation: relu}, {type: Dense, units: 10, activation: softmax}]"
)


def group_labels(trained, **options):
    compared = trained.compare(**options)
    return {compared.label(group) for group in compared.groups}


def test_a_group_is_not_named_after_one_of_its_runs(trained):
    trained.add("relu_adam", (0.8,), "optimizer=sgd")
    trained.add("relu_adam", (0.9,), "optimizer=rmsprop")
    trained.add("something", (0.7,), "optimizer=sgd", first=50)
    assert group_labels(trained) == {"sgd", "rmsprop"}


def test_a_setting_that_varies_is_shown_where_it_is_the_default(trained):
    trained.add("a", (0.8,), "optimizer={type: adam, learning_rate: 0.001}")
    trained.add("b", (0.7,), "optimizer={type: sgd, learning_rate: 0.001}")
    trained.add("c", (0.6,), "optimizer=sgd")
    assert group_labels(trained) == {
        "adam learning_rate=0.001", "sgd learning_rate=0.001", "sgd learning_rate=0.01",
    }  # fmt: skip


@pytest.mark.parametrize(("overrides", "labels"), [
    (("layers.hidden.units=8", "layers.hidden.units=16"), {"units 8", "units 16"}),
    (("data.standardize=true", "data.standardize=false"), {"standardize true", "standardize false"}),
    (("layers.hidden.activation=relu", "layers.hidden.activation=tanh"), {"relu", "tanh"}),
], ids=["number", "truth value", "word"])  # fmt: skip
def test_a_value_that_says_nothing_alone_has_its_key(trained, overrides, labels):
    for number, override in enumerate(overrides):
        trained.add("digits", (0.8 + number / 10,), override)
    assert group_labels(trained) == labels


@pytest.mark.parametrize("width", [80, 100, 140])
def test_stacks_of_other_depth_show_where_they_differ(trained, width):
    for number, layers in enumerate((RELU, SIGMOID, DEEP)):
        trained.add("digits", (0.7 + number / 10, 0.72 + number / 10), layers)
    assert group_labels(trained) == {
        "…, Dense activation=relu, …", "…, Dense activation=sigmoid, …", "…, 3 × Dense activation=relu, …",
    }  # fmt: skip
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=width)
    console.print(usual_cells(trained.compare()).fitting(width))
    words = " ".join(console.file.getvalue().split())
    assert "sigmoid" in words
    assert "3 × Dense" in words


def test_curves_have_the_same_labels(trained):
    for units in (8, 16):
        trained.add("digits", (units / 20,), f"layers.hidden.units={units}")
    store = Store(trained.root / "runs")
    assert set(curves(store.detailed(store.entries())).names) == group_labels(trained)
