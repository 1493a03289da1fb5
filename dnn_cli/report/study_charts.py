"""Charts of a study: the budget curve and the performance profile. Axis plots are in `report/axis_panel.py`."""

import math
from collections.abc import Mapping, Sequence

from dnn_cli.config.score_names import lower_is_better
from dnn_cli.report.series_chart import Series, SeriesChart, SeriesPanel

_PROFILE_MARGIN = 1.05
"""Ratio of the end of a profile's axis to its last step, so that the last level is visible."""


def build_budget_panel(
    expected_scores: Mapping[str, Sequence[float]], metric: str, settled_after: int | None = None
) -> SeriesPanel:
    """Build the budget curve: the expected best score after 1, 2, 3 and so on trials, for each value.

    The budget curve follows Dodge et al. 2019, "Show Your Work" (https://arxiv.org/abs/1909.03004).

    Args:
        expected_scores: The expected best score after each number of trials, by value of the question.
        metric: The name of the score.
        settled_after: The number of trials from which the order of the values no longer changes, which has
            a vertical line; `None` without such a number.
    """
    series = tuple(
        Series(name, lines=(tuple((float(trials), score) for trials, score in enumerate(scores, 1)),))
        for name, scores in expected_scores.items()
    )
    return SeriesPanel(
        f"expected best {metric}", "trials", series, lower_is_better=lower_is_better(metric), marked_x=settled_after
    )


def build_profile_panel(profiles: Mapping[str, Sequence[tuple[float, float]]], max_factor: float = 1.0) -> SeriesPanel:
    """Build the performance profile: the share of tasks on which a value is within a factor of the best value.

    The profile of a value is a step function. A profile that needs an infinite factor ends below 1. Source: Dolan and
    Moré 2002, "Benchmarking optimization software with performance profiles".

    Args:
        profiles: The steps of each value: the factor at which the share of tasks rises, and the share from there on.
            Factors are 1 or more, in ascending order; infinite factors are left out.
        max_factor: The factor up to which the axis reaches at least.
    """
    factors = [factor for steps in profiles.values() for factor, _ in steps if math.isfinite(factor)]
    end = max([max_factor, *factors]) * _PROFILE_MARGIN
    series = tuple(Series(name, lines=(_build_step_line(steps, end),)) for name, steps in profiles.items())
    return SeriesPanel(
        "share of tasks", "factor of the best value", series, x_log=end > 10, y_values=(0.0, 1.0)
    )  # fmt: skip


def _build_step_line(steps: Sequence[tuple[float, float]], end: float) -> tuple[tuple[float, float], ...]:
    """Build the line of a step function with its corners, from the factor 1 to `end`."""
    corners, share = [(1.0, 0.0)], 0.0
    for factor, next_share in steps:
        if math.isfinite(factor):
            corners += [(factor, share), (factor, next_share)]
            share = next_share
    return tuple(dict.fromkeys([*corners, (end, share)]))


def combine_panels(panels: Sequence[SeriesPanel], captions: Sequence[str] = ()) -> SeriesChart:
    """Combine panels into one chart, in which equal names of series have equal colours and marks."""
    names = dict.fromkeys(series.name for panel in panels for series in panel.series)
    return SeriesChart(tuple(panels), tuple(names), tuple(captions))
