"""At which point runs are compared."""

import pytest

from dnn_cli.compare.views import curve_of, parse_view
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
        ("finale", "did you mean final?"), ("epoch", "as in --at epoch=5"), ("epoch=", "as in --at epoch=5"),
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
