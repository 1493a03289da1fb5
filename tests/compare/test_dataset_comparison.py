"""Comparisons of runs on several datasets: parts, setups that are matched, and the ranking over them."""

import numpy as np
import pytest

from dnn_cli.compare.dataset_comparison import compare_by_dataset
from dnn_cli.errors import UsageError
from dnn_cli.runs.record import Results
from dnn_cli.runs.store import Store

NAMES = ["iris", "wine", "mnist", "seeds", "glass", "yeast", "cars", "digits"]
ERROR = "val_mean_absolute_error"


class DatasetRuns:
    """Runs with given scores on several datasets."""

    def __init__(self, scored_runs):
        self.scored_runs, self.stamp = scored_runs, 0

    def add(self, dataset, setups, *overrides, source=None, **changes):
        """Make one run for each setup (the value of an override) and each of its scores."""
        data = {"dataset": source or dataset, "fingerprint": f"sha256:{dataset}", "validation": 200}
        words = {setup: setup.split() if "=" in setup else [] for setup in setups}
        return [
            self.scored_runs.add(setup, scores, *words[setup], *overrides, data=data, **changes)
            for setup, scores in setups.items()
        ]

    def add_errors(self, dataset, setups, *overrides):
        """Make runs of a regression that monitor the mean absolute error."""
        for runs, scores in zip(self.add(dataset, setups, *overrides), setups.values(), strict=True):
            for run, score in zip(runs, scores, strict=True):
                row = {
                    "epoch": 1,
                    "loss": score,
                    "val_loss": score**2,
                    ERROR: score,
                    "learning_rate": 0.1,
                    "seconds": 1.0,
                }
                run.write_metrics([row])
                record = run.read_record()
                results = Results(monitor=ERROR, last=row, best=row)
                run.write_record(record.model_copy(update={"results": results}))

    def list(self):
        store = Store(self.scored_runs.root / "runs")
        return store.with_details(store.list_runs())

    def compare(self, **options):
        return compare_by_dataset(self.list(), **options)


@pytest.fixture
def runs(scored_runs):
    return DatasetRuns(scored_runs)


def add_optimizers(runs, names, sgd=-0.1, **changes):
    """Make runs of two optimizers on each dataset, of which `sgd` differs from `adam` by an amount."""
    for number, name in enumerate(names):
        level = 0.9 - 0.05 * number
        runs.add(name, {"optimizer=adam": [level], "optimizer=sgd": [level + sgd + 0.001 * number]}, **changes)


def describe(ranking):
    return [(ranked.setup.label, ranked.word, ranked.wins, ranked.losses) for ranked in ranking.setups]


def test_each_dataset_is_compared_alone(runs):
    runs.add("wine", {"optimizer=adam": [0.9, 0.91, 0.92], "optimizer=sgd": [0.8, 0.81, 0.82]})
    runs.add("iris", {"optimizer=adam": [0.7, 0.71, 0.72]})
    compared = runs.compare()
    assert [(part.label, len(part.comparison.groups)) for part in compared.parts] == [("iris", 1), ("wine", 2)]
    (verdict,) = compared.parts[1].comparison.verdict_set.verdicts
    assert (verdict.word, verdict.comparisons) == ("worse", 1)
    assert not any("different data" in caveat for part in compared.parts for caveat in part.comparison.caveats)
    assert compared.no_ranking_reason == "no ranking over datasets: its test needs at least 5 datasets, and there are 2"


def test_one_dataset_has_one_part_without_notes(runs):
    runs.add("iris", {"optimizer=adam": [0.7], "optimizer=sgd": [0.8]})
    compared = runs.compare()
    assert (len(compared.parts), compared.no_ranking_reason, compared.ranking) == (1, "", None)


def test_eight_datasets_decide_on_two_setups(runs):
    add_optimizers(runs, NAMES)
    ranking = runs.compare().ranking
    assert describe(ranking) == [("adam", None, 0, 0), ("sgd", "worse", 0, 8)]
    assert (ranking.setups[1].p_value, ranking.friedman, ranking.scale) == (2 / 2**8, None, "difference")


def test_a_named_baseline_is_the_reference_everywhere(runs):
    add_optimizers(runs, NAMES)
    compared = runs.compare(baseline="sgd")
    assert {part.comparison.get_label(part.comparison.verdict_set.reference) for part in compared.parts} == {"sgd"}
    assert describe(compared.ranking) == [("adam", "better", 8, 0), ("sgd", None, 0, 0)]
    (adam, _) = runs.compare(baseline="adam").ranking.setups
    assert adam.word is None


def test_the_id_of_one_run_names_its_setup_on_all_datasets(runs):
    add_optimizers(runs, NAMES)
    (run_id,) = [run.record.id for run in runs.list() if run.name == "optimizer=sgd" and "iris" in str(run.record.data)]
    compared = runs.compare(baseline=run_id)
    assert {part.comparison.get_label(part.comparison.verdict_set.reference) for part in compared.parts} == {"sgd"}
    with pytest.raises(UsageError, match="nothing matches no group"):
        runs.compare(baseline="nothing")


def test_lower_errors_are_better_in_all_units(runs):
    for number, name in enumerate(NAMES):
        unit = 10.0 ** (number - 3)
        runs.add_errors(name, {"optimizer=adam": [2.0 * unit], "optimizer=sgd": [(3 + number / 10) * unit]})
    compared = runs.compare()
    assert {part.comparison.metric for part in compared.parts} == {ERROR}
    assert (compared.ranking.scale, *describe(compared.ranking)) == (
        "ratio",
        ("adam", None, 0, 0),
        ("sgd", "worse", 0, 8),
    )


def test_classification_and_regression_have_their_own_metrics(runs):
    add_optimizers(runs, NAMES[:5])
    for name in NAMES[5:]:
        runs.add_errors(name, {"optimizer=adam": [200.0], "optimizer=sgd": [300.0]})
    compared = runs.compare()
    assert {part.comparison.metric for part in compared.parts} == {"val_accuracy", ERROR}
    assert describe(compared.ranking)[1] == ("sgd", "worse", 0, 8)
    only = runs.compare(metric=ERROR)
    assert [part.label for part in only.parts] == sorted(NAMES[5:])
    assert len(only.left_out) == 10
    with pytest.raises(UsageError, match="no completed run has the metric"):
        runs.compare(metric="val_auc")


def test_layers_may_differ_in_the_shapes_of_the_data(runs):
    for name in ("digits", "mnist", "fashion_mnist", "iris", "wine"):
        is_table = name in ("iris", "wine")
        shapes = ["~layers.0", "layers.output.units=3"] if is_table else []
        for units in (8, 32):
            words = [f"data.dataset={name}", *shapes, f"layers.hidden.units={units}", "name=net"]
            runs.add(name, {f"{units}": [0.9 - units / 1000]}, *words)
    ranking = runs.compare().ranking
    assert describe(ranking) == [("units 8", None, 0, 0), ("units 32", "undecided", 0, 5)]


def test_layers_that_differ_otherwise_are_other_setups(runs):
    for number, name in enumerate(NAMES[:6]):
        for units in (8, 32):
            runs.add(name, {f"{units}": [0.9]}, f"layers.hidden.units={units + number}")
    compared = runs.compare()
    assert compared.ranking is None
    assert "no two setups were trained on 5 datasets; --by KEY matches" in compared.no_ranking_reason


def test_by_matches_the_values_of_a_key(runs):
    for number, name in enumerate(NAMES[:6]):
        runs.add(
            name, {"optimizer=adam": [0.9], "optimizer=sgd": [0.8 + number / 100]}, f"layers.hidden.units={number + 8}"
        )
    ranking = runs.compare(by=["optimizer.type"]).ranking
    assert describe(ranking) == [("adam", None, 0, 0), ("sgd", "worse", 0, 6)]


def test_settings_that_differ_between_datasets_are_a_caveat(runs):
    for number, name in enumerate(NAMES[:6]):
        runs.add(name, {"optimizer=adam": [0.9], "optimizer=sgd": [0.8 + number / 100]}, f"epochs={number + 3}")
    compared = runs.compare()
    assert compared.ranking is not None
    assert compared.caveats[0].startswith("the setups have other settings on other datasets (epochs): ")


def test_a_setup_that_failed_has_the_last_rank(runs):
    add_optimizers(runs, NAMES[:6], sgd=0.1)
    runs.add("cars", {"optimizer=adam": [0.9]})
    runs.add("cars", {"optimizer=sgd": [0.1]}, status="diverged")
    compared = runs.compare()
    (sgd,) = [ranked for ranked in compared.ranking.setups if ranked.setup.label == "sgd"]
    assert (len(compared.ranking.datasets), sgd.ranks.count(2.0)) == (7, 1)
    assert compared.notes == ("all runs of sgd failed on cars, where its rank is the last",)


def test_setups_without_runs_on_most_datasets_are_left_out(runs):
    add_optimizers(runs, NAMES[:6])
    runs.add("iris", {"optimizer=rmsprop": [0.99]})
    runs.add("yeast", {"optimizer=rmsprop": [0.99]})
    compared = runs.compare()
    assert [ranked.setup.label for ranked in compared.ranking.setups] == ["adam", "sgd"]
    assert "left out of the ranking, because they lack runs on some of its datasets: rmsprop" in compared.notes


def test_datasets_of_one_source_count_once(runs):
    add_optimizers(runs, NAMES[:4])
    for number in range(3):
        runs.add(f"{number}abcdefgh", {"optimizer=adam": [0.9], "optimizer=sgd": [0.8]}, source="digits")
    compared = runs.compare()
    assert [part.label for part in compared.parts][:3] == [f"digits ({number}abcdefg)" for number in range(3)]
    assert len(compared.ranking.datasets) == 5
    assert (
        "only the one with most runs counts in the ranking, not digits (1abcdefg), digits (2abcdefg)"
        in compared.notes[0]
    )


def test_equal_scores_decide_nothing(runs):
    add_optimizers(runs, NAMES, sgd=0.0)
    for name in NAMES:
        runs.add(name, {"optimizer=rmsprop": [0.5]})
    ranking = runs.compare().ranking
    assert {ranked.setup.label: ranked.word for ranked in ranking.setups}["rmsprop"] == "worse"
    assert np.isclose(sum(ranked.mean_rank for ranked in ranking.setups), 6)


def test_runs_without_data_belong_to_the_dataset_of_their_variant(runs):
    runs.add("iris", {"optimizer=adam": [0.7, 0.8]})
    runs.add("wine", {"optimizer=sgd": [0.7, 0.8]})
    runs.scored_runs.add("lost", [0.5], "optimizer=adam", first=9, status="failed", data={})
    runs.scored_runs.add("other", [0.5], "optimizer=rmsprop", first=9, status="failed", data={})
    compared = runs.compare()
    assert [len(part.comparison.left_out) for part in compared.parts] == [1, 0]
    assert [run.name for run in compared.left_out] == ["other"]


def test_datasets_without_a_score_have_no_part(runs):
    """No run on wine has three epochs, and no run on yeast has the metric."""
    runs.scored_runs.add("net", [(0.1, 0.2, 0.7)], data={"dataset": "iris", "fingerprint": "sha256:iris"})
    runs.add("wine", {"optimizer=sgd": [0.7]})
    runs.add_errors("yeast", {"optimizer=sgd": [3.0]})
    compared = runs.compare(metric="val_accuracy", at="epoch=3")
    (part,) = compared.parts
    assert (part.label, len(part.comparison.run_scores), len(compared.all_left_out)) == ("iris", 1, 2)
    assert not runs.compare(metric="val_accuracy", at="epoch=9").parts[0].comparison.run_scores
