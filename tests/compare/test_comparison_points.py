"""At which point runs are compared."""

import re

import pytest

from dnn_cli.compare.comparison_points import explain_missing_scores, find_score_curve, parse_comparison_point
from dnn_cli.errors import UsageError
from dnn_cli.runs.run_info import read_run_info

CURVE = (0.5, 0.7, 0.9, 0.8)


@pytest.fixture
def run_info(make_run):
    """Four epochs of a second each, of 45 batches."""
    run = make_run(curve=CURVE)
    record = run.read_record()
    run.write_record(record.model_copy(update={"data": {**record.data, "train": 1437}}))
    return read_run_info(run)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("final", 0.8), ("best", 0.9), ("epoch=2", 0.7), ("epoch=5", None), ("steps=45", 0.5), ("steps=134", 0.7),
        ("steps=44", None), ("steps=225", None), ("seconds=2.5", 0.7), ("seconds=0.5", None), ("seconds=9", None),
        ("area", (0.6 + 0.8 + 0.85) / 3), ("reach=0.7", 2), ("reach=0.95", None),
    ],
    ids=str,
)  # fmt: skip
def test_scores_at_comparison_points(run_info, text, score):
    value = parse_comparison_point(text).compute_score(find_score_curve(run_info, "val_accuracy"))
    assert value == (None if score is None else pytest.approx(score))


@pytest.mark.parametrize(("text", "score"), [("best", 0.1), ("reach=0.35", 2), ("reach=0.05", None)], ids=str)
def test_loss_scores_at_comparison_points(run_info, text, score):
    value = parse_comparison_point(text).compute_score(find_score_curve(run_info, "val_loss"))
    assert value == (None if score is None else pytest.approx(score))


def test_final_score_is_that_of_the_saved_model(make_run):
    run = make_run(curve=CURVE)
    record = run.read_record()
    restored = record.results.model_copy(update={"model": {"val_accuracy": 0.9}})
    run.write_record(record.model_copy(update={"results": restored}))
    assert parse_comparison_point("final").compute_score(find_score_curve(read_run_info(run), "val_accuracy")) == 0.9


def test_missing_metric_has_no_curve(run_info):
    assert find_score_curve(run_info, "val_auc") is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("finale", "did you mean final?"), ("best_epoch", "did you mean best?"), ("last_epoch", "did you mean final?"),
        ("max", "did you mean best?"), ("final_epoch", "did you mean final?"), ("epoch5", "did you mean epoch=5?"),
        ("epochs=5", "did you mean epoch=5?"), ("epoch:7", "did you mean epoch=7?"), ("3", "did you mean epoch=3?"),
        ("epoch", "for example --at epoch=5"), ("epoch=", "for example --at epoch=5"),
        ("epoch=0", "for example --at epoch=5"), ("epoch=1.5", "for example --at epoch=5"),
        ("seconds=nan", "for example --at seconds=10"),
        ("seconds=-1", "for example --at seconds=10"), ("reach=much", "for example --at reach=0.87"),
        ("", "use one of final, best, area"),
    ],
    ids=str,
)  # fmt: skip
def test_invalid_comparison_points_are_refused(text, hint):
    with pytest.raises(UsageError) as refused:
        parse_comparison_point(text)
    assert refused.value.suggestion.startswith(hint)


@pytest.mark.parametrize(
    ("text", "metric", "reason"),
    [
        ("epoch=99", "val_accuracy", "no run has 99 epochs; the longest run has 4: --at epoch=4 or less"),
        ("steps=9999", "val_accuracy", "no run has 9999 steps; the longest run has 180: --at steps=180 or less"),
        ("steps=3", "val_accuracy", "no epoch ends within 3 steps; "
         "the first epoch ends after 45: --at steps=45 or more"),
        ("seconds=60", "val_accuracy", "no training takes longer than 60 s; "
         "the longest training begins its last epoch after 3 s: --at seconds=3 or less"),
        ("seconds=0.1", "val_accuracy", "no epoch ends within 0.1 s; "
         "the first epoch ends after 1: --at seconds=1 or more"),
        ("reach=0.99", "val_accuracy", "no run reaches 0.99; the best score is 0.9: --at reach=0.9"),
        ("reach=0.01", "val_loss", "no run reaches 0.01; the best score is 0.1: --at reach=0.1"),
    ],
    ids=str,
)  # fmt: skip
def test_unreached_point_is_refused_with_a_suggestion(run_info, text, metric, reason):
    point, curve = parse_comparison_point(text), find_score_curve(run_info, metric)
    assert point.compute_score(curve) is None
    assert "; ".join(explain_missing_scores(point, [curve])) == reason
    suggestion = re.search(r"--at (\S+)", reason)
    assert parse_comparison_point(suggestion[1]).compute_score(curve) is not None
