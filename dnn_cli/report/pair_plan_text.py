"""Table and sentences of `dnn plan`: the pairs of seeds and the time that find a difference."""

from collections.abc import Callable, Sequence

from dnn_cli.compare.pair_planning import PairForecast, SpreadEstimate
from dnn_cli.report.settle_text import format_score_difference
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.text import format_count

_ROW_TITLES = ("low", "estimate", "high")
"""Titles of the rows: the ends of the interval of the spread, and the spread itself between them."""


def format_spread_line(spread: SpreadEstimate, metric: str) -> str:
    """Return the sentence on the spread of the differences and its interval."""
    low, high = (format_score_difference(metric, end, unit=False) for end in spread.interval)
    basis = f"of {format_count(spread.pairs, 'pair')}" if spread.pairs else "of unpaired seeds"
    amount = format_score_difference(metric, spread.value)
    return f"standard deviation {basis}: {amount} (95% interval {low} to {high})"


def build_plan_cells(
    forecasts: Sequence[PairForecast], metric: str, difference: float, compute_seconds: Callable[[float], float | None]
) -> TableCells:
    """Build the table of a plan: a row for each spread, with pairs and the time to train those that are missing.

    Args:
        forecasts: The forecasts for the low end, the estimate and the high end of the spread.
        metric: The metric.
        difference: The difference to find.
        compute_seconds: The function that returns the training time up to a number of pairs; `None` if it is unknown.
    """
    amount = format_score_difference(metric, difference)
    headers = ["spread", "", "fixed number", f"settle, if {amount}", "settle, if 0"]

    def format_cell(pairs: float, share: float | None = None) -> str:
        seconds = compute_seconds(pairs)
        parts = [f"{pairs:,.0f}", *([] if seconds is None else [_format_minutes(seconds)])]
        return ", ".join([*parts, *([] if share is None else [f"{100 * share:.0f}%"])])

    rows = [
        [
            title,
            format_score_difference(metric, item.spread),
            "more than 1,000" if item.fixed_pairs is None else format_cell(item.fixed_pairs),
            format_cell(item.if_different.mean_pairs, item.if_different.decided_share),
            format_cell(item.if_equal.mean_pairs, item.if_equal.decided_share),
        ]
        for title, item in zip(_ROW_TITLES, forecasts, strict=True)
    ]
    return TableCells(headers, rows, right=[""], wrapped=headers[2:])


def _format_minutes(seconds: float) -> str:
    """Return a time in whole minutes, such as `18 min` or `1 h 05 min`; `1 min` for any shorter time."""
    minutes = 0 if seconds == 0 else max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02d} min"


def list_plan_notes(metric: str, difference: float, max_pairs: int, existing_pairs: int, workers: int) -> list[str]:
    """Return the notes below the table of a plan."""
    amount = format_score_difference(metric, difference)
    existing = f"the {format_count(existing_pairs, 'pair')} that {'exists' if existing_pairs == 1 else 'exist'}"
    time = f"the time of the missing runs with {format_count(workers, 'worker')}"
    return [
        f"numbers of pairs, with {time}; they include {existing}",
        f"fixed number: a paired t-test finds a difference of {amount} in 4 of 5 cases (power 80%)",
        f"settle: mean number of pairs if the true difference is {amount}, until one is better, and if it is 0, until "
        f"both are equivalent within {amount}; the percentage has this verdict by {format_count(max_pairs, 'pair')}",
    ]
