"""Table and sentences of `dnn plan`: the pairs of seeds and the time that find a difference."""

from collections.abc import Callable, Sequence

from dnn_cli.compare.pair_planning import PairForecast, SettleForecast, SpreadEstimate
from dnn_cli.report.settle_text import format_score_difference
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.text import format_count, format_duration

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
    headers = ["spread", "", "fixed number", f"settle, difference {amount}", "settle, difference 0"]

    def format_pairs(pairs: float, text: str) -> str:
        seconds = compute_seconds(pairs)
        return text if seconds is None else f"{text}, {format_duration(seconds)}"

    def format_settle(forecast: SettleForecast) -> str:
        text = format_pairs(forecast.mean_pairs, f"{forecast.mean_pairs:.1f} pairs")
        return text if forecast.decided_share > 0.995 else f"{text} ({100 * forecast.decided_share:.0f}% decided)"

    rows = [
        [
            title,
            format_score_difference(metric, item.spread),
            "more than 1,000 pairs"
            if item.fixed_pairs is None
            else format_pairs(item.fixed_pairs, format_count(item.fixed_pairs, "pair")),
            format_settle(item.if_different),
            format_settle(item.if_equal),
        ]
        for title, item in zip(_ROW_TITLES, forecasts, strict=True)
    ]
    return TableCells(headers, rows, right=[""], wrapped=headers[2:])


def list_plan_notes(metric: str, difference: float, max_pairs: int, existing_pairs: int, workers: int) -> list[str]:
    """Return the notes below the table of a plan."""
    amount = format_score_difference(metric, difference)
    existing = f"{format_count(existing_pairs, 'pair')} that {'exists' if existing_pairs == 1 else 'exist'}"
    return [
        f"fixed number: a paired t-test finds a difference of {amount} in 4 of 5 cases (power 80%)",
        f"settle: mean number of pairs until dnn settle finds this difference, or both equivalent within {amount}; "
        f"at most {max_pairs}",
        f"the numbers include {existing}; the time is for the missing runs with {format_count(workers, 'worker')}",
    ]
