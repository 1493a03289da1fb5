"""Which runs an axis plot shows, and how they form series."""

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.report.axis_panel import build_axis_panels
from dnn_cli.report.axis_plot import build_axis_chart, build_axis_document
from dnn_cli.runs.query.selection import CachedStore
from tests.helpers.study_memberships import build_membership


@pytest.fixture
def build_axis(scored_runs, tmp_path):
    """Return a function that builds the axis plots of all runs."""

    def build(*keys, **options):
        lookup = CachedStore(tmp_path / "runs")
        return build_axis_chart(lookup.with_details(lookup.list_runs()), keys, **options)

    return build


def list_values(plot, name):
    """The value and the score of each run of a series."""
    return [(point.value, point.score) for point in plot.points if point.series == name]


def test_series_are_the_other_keys_that_differ_and_seeds_share_a_series(scored_runs, build_axis):
    for optimizer, units, score in (("adam", 8, 0.8), ("adam", 16, 0.9), ("sgd", 8, 0.6)):
        scored_runs.add("run", [score, score], f"optimizer={optimizer}", f"layers.hidden.units={units}")
    chart = build_axis("layers.hidden.units")
    assert chart.names == ("adam", "sgd")
    assert list_values(chart.plots[0], "adam") == [(8, 0.8), (8, 0.8), (16, 0.9), (16, 0.9)]
    assert list_values(chart.plots[0], "sgd") == [(8, 0.6), (8, 0.6)]


def test_short_key_is_the_learning_rate_of_every_optimizer(scored_runs, build_axis):
    for optimizer in ("adam", "{type: sgd, momentum: 0.9}"):
        scored_runs.add("run", [0.8], f"optimizer={optimizer}", "optimizer.learning_rate=0.01")
    chart = build_axis("lr")
    assert (chart.plots[0].key, chart.names) == ("optimizer.learning_rate", ("adam", "sgd momentum=0.9"))


def test_axis_of_optimizers_ignores_arguments_that_follow_from_the_type(scored_runs, build_axis):
    for optimizer in ("sgd", "adam"):
        scored_runs.add("run", [0.8], f"optimizer={optimizer}")
    assert build_axis("optimizer").names == ("run",)
    scored_runs.add("run", [0.9], "optimizer=adam", "optimizer.learning_rate=0.5")
    chart = build_axis("optimizer.type")
    assert chart.names == ("learning_rate 0.01", "learning_rate 0.001", "learning_rate 0.5")
    assert [point.value for point in chart.plots[0].points] == ["sgd", "adam", "adam"]


def test_random_search_over_several_keys_is_one_series(scored_runs, build_axis):
    for number in range(1, 11):
        scored_runs.add("run", [0.8], f"optimizer.learning_rate={number / 100}", f"batch_size={number}")
    chart = build_axis("optimizer.learning_rate")
    assert chart.names == ("run",)
    assert "runs of one series also differ in batch_size; --by KEY chooses the series" in chart.notes


def test_by_chooses_the_series(scored_runs, build_axis):
    for number, optimizer in enumerate(("sgd", "adam") * 3, 1):
        scored_runs.add("run", [0.8], f"optimizer={optimizer}", f"lr={number / 10}", f"batch_size={number}")
    assert build_axis("lr", by=["optimizer.type"]).names == ("sgd", "adam")


def test_diverged_runs_have_no_score_and_are_counted_in_the_legend(scored_runs, build_axis):
    scored_runs.add("run", [0.8], "lr=0.01")
    scored_runs.add("run", [0.1], "lr=10", status="diverged")
    scored_runs.add("run", [0.1], "lr=20", status="interrupted")
    chart = build_axis("lr")
    assert list_values(chart.plots[0], "run") == [(0.01, 0.8), (10, None)]
    panels = build_axis_panels(chart)
    assert panels.names == ("run (2 runs, 1 diverged)",)
    assert panels.panels[0].series[0].failures == (10,)
    assert any("left out, because without val_accuracy" in note for note in chart.notes)


def test_completed_repeat_replaces_a_failed_run(scored_runs, build_axis):
    scored_runs.add("run", [0.1], "lr=0.01", status="failed")
    scored_runs.add("run", [0.8], "lr=0.01")
    assert list_values(build_axis("lr").plots[0], "run") == [(0.01, 0.8)]


def test_study_shows_tuning_runs_with_a_series_for_each_value(scored_runs, build_axis):
    for value, key in (("sgd", "momentum"), ("adam", "beta_1")):
        for trial in range(3):
            tuned = (f"optimizer={value}", f"lr={10.0**-trial}", f"optimizer.{key}={0.9 - trial / 100}")
            scored_runs.add("run", [0.5 + trial / 10], *tuned, sweeps=(build_membership(value, trial=trial),))
        scored_runs.add("run", [0.99], f"optimizer={value}", sweeps=(build_membership(value, "final"),), first=7)
    chart = build_axis("lr", "optimizer.beta_1")
    assert chart.names == ("sgd", "adam")
    assert [point.value for point in chart.plots[0].points] == [1.0, 0.1, 0.01] * 2
    assert [point.value for point in chart.plots[1].points] == [0.9, 0.89, 0.88]
    assert "left out: 2 final runs" in chart.notes
    assert any("without optimizer.beta_1: 3 runs" in note for note in chart.notes)
    panel = build_axis_panels(chart).panels[0]
    assert all(not series.lines for series in panel.series)
    assert build_axis_panels(build_axis("optimizer.beta_1")).names == ("adam (3 runs)",)


def test_tasks_of_a_study_have_own_panels(scored_runs, build_axis):
    for task, score in (("b", 0.5), ("a", 0.7)):
        membership = build_membership("sgd", trial=0).model_copy(update={"name": task})
        scored_runs.add(f"run of {task}", [score], "lr=0.1", sweeps=(membership,))
    failed = build_membership("sgd", trial=0).model_copy(update={"name": "c"})
    scored_runs.add("failed", [0.1], "lr=0.1", status="failed", sweeps=(failed,))
    chart = build_axis("lr")
    assert [(plot.task, [point.score for point in plot.points]) for plot in chart.plots] == [("a", [0.7]), ("b", [0.5])]
    assert [panel.title for panel in build_axis_panels(chart).panels] == ["a: val_accuracy", "b: val_accuracy"]
    assert [axis["task"] for axis in build_axis_document(chart)["axes"]] == ["a", "b"]


def test_run_of_two_studies_counts_in_the_common_study(scored_runs, build_axis):
    other = build_membership("sgd", "final", study_id="0" * 8)
    scored_runs.add(
        "run", [0.5], "lr=1", sweeps=(other, build_membership("sgd", "final"), build_membership("sgd", trial=0))
    )
    scored_runs.add("run", [0.6], "lr=2", sweeps=(build_membership("nesterov", trial=0),))
    assert build_axis("lr").names == ("sgd", "nesterov")


def test_runs_outside_a_study_are_all_drawn(scored_runs, build_axis):
    scored_runs.add("run", [0.5], "lr=1", sweeps=(build_membership("sgd", "final"),))
    scored_runs.add("run", [0.6], "lr=2")
    assert len(build_axis("lr").plots[0].points) == 2


def test_study_without_tuning_runs_is_refused(scored_runs, build_axis):
    scored_runs.add("run", [0.5], sweeps=(build_membership("sgd", "final"),))
    with pytest.raises(UsageError, match="no run can be drawn over a key: 1 final run"):
        build_axis("lr")


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        (["learning_rat"], {}, "no run has the field learning_rat"),
        (["lr"], {"metrics": ["nonsense"]}, "no completed run has the metric nonsense"),
        (["lr"], {"at": "epoch=9"}, "no run has 9 epochs"),
        (["lr"], {"at": "middle"}, "unknown --at value: middle"),
        (["lr"], {"by": ["nonsense"]}, "no run has the field nonsense"),
    ],
)
def test_wrong_requests_are_refused(scored_runs, build_axis, keys, options, message):
    scored_runs.add("run", [0.8])
    with pytest.raises(UsageError, match=message):
        build_axis(*keys, **options)


def test_only_diverged_runs_are_refused(scored_runs, build_axis):
    scored_runs.add("run", [0.1], status="diverged")
    with pytest.raises(UsageError, match="no completed run has a score"):
        build_axis("lr")


def test_document_has_each_run(scored_runs, build_axis):
    scored_runs.add("run", [0.8], "lr=0.01")
    scored_runs.add("run", [0.1], "lr=10", status="diverged")
    (document,) = build_axis_document(build_axis("lr", at="best"))["axes"]
    assert (document["axis"], document["metric"], document["at"]) == ("optimizer.learning_rate", "val_accuracy", "best")
    assert document["series"] == [{"name": "run", "runs": [
        {"id": "00000001", "value": 0.01, "score": 0.8, "status": "completed"},
        {"id": "00000002", "value": 10.0, "score": None, "status": "diverged"},
    ]}]  # fmt: skip


def test_ninth_series_is_left_out(scored_runs, build_axis):
    for number in range(9):
        scored_runs.add("run", [0.5 + number / 100], f"batch_size={number + 1}")
    chart = build_axis("lr", by=["batch_size"])
    assert len(chart.names) == 8
    assert "batch_size 1" not in chart.names
