"""Sentences of `dnn settle`: the pairs so far, the end of the comparison, and its verdict."""

import math

from dnn_cli.compare.sequential_tests import SequentialTest
from dnn_cli.config.score_names import is_share, lower_is_better
from dnn_cli.report.difference_text import format_p_value
from dnn_cli.report.text import format_count, format_score


def format_score_difference(metric: str, value: float, *, sign: bool = False, unit: bool = True) -> str:
    """Return a difference between scores: in points for a share such as accuracy, otherwise in units of the metric.

    Args:
        metric: The metric.
        value: The difference.
        sign: Whether a positive difference begins with `+`. A negative difference always begins with `−`.
        unit: Whether the text ends with the unit.
    """
    text = f"{abs(100 * value):.2f}" if is_share(metric) else format_score(abs(value))
    mark = "−" if value < 0 else "+" if sign else ""
    return f"{mark if float(text) else ''}{text}{' points' if unit and is_share(metric) else ''}"


def format_goal(metric: str, margin: float | None, max_pairs: int) -> str:
    """Return the sentence on the end of a sequential comparison."""
    equal = "" if margin is None else f", both are equivalent within {format_score_difference(metric, margin)}"
    return f"ends when one is better{equal}, or after {format_count(max_pairs, 'pair')}"


def format_state(test: SequentialTest, metric: str, label: str) -> str:
    """Return a line on the pairs so far, such as `after 6 pairs: adam +1.20 points, always-valid p = 0.06`.

    Args:
        test: The test of the pairs.
        metric: The metric.
        label: The label of the first side.
    """
    if not test.differences:
        return "no pairs exist yet"
    text = f"after {format_count(len(test.differences), 'pair')}: {label} {_format_mean(test, metric, sign=True)}"
    text += f", always-valid {format_p_value(test.p_value)}"
    if test.equivalence_p_value is not None:
        text += f"; equivalence {format_p_value(test.equivalence_p_value)}"
    return text


def _format_mean(test: SequentialTest, metric: str, *, sign: bool) -> str:
    """Return the mean difference of the pairs with its interval.

    Args:
        test: The test of the pairs.
        metric: The metric.
        sign: Whether the difference has its sign; otherwise, its size is returned.
    """
    turn = 1.0 if sign or test.mean >= 0 else -1.0
    text = format_score_difference(metric, turn * test.mean, sign=sign)
    if test.interval is None:
        return text
    low, high = (
        format_score_difference(metric, end, sign=sign, unit=False)
        for end in sorted(turn * end for end in test.interval)
    )
    return f"{text} (95% interval {low} to {high})"


def format_verdict_line(test: SequentialTest, metric: str, labels: tuple[str, str]) -> str:
    """Return the sentence with the verdict of a sequential comparison.

    Args:
        test: The test of the pairs.
        metric: The metric.
        labels: The labels of both sides.
    """
    first, second = labels
    pairs = format_count(len(test.differences), "pair")
    if test.word == "undecided":
        return f"undecided {format_state(test, metric, first)}"
    if test.word == "equivalent":
        margin = format_score_difference(metric, test.margin or 0.0)
        p_value = format_p_value(test.equivalence_p_value or 0.0)
        return (
            f"{first} and {second} are equivalent within {margin}: {first} {_format_mean(test, metric, sign=True)}, "
            f"always-valid {p_value}, after {pairs}"
        )
    is_first_better = (test.word == "larger") != lower_is_better(metric)
    better, worse = (first, second) if is_first_better else (second, first)
    # Lost pairs can decide against the mean of the other pairs.
    has_usual_mean = test.finite_differences and (test.mean > 0) == (test.word == "larger")
    amount = f" by {_format_mean(test, metric, sign=False)}" if has_usual_mean else ""
    return f"{better} is better than {worse}{amount}, always-valid {format_p_value(test.p_value)}, after {pairs}"


def format_settle_notes(test: SequentialTest, metric: str, labels: tuple[str, str]) -> list[str]:
    """Return notes on pairs that count in an unusual way: pairs in which a run diverged, and ties."""
    notes = []
    for label, side in zip(labels, (1.0, -1.0), strict=True):
        worst = (math.inf if lower_is_better(metric) else -math.inf) * side
        if lost := test.differences.count(worst):
            verb = "counts as a loss" if lost == 1 else "count as losses"
            notes.append(f"{format_count(lost, 'pair')} {verb} of {label}, whose run diverged; means leave them out")
    ties = sum(abs(value) <= test.tolerance for value in test.differences)
    if ties:
        verb = "has" if ties == 1 else "have"
        notes.append(f"{format_count(ties, 'pair')} {verb} equal scores, which speak for no side")
    return notes
