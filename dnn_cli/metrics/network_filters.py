"""Kernels and feature maps of a network before and after its training, as plain arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class KernelPair:
    """Kernel of a layer with its initial and its trained weights, float32 arrays of equal shape."""

    layer: str
    initial: NDArray[np.float32]
    trained: NDArray[np.float32]
    initial_images: NDArray[np.float32]
    """Pictures of the initial kernel, one for each filter or unit: shape (n, height, width)."""

    trained_images: NDArray[np.float32]
    part: str = ""
    """Part of the kernel in the pictures, such as `input 1 of 8`; empty if the pictures show the complete kernel."""

    @property
    def limit(self) -> float:
        """Largest absolute weight in the pictures, the end of their common scale."""
        return float(max(np.abs(self.initial_images).max(), np.abs(self.trained_images).max()))


@dataclass(frozen=True)
class MapPair:
    """Feature maps of a layer for one example, from the untrained and the trained network: shape (n, height, width)."""

    layer: str
    untrained: NDArray[np.float32]
    trained: NDArray[np.float32]


@dataclass(frozen=True)
class NetworkFilters:
    """Kernels and feature maps of a network, with the example that the feature maps belong to."""

    kernels: tuple[KernelPair, ...]
    maps: tuple[MapPair, ...]
    example: int
    """Number of the example in the validation set, from 0."""

    target: str
    prediction: str
    caveats: tuple[str, ...] = ()
    """Reasons why the initial weights can differ from those of the training, one sentence each."""


def count_dead_maps(maps: NDArray[np.float32]) -> int:
    """Count the feature maps that are 0 everywhere. `maps` has the shape (n, height, width)."""
    return int((~maps.any(axis=(1, 2))).sum())


def compute_map_range(maps: NDArray[np.float32]) -> tuple[float, float]:
    """Return the ends of the colour scale of feature maps: the smallest and the largest value, and 0 between them."""
    return float(min(maps.min(), 0)), float(max(maps.max(), 0))
