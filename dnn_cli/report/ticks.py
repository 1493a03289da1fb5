"""Round numbers along an axis, and how they are written."""

import math
from collections.abc import Sequence

FACTORS = (1, 2, 5, 10)


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that divides a span into at most so many steps."""
    least = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in FACTORS if factor * power >= least * (1 - 1e-9)), 10 * power)


def linear_ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, about `most` of them; `whole`: none between whole numbers."""
    step = nice_step(high - low, most)
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12 - math.floor(math.log10(step))) for number in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten from `low` to `high`, about `most` of them; with 2 and 5 times these where there are few."""
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high) + 1e-9)
    powers = [power for power in range(first, last + 1) if 10.0**power >= low * (1 - 1e-9)]
    if len(powers) >= 3 or len(powers) >= most:
        stride = max(1, -(-len(powers) // max(most, 1)))
        return [10.0**power for power in powers[::stride]]
    several = [factor * 10.0**power for power in range(first, last + 1) for factor in FACTORS[:3]]
    inside = [value for value in several if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    if len(inside) >= 2:
        return inside[:: max(1, -(-len(inside) // max(most, 1)))]
    return linear_ticks(low, high, most)


def texts(ticks: Sequence[float], *, log: bool = False) -> list[str]:
    """The numbers as they are written: on a linear axis all with as many places as one of them needs."""
    if log or len(ticks) < 2:
        return [short(tick) for tick in ticks]
    step, largest = ticks[1] - ticks[0], max(map(abs, ticks))
    if largest >= 1e6 or step < 1e-5:
        digits = min(15, math.ceil(math.log10(largest / step) + 1e-9) + 1)
        return [short(tick, digits) for tick in ticks]
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:.{places}f}" for tick in ticks]


def short(value: float, digits: int = 6) -> str:
    """`0.001`, `20`, `1e-6`, with at most so many digits."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits}g}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"
