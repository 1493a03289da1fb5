"""Sides of a sequential comparison: what two words can name, and what is refused."""

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.execution.settle_sides import choose_margin, choose_metric, resolve_sides
from dnn_cli.runs.query.selection import CachedStore
from tests.helpers.digits import QUICK_YAML

SGD = QUICK_YAML


def change(*pairs):
    text = QUICK_YAML
    for old, new in pairs:
        text = text.replace(old, new)
    return text


ADAM = change(("optimizer: sgd", "optimizer: adam"))


@pytest.fixture
def resolve(config, tmp_path):
    """Return a function that resolves the sides of two configs."""

    def resolve(first, second):
        files = [config(text, f"{name}.yaml") for name, text in (("first", first), ("second", second))]
        return resolve_sides(files, CachedStore(tmp_path / "runs"), allow_code=False)

    return resolve


def test_sides_have_short_labels(resolve):
    assert [side.label for side in resolve(SGD, ADAM)] == ["sgd", "adam"]
    assert [side.label for side in resolve(SGD, ADAM.replace("name: digits", "name: other"))] == ["digits", "other"]
    assert [side.label for side in resolve(SGD, change(("batch_size: 479", "batch_size: 32")))] == [
        "batch_size 479", "batch_size 32",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (SGD.replace("name: digits", "name: other") + "seed: 3\n", "are one experiment"),
        (ADAM.replace("dataset: digits", "dataset: digits, split_seed: 1"), "different data: data.split_seed"),
        (ADAM.replace("dataset: digits", "dataset: digits, folds: 5"), "is cross-validated"),
        (ADAM.replace("epochs: 2", "epochs: 3"), "have 2 and 3 epochs"),
        ("base: first.yaml\nparameters: {epochs: [1, 2]}\n", "is a sweep file"),
    ],
    ids=["one experiment", "data", "folds", "epochs", "sweep"],
)
def test_sides_that_cannot_be_compared(resolve, second, message):
    with pytest.raises(UsageError, match=message) as caught:
        resolve(SGD, second)
    assert caught.value.suggestion


def test_epochs_can_be_the_only_difference(resolve):
    assert [side.label for side in resolve(SGD, change(("epochs: 2", "epochs: 3")))] == ["epochs 2", "epochs 3"]


def test_metrics(resolve):
    sides = resolve(SGD, ADAM)
    assert choose_metric(sides, None) == "val_accuracy" and choose_metric(sides, "val_acc") == "val_accuracy"
    for metric in ("test_accuracy", "val_accuracies", "seconds"):
        with pytest.raises(UsageError, match=f"metric {metric}") as caught:
            choose_metric(sides, metric)
        assert "val_accuracy" in caught.value.suggestion or "val_loss" in caught.value.suggestion
    with pytest.raises(UsageError, match=r"monitors val_accuracy, and .* monitors val_loss") as caught:
        choose_metric(resolve(SGD, ADAM + "metrics: []\n"), None)
    assert "--metric val_loss" in caught.value.suggestion


def test_equivalence_has_a_default_for_shares():
    assert choose_margin("val_accuracy", None) == 0.005
    assert choose_margin("val_loss", None) is None and choose_margin("val_loss", 0.1) == 0.1


def test_words_that_name_no_experiment(make_run, tmp_path):
    store = CachedStore(tmp_path / "runs")
    make_run("name=one", digits="00000001")
    make_run("name=one", "optimizer=sgd", digits="00000002")
    for word, message in [
        ("none.yaml", "does not exist"), ("two", "no run two"), ("one", "different experiments"),
    ]:  # fmt: skip
        with pytest.raises(UsageError, match=message):
            resolve_sides([word, "00000002"], store, allow_code=None)
    first, second = resolve_sides(["00000001", "00000002"], store, allow_code=None)
    assert first.experiment.optimizer.type == "adam" and second.experiment.optimizer.type == "sgd"
