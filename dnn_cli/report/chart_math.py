"""Axes of charts, their ticks with texts, and the selection of points of a long curve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEP_FACTORS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Axis:
    """Range of numbers along an axis of a chart, linear or logarithmic."""

    low: float
    high: float
    log: bool = False
    integers_only: bool = False
    """Whether all ticks are integers."""

    categories: tuple[str, ...] = ()
    """Texts of the ticks 0, 1, 2 and so on of an axis without numbers; empty for an axis of numbers."""

    def compute_position(self, value: float) -> float:
        """Compute the position of a value on the axis, from 0 to 1."""
        low, high, value = (math.log10(number) for number in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value
        )  # fmt: skip
        return (value - low) / (high - low) if high > low else 0.5

    def compute_ticks(self, max_ticks: int) -> list[tuple[float, str]]:
        """Compute the ticks of the axis: at most `max_ticks` + 1 round numbers, each with its text.

        An axis of categories has a tick for each category or, if they are too many, for every second, third and so on.
        """
        if self.categories:
            stride = -(-len(self.categories) // (max_ticks + 1))
            return [(float(at), self.categories[at]) for at in range(0, len(self.categories), stride)]
        if self.high <= self.low:
            return [(self.low, format_ticks([self.low])[0])]
        numbers = compute_log_ticks(self.low, self.high, max_ticks) if self.log else compute_linear_ticks(
            self.low, self.high, max_ticks, integers_only=self.integers_only
        )  # fmt: skip
        return list(zip(numbers, format_ticks(numbers, log=self.log), strict=True))


def _compute_tick_step(span: float, max_steps: int) -> float:
    """Return the distance between two ticks: 1, 2 or 5 times a power of ten, such as 0.05.

    The distance is the smallest that divides `span` into at most `max_steps` steps.
    """
    min_step = span / max(max_steps, 1)
    power = 10.0 ** math.floor(math.log10(min_step))
    return next((factor * power for factor in _STEP_FACTORS if factor * power >= min_step * (1 - 1e-9)), 10 * power)


def compute_linear_ticks(low: float, high: float, max_ticks: int, *, integers_only: bool = False) -> list[float]:
    """Return at most `max_ticks` + 1 round numbers from `low` to `high`; with `integers_only`, integers."""
    step = _compute_tick_step(high - low, max_ticks)
    if integers_only:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12 - math.floor(math.log10(step))) for number in range(first, last + 1)]


def compute_log_ticks(low: float, high: float, max_ticks: int) -> list[float]:
    """Return at most `max_ticks` powers of ten from `low` to `high`.

    If the range contains fewer than three powers of ten, 2 and 5 times a power of ten are ticks, too. If the range
    contains fewer than two of all these numbers, the function returns linear ticks instead.
    """
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high) + 1e-9)
    powers = [power for power in range(first, last + 1) if 10.0**power >= low * (1 - 1e-9)]
    if len(powers) >= 3 or len(powers) >= max_ticks:
        stride = max(1, -(-len(powers) // max(max_ticks, 1)))
        return [10.0**power for power in powers[::stride]]
    several = [factor * 10.0**power for power in range(first, last + 1) for factor in _STEP_FACTORS[:3]]
    inside = [value for value in several if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    if len(inside) >= 2:
        return inside[:: max(1, -(-len(inside) // max(max_ticks, 1)))]
    return compute_linear_ticks(low, high, max_ticks)


def format_ticks(ticks: Sequence[float], *, log: bool = False) -> list[str]:
    """Return the texts of ticks. On a linear axis, all texts have the same number of decimals: `0.50`, `0.75`."""
    if log or len(ticks) < 2:
        return [_format_tick(tick) for tick in ticks]
    step, largest = ticks[1] - ticks[0], max(map(abs, ticks))
    if largest >= 1e6 or step < 1e-5:
        digits = min(15, math.ceil(math.log10(largest / step) + 1e-9) + 1)
        return [_format_tick(tick, digits) for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:.{decimals}f}" for tick in ticks]


def _format_tick(value: float, digits: int = 6) -> str:
    """Return a number in short form with at most `digits` significant digits, such as `0.001`, `20` or `1e-6`."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits}g}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def find_extreme_indices(values: Sequence[float], max_count: int) -> list[int]:
    """Select at most `max_count` values that keep the shape of a curve, and return their indices in order.

    A short curve keeps all values. A longer curve keeps its first and last value, and the lowest and highest value of
    each of several sections of equal length.
    """
    count = len(values)
    if count <= max_count:
        return list(range(count))
    stretches = max(1, (max_count - 2) // 2)
    indices = {0, count - 1}
    for number in range(stretches):
        stretch = range(number * count // stretches, (number + 1) * count // stretches)
        indices |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return sorted(indices)
