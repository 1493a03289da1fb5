"""Colours of weights and of feature maps that people with colour blindness can distinguish."""

import numpy as np
from numpy.typing import NDArray

_DIVERGING = ((5, 48, 97), (67, 147, 195), (247, 247, 247), (214, 96, 77), (103, 0, 31))
"""Colours from dark blue over white to dark red, of ColorBrewer's RdBu."""

_SEQUENTIAL = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Colours from dark violet to yellow, of matplotlib's viridis."""


def colour_weights(values: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    """Return weights as colours, with an axis of 3 at the end: -`limit` is blue, 0 is white and `limit` is red."""
    return _interpolate(values, -limit, limit, _DIVERGING)


def colour_maps(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Return values of feature maps as colours, with an axis of 3 at the end: `low` is violet and `high` is yellow."""
    return _interpolate(values, low, high, _SEQUENTIAL)


def _interpolate(
    values: NDArray[np.float32], low: float, high: float, colours: tuple[tuple[int, int, int], ...]
) -> NDArray[np.uint8]:
    """Return values as colours between the colours of a scale."""
    shares = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    positions = np.linspace(0, 1, len(colours))
    channels = [np.interp(shares, positions, [colour[channel] for colour in colours]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
