"""Writers of the data files of the cases."""

import csv
from pathlib import Path

import numpy as np


def write_csv(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write columns under their names."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def blobs(rng: np.random.Generator, examples: int, classes: int, size: int, distance: float = 2.0):
    """Return clouds of points, one for each class, in random order."""
    centres = rng.normal(0, distance, (classes, size))
    labels = rng.integers(0, classes, examples)
    return (centres[labels] + rng.normal(0, 1, (examples, size))).astype("float32"), labels


def digits():
    """Return the images of digits, float32 of (n, 8, 8) from 0 to 1, and their labels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images / 16).astype("float32"), bunch.target
