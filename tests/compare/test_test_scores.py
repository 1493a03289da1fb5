"""Comparisons by scores on the test set."""

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.record import Evaluation


def evaluated(right, examples=450, model="model.keras"):
    scores = {"loss": 0.5, "accuracy": float(f"{right / examples:.7f}")}
    return (Evaluation(at="2026-01-02T00:00:00+00:00", split="test", examples=examples, scores=scores, model=model),)


@pytest.fixture
def tested(trained):
    """Two optimizers with three seeds each, evaluated, and a seventh run that was not."""
    for optimizer, scores in ("adam", (430, 431, 432)), ("sgd", (400, 402, 401)):
        for seed, right in enumerate(scores, 1):
            trained.add(optimizer, (0.9,), f"optimizer={optimizer}", first=seed, evaluated=evaluated(right))
    trained.add("adam", (0.9,), "optimizer=adam", first=4)
    return trained


def test_groups_are_compared_by_the_exact_test_accuracies(tested):
    found = tested.compare(metric="test_accuracy")
    assert [(one.name, one.mean) for one in found.groups] == [
        ("adam", pytest.approx(431 / 450)), ("sgd", pytest.approx(401 / 450)),
    ]  # fmt: skip
    assert found.precision.step == pytest.approx(1 / 450)
    assert not found.lower_is_better and tested.compare(metric="test_loss").lower_is_better


def test_runs_that_were_not_evaluated_are_counted_and_left_out(tested):
    found = tested.compare(metric="test_accuracy")
    assert [entry.record.id for entry in found.left_out] == ["00000007"]
    never = "left out, because model.keras was never evaluated on the test set: 1 of 7 runs (00000007); "
    assert f"{never}dnn evaluate RUN evaluates it" in found.warnings
    assert any(warning.startswith("a run chosen by its test score") for warning in found.warnings)


def test_the_scores_of_best_models_are_compared_on_their_own(tested):
    for optimizer, right in ("adam", 440), ("sgd", 410):
        tested.add(optimizer, (0.9,), f"optimizer={optimizer}", first=5, evaluated=evaluated(right, model="best.keras"))
    found = tested.compare(metric="best.test_accuracy")
    assert [one.mean for one in found.groups] == [pytest.approx(440 / 450), pytest.approx(410 / 450)]
    assert not found.lower_is_better and tested.compare(metric="best.test_loss").lower_is_better
    other = tested.compare(metric="test_accuracy")
    assert "best.keras was evaluated: --metric best.test_accuracy compares it" in other.warnings


def test_two_single_models_are_not_judged_by_their_validation_predictions(trained):
    trained.add("adam", (0.9,), "optimizer=adam", evaluated=evaluated(430))
    trained.add("sgd", (0.9,), "optimizer=sgd", evaluated=evaluated(400))
    (verdict,) = trained.compare(metric="test_accuracy").family.verdicts
    assert verdict.word == "undecided" and verdict.examples is None


def test_a_test_score_belongs_to_no_epoch(tested):
    with pytest.raises(UsageError, match="known for the saved model only"):
        tested.compare(metric="test_accuracy", at="best")


def test_where_no_run_was_evaluated_the_command_is_named(trained):
    trained.add("adam", (0.9,))
    with pytest.raises(UsageError, match="test_accuracy") as error:
        trained.compare(metric="test_accuracy")
    assert "dnn evaluate RUN" in error.value.hint
