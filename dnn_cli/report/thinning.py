"""Which points of a long curve are drawn."""

from collections.abc import Sequence


def extremes(values: Sequence[float], most: int) -> list[int]:
    """The places of at most so many values: of every stretch the lowest and the highest, and both ends."""
    count = len(values)
    if count <= most:
        return list(range(count))
    stretches = max(1, (most - 2) // 2)
    kept = {0, count - 1}
    for number in range(stretches):
        inside = range(number * count // stretches, (number + 1) * count // stretches)
        kept |= {min(inside, key=values.__getitem__), max(inside, key=values.__getitem__)}
    return sorted(kept)
