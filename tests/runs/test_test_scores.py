"""Scores on the test set, which `dnn evaluate` found, as fields of a run."""

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.report.runs import chosen_listing
from dnn_cli.runs.entry import read_entry
from dnn_cli.runs.fields import ABSENT, check_known, getter, known_fields
from dnn_cli.runs.query import select
from dnn_cli.runs.record import Evaluation
from dnn_cli.runs.store import Store


def evaluation(accuracy, day=2, **more):
    """What an evaluation on a day of January 2026 found; the made runs ended on the first."""
    plain = {"split": "test", "examples": 450, **more}
    return Evaluation(at=f"2026-01-{day:02d}T00:00:00+00:00", scores={"loss": 0.5, "accuracy": accuracy}, **plain)


@pytest.fixture
def runs(make_run, tmp_path):
    """Three runs, of which one was never evaluated."""
    make_run(digits="00000001", evaluated=(evaluation(0.7), evaluation(0.9, split="validation")))
    make_run(
        digits="00000002", evaluated=(evaluation(0.8, 2), evaluation(0.6, 3), evaluation(0.95, 4, model="best.keras"))
    )
    make_run(digits="00000003")
    return Store(tmp_path / "runs")


def test_the_last_evaluation_of_model_keras_counts(runs):
    found = {entry.record.id: getter("test_accuracy")(entry) for entry in runs.entries()}
    assert (found["00000001"], found["00000002"], found["00000003"]) == (0.7, 0.6, ABSENT)
    assert [entry.record.id for entry in select(runs.entries(), "test_accuracy > 0.65")] == ["00000001"]


def test_the_best_model_has_a_field_of_its_own(runs):
    assert [entry.record.id for entry in select(runs.entries(), "best.test_accuracy > 0.9")] == ["00000002"]


def test_fields_and_addresses_know_test_scores(runs):
    assert {"test_loss", "test_accuracy", "best.test_accuracy"} <= set(known_fields(runs.entries()))
    assert runs.find("best:test_accuracy").directory.name.endswith("00000001")
    assert runs.find("best:test_loss").directory.name.endswith(("00000001", "00000002"))


def test_where_only_the_best_model_was_evaluated_its_score_is_named(make_run, tmp_path):
    make_run(evaluated=(evaluation(0.95, model="best.keras"),))
    store = Store(tmp_path / "runs")
    with pytest.raises(UsageError) as error:
        check_known(["test_accuracy"], store.entries())
    assert error.value.hint == "did you mean best.test_accuracy?"
    assert chosen_listing(store.entries(), ["id", "best.test_accuracy"]).headers == ["id", "best.test_accuracy"]
    assert store.find("best:best.test_accuracy")


def test_where_no_run_was_evaluated_the_command_is_named(make_run, tmp_path):
    make_run()
    store = Store(tmp_path / "runs")
    with pytest.raises(UsageError, match="no run has the field test_accuracy") as error:
        check_known(["test_accuracy"], store.entries())
    assert "dnn evaluate RUN" in error.value.hint
    with pytest.raises(UsageError) as error:
        store.find("best:test_accuracy")
    assert "dnn evaluate RUN" in error.value.hint


def test_a_resumed_run_has_lost_the_scores_of_its_earlier_weights(make_run):
    run = make_run(evaluated=(evaluation(0.7),), ended="2026-01-03T00:00:00+00:00")
    assert read_entry(run).record.tested() is None
    run = make_run(evaluated=(evaluation(0.7),), ended="2026-01-01T00:00:00+00:00", digits="00000002")
    assert read_entry(run).record.test_scores() == {"test_loss": 0.5, "test_accuracy": 0.7}
