"""Scales, means and the best run of axis plots."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.compare.comparison_points import parse_comparison_point
from dnn_cli.errors import UsageError
from dnn_cli.report.axis_panel import build_axis_panels, choose_axis_scale
from dnn_cli.report.axis_plot import AxisChart, AxisPlot, AxisPoint


def build_panel(points, *, metric="val_accuracy", key="lr", is_study=False):
    """The panel and the captions of points with value, score, series and variant."""
    axis_points = tuple(
        AxisPoint(f"{number:08x}", series, value, score, "completed" if score is not None else "diverged", variant)
        for number, (value, score, series, variant) in enumerate(points)
    )
    names = tuple(dict.fromkeys(point.series for point in axis_points))
    plot = AxisPlot(key, metric, parse_comparison_point("final"), axis_points, is_study)
    chart = build_axis_panels(AxisChart((plot,), names, ()))
    return chart.panels[0], chart.captions


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.001, 0.01, 0.1], "log"),
        ([8, 16, 128], "log"),
        ([0.0, 0.01, 0.5], "linear"),
        ([1, 2, 10], "linear"),
        ([-1.0, 100.0], "linear"),
        ([0.9, 0.99, 0.999], "complement"),
        ([0.0, 0.9, 0.99], "complement"),
        ([0.0, 0.1, 0.5], "linear"),
        ([0.001, 0.95], "log"),
        ([0.9, 1.0], "linear"),
        (["relu", "gelu"], "categories"),
        ([1, "none"], "categories"),
    ],
)
def test_scale_follows_the_values(values, expected):
    assert choose_axis_scale(values) == expected


@given(st.lists(st.floats(-1e6, 1e6) | st.floats(0, 1), min_size=1))
def test_every_value_has_a_position(values):
    panel, _ = build_panel([(value, 0.5, "a", str(value)) for value in values])
    assert all(math.isfinite(point.x) and (point.x > 0 or not panel.x_log) for point in panel.series[0].points)


def test_values_close_to_one_are_drawn_as_their_distance_from_one():
    panel, captions = build_panel([(0.9, 0.5, "a", "1"), (0.99, 0.6, "a", "2"), (0.999, 0.4, "a", "3")], key="beta_1")
    assert panel.x_label == "1 - beta_1 (log)"
    assert [point.x for point in panel.series[0].points] == [0.1, 0.01, 0.001]
    assert captions == ("best val_accuracy: 0.6000 at beta_1 0.99",)


def test_line_joins_means_of_seeds():
    seeds = [(1, 0.4, "a", "1"), (1, 0.6, "a", "1"), (2, 0.7, "a", "2"), (2, 0.9, "a", "2")]
    panel, captions = build_panel(seeds)
    assert panel.series[0].lines == (((1.0, 0.5), (2.0, pytest.approx(0.8))),)
    assert captions == (
        "best val_accuracy: 0.8000 at lr 2, mean of 2 runs", "lines: mean of the runs that differ only in seed or fold",
    )  # fmt: skip


def test_no_line_joins_a_random_search():
    assert build_panel([(1, 0.4, "a", "1"), (2, 0.6, "a", "2"), (3, 0.7, "a", "3")])[0].series[0].lines == ()
    several_variants = [(1, 0.4, "a", "1"), (1, 0.6, "a", "2"), (2, 0.7, "a", "3"), (2, 0.9, "a", "4")]
    panel, captions = build_panel(several_variants)
    assert panel.series[0].lines == ()
    assert captions == ("best val_accuracy: 0.9000 at lr 2",)


def test_shared_points_of_a_study_are_not_joined():
    points = [(1, 0.4, "a", "1"), (2, 0.6, "a", "2"), (1, 0.7, "b", "3"), (2, 0.9, "b", "4")]
    assert build_panel(points)[0].series[0].lines != ()
    assert build_panel(points, is_study=True)[0].series[0].lines == ()


def test_lowest_loss_is_best():
    panel, captions = build_panel([(1, 0.4, "a", "1"), (2, 0.6, "b", "2")], metric="val_loss")
    assert (panel.best.x, panel.best.y, panel.lower_is_better) == (1, 0.4, True)
    assert captions == ("best val_loss: 0.4000 at lr 1 (a)",)


def test_losses_of_different_magnitude_are_on_a_logarithmic_axis():
    points = [(1, 0.4, "a", "1"), (2, 4000.0, "a", "2")]
    panel, captions = build_panel(points, metric="val_loss")
    assert (panel.title, panel.y_log) == ("val_loss (log)", True)
    assert captions == ("best val_loss: 0.4000 at lr 1",)
    assert not build_panel(points, metric="val_accuracy")[0].y_log
    assert not build_panel([(1, 0.0, "a", "1"), *points], metric="val_loss")[0].y_log


def test_points_as_good_as_the_best_are_counted():
    _, captions = build_panel([(1, 0.5, "a", "1"), (2, 0.5, "a", "2"), (3, 0.4, "a", "3")])
    assert captions == ("best val_accuracy: 0.5000 at lr 1; 1 other point with this score",)


def test_series_of_a_category_are_side_by_side():
    points = [(value, 0.5, series, f"{value}{series}") for value in ("relu", "none", "gelu") for series in ("a", "b")]
    panel, _ = build_panel(points, key="activation")
    assert panel.categories == ("relu", "gelu", "none")
    positions = [point.x for series in panel.series for point in series.points]
    assert len(set(positions)) == 6
    assert [round(position) for position in positions] == [0, 2, 1, 0, 2, 1]


def test_key_whose_runs_all_diverged_is_refused():
    with pytest.raises(UsageError, match="no run with lr has a score"):
        build_panel([(1, None, "a", "1")])


def test_too_many_categories_are_refused():
    with pytest.raises(UsageError, match="41 values that are not all numbers"):
        build_panel([(f"text {number}", 0.5, "a", str(number)) for number in range(41)])
