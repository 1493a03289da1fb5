"""At which point runs are compared."""

import re

import pytest

from dnn_cli.compare.views import curve_of, explain_absence, parse_view
from dnn_cli.errors import UsageError
from dnn_cli.runs.entry import read_entry

CURVE = (0.5, 0.7, 0.9, 0.8)


@pytest.fixture
def entry(make_run):
    """Four epochs of a second each, of 45 batches."""
    run = make_run(curve=CURVE)
    record = run.read_record()
    run.write_record(record.model_copy(update={"data": {**record.data, "train": 1437}}))
    return read_entry(run)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("final", 0.8), ("best", 0.9), ("epoch=2", 0.7), ("epoch=5", None), ("steps=45", 0.5), ("steps=134", 0.7),
        ("steps=44", None), ("steps=225", None), ("seconds=2.5", 0.7), ("seconds=0.5", None), ("seconds=9", None),
        ("area", (0.6 + 0.8 + 0.85) / 3), ("reach=0.7", 2), ("reach=0.95", None),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_run_scores_there(entry, text, score):
    found = parse_view(text).score(curve_of(entry, "val_accuracy"))
    assert found == (None if score is None else pytest.approx(score))


@pytest.mark.parametrize(("text", "score"), [("best", 0.1), ("reach=0.35", 2), ("reach=0.05", None)], ids=str)
def test_a_loss_is_reached_from_above(entry, text, score):
    found = parse_view(text).score(curve_of(entry, "val_loss"))
    assert found == (None if score is None else pytest.approx(score))


def test_the_score_is_that_of_the_saved_model(make_run):
    run = make_run(curve=CURVE)
    record = run.read_record()
    restored = record.results.model_copy(update={"model": {"val_accuracy": 0.9}})
    run.write_record(record.model_copy(update={"results": restored}))
    assert parse_view("final").score(curve_of(read_entry(run), "val_accuracy")) == 0.9


def test_a_score_that_a_run_does_not_have_has_no_curve(entry):
    assert curve_of(entry, "val_auc") is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("finale", "did you mean final?"), ("best_epoch", "did you mean best?"), ("last_epoch", "did you mean final?"),
        ("max", "did you mean best?"), ("final_epoch", "did you mean final?"), ("epoch5", "did you mean epoch=5?"),
        ("epochs=5", "did you mean epoch=5?"), ("epoch:7", "did you mean epoch=7?"), ("3", "did you mean epoch=3?"),
        ("epoch", "as in --at epoch=5"), ("epoch=", "as in --at epoch=5"),
        ("epoch=0", "as in --at epoch=5"), ("epoch=1.5", "as in --at epoch=5"),
        ("seconds=nan", "as in --at seconds=10"),
        ("seconds=-1", "as in --at seconds=10"), ("reach=much", "as in --at reach=0.87"),
        ("", "one of final, best, area"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_view_is_refused(text, hint):
    with pytest.raises(UsageError) as refused:
        parse_view(text)
    assert refused.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "metric", "reason"),
    [
        ("epoch=99", "val_accuracy", "no run has 99 epochs; the longest has 4: --at epoch=4 or less"),
        ("steps=9999", "val_accuracy", "no run has 9999 steps; the longest has 180: --at steps=180 or less"),
        ("steps=3", "val_accuracy", "no epoch ends within 3 steps; the first ends after 45: --at steps=45 or more"),
        ("seconds=60", "val_accuracy", "no training takes longer than 60 s; "
         "the last epoch but one of the longest ends after 3 s: --at seconds=3 or less"),
        ("seconds=0.1", "val_accuracy", "no epoch ends within 0.1 s; the first ends after 1: --at seconds=1 or more"),
        ("reach=0.99", "val_accuracy", "no run reaches 0.99; the best score is 0.9: --at reach=0.9"),
        ("reach=0.01", "val_loss", "no run reaches 0.01; the best score is 0.1: --at reach=0.1"),
    ],
    ids=str,
)  # fmt: skip
def test_a_point_that_no_run_has_is_answered_with_one_that_some_run_has(entry, text, metric, reason):
    view, curve = parse_view(text), curve_of(entry, metric)
    assert view.score(curve) is None
    assert "; ".join(explain_absence(view, [curve])) == reason
    found = re.search(r"--at (\S+)", reason)
    assert parse_view(found[1]).score(curve) is not None
