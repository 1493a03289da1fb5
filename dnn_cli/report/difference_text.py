"""Differences between scores, and p-values, as text."""

from typing import TYPE_CHECKING

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.significance import MeanDifference
from dnn_cli.config.score_names import is_share
from dnn_cli.report.text import format_count, format_score

if TYPE_CHECKING:
    from dnn_cli.compare.paired_examples import PairedExampleTest


def format_p_value(p_value: float) -> str:
    """Return a p-value with two significant digits, or `p < 0.0001`."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def format_difference(comparison: Comparison, difference: "MeanDifference | PairedExampleTest", *, signed: bool) -> str:
    """Return a difference with its interval: `−0.22 points (95% interval −0.61 to +0.15)`.

    Args:
        comparison: The comparison, which determines the unit.
        difference: The difference.
        signed: Whether to print the sign of the difference; otherwise, only its size is printed.
    """
    turn = 1.0 if signed or difference.mean >= 0 else -1.0
    text = format_difference_amount(comparison, turn * difference.mean, sign=signed)
    if difference.interval is None:
        return text
    low, high = sorted(turn * end for end in difference.interval)
    return (
        f"{text} (95% interval {_format_difference_number(comparison, low, sign=signed)} to "
        f"{_format_difference_number(comparison, high, sign=signed)})"
    )


def format_difference_amount(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference with its unit: `points` for a share such as accuracy, `epochs`, or no unit.

    With `sign`, a positive difference begins with `+`. A negative difference always begins with `−`.
    """
    unit = f" {comparison.point.unit}" if comparison.point.unit else " points" if is_share(comparison.metric) else ""
    return _format_difference_number(comparison, value, sign=sign) + unit


def _format_difference_number(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference without its unit; for a share such as accuracy, in percentage points.

    With `sign`, a positive difference begins with `+`. A negative difference always begins with `−`.
    """
    if not comparison.point.unit and is_share(comparison.metric):
        text = f"{abs(100 * value):.2f}"
    else:
        text = _format_epoch_difference(abs(value)) if comparison.point.unit else format_score(abs(value))
    mark = "−" if value < 0 else "+" if sign else ""
    return (mark if float(text.replace(",", "")) else "") + text


def _format_epoch_difference(value: float) -> str:
    """Return a difference in epochs with two significant digits, or as an integer if it is 100 or more."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def format_difference_range(comparison: Comparison, difference: MeanDifference | None) -> str:
    """Return the range of a difference between groups with too few seeds for an interval.

    An example is `, from −0.42 to +0.10 in 2 seeds`. The text is empty if the difference has an interval.
    """
    if difference is None or difference.interval is not None:
        return ""
    if min(difference.seed_counts) == 1:
        return " with one seed"
    low, high = (_format_difference_number(comparison, end, sign=True) for end in difference.span)
    return f", from {low} to {high} in {format_count(difference.seed_counts[0], 'seed')}"
