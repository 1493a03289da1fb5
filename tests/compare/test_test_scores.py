"""Comparisons by scores on the test set."""

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.evaluations import Evaluation


def build_evaluations(right, examples=450, model="model.keras"):
    scores = {"loss": 0.5, "accuracy": float(f"{right / examples:.7f}")}
    return (Evaluation(at="2026-01-02T00:00:00+00:00", split="test", examples=examples, scores=scores, model=model),)


@pytest.fixture
def tested(scored_runs):
    """Two optimizers with three seeds each, evaluated, and a seventh run that was not."""
    for optimizer, scores in ("adam", (430, 431, 432)), ("sgd", (400, 402, 401)):
        for seed, right in enumerate(scores, 1):
            scored_runs.add(optimizer, (0.9,), f"optimizer={optimizer}", first=seed, evaluated=build_evaluations(right))
    scored_runs.add("adam", (0.9,), "optimizer=adam", first=4)
    return scored_runs


def test_groups_are_compared_by_the_exact_test_accuracies(tested):
    comparison = tested.compare(metric="test_accuracy")
    assert [(group.name, group.mean) for group in comparison.groups] == [
        ("adam", pytest.approx(431 / 450)), ("sgd", pytest.approx(401 / 450)),
    ]  # fmt: skip
    assert comparison.resolution.step == pytest.approx(1 / 450)
    assert not comparison.lower_is_better and tested.compare(metric="test_loss").lower_is_better


def test_runs_not_evaluated_are_left_out_with_a_caveat(tested):
    comparison = tested.compare(metric="test_accuracy")
    assert [run_info.record.id for run_info in comparison.left_out] == ["00000007"]
    never = "left out, because model.keras has no test score: 1 of 7 runs (00000007); "
    assert f"{never}dnn evaluate RUN computes the score" in comparison.caveats
    assert any("a run that was chosen by this score" in warning for warning in comparison.caveats)


def test_best_models_are_compared_by_their_own_scores(tested):
    for optimizer, right in ("adam", 440), ("sgd", 410):
        tested.add(
            optimizer, (0.9,), f"optimizer={optimizer}", first=5, evaluated=build_evaluations(right, model="best.keras")
        )
    comparison = tested.compare(metric="best.test_accuracy")
    assert [group.mean for group in comparison.groups] == [pytest.approx(440 / 450), pytest.approx(410 / 450)]
    assert not comparison.lower_is_better and tested.compare(metric="best.test_loss").lower_is_better
    other = tested.compare(metric="test_accuracy")
    assert "best.keras has a test score: --metric best.test_accuracy compares this score" in other.caveats


def test_single_models_are_not_judged_by_test_scores(scored_runs):
    scored_runs.add("adam", (0.9,), "optimizer=adam", evaluated=build_evaluations(430))
    scored_runs.add("sgd", (0.9,), "optimizer=sgd", evaluated=build_evaluations(400))
    (verdict,) = scored_runs.compare(metric="test_accuracy").verdict_set.verdicts
    assert verdict.word == "undecided" and verdict.examples is None


def test_test_scores_have_no_epochs(tested):
    with pytest.raises(UsageError, match="exists for the saved model only"):
        tested.compare(metric="test_accuracy", at="best")


def test_missing_test_scores_are_refused_with_a_command(scored_runs):
    scored_runs.add("adam", (0.9,))
    with pytest.raises(UsageError, match="test_accuracy") as error:
        scored_runs.compare(metric="test_accuracy")
    assert "dnn evaluate RUN" in error.value.suggestion
