"""The statistics of the training data that a run keeps, and whether another input is like the training inputs."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.measured import Measured
from dnn_cli.data.relations import relations
from dnn_cli.runs.inputs import LOOKS, Inputs
from dnn_cli.spec.datasets import Facts

SAMPLE = 400_000
"""Numbers that are looked at: 500 images of 28 × 28, all of most tables; a few thousandths of the shortest training."""

LABELS = 10_000
"""Training labels that are kept: 40 kB, and the share of a class within 1 point."""

NEARLY_ALL = (0.01, 0.99)
"""Quantiles between which an image looks like nearly all others."""


def describe(facts: Facts, examples: Examples, split: Split, measured: Measured) -> Inputs:
    """Return the content of `inputs.npz` for a training; equal for equal examples."""
    return replace(
        input_statistics(facts, examples, split, measured),
        labels=label_sample(facts, examples, split.train),
        **validation_statistics(examples, split, math.prod(facts.input_shape)),
        **relations(facts, examples, split),
    )


def input_statistics(facts: Facts, examples: Examples, split: Split, measured: Measured) -> Inputs:
    """Return the scaling and the statistics of the training inputs alone, which take little time."""
    size = math.prod(facts.input_shape)
    sample = sample_of(examples, split.train, size)
    minimum, maximum = sample.min(0), sample.max(0)
    average = sample.mean(0, dtype=np.float64).astype(np.float32)
    looks = None
    if is_image(facts.input_shape):
        found = looks_of(sample, facts.input_shape, minimum, maximum, average)
        looks = np.quantile(found, NEARLY_ALL, axis=0).T.astype(np.float32)
    deviation = sample.std(0, dtype=np.float64).astype(np.float32)
    return Inputs(facts, measured.scale, measured.mean, minimum, maximum, average, deviation, looks)


def sample_of(examples: Examples, indices: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Return the inputs of evenly spaced examples in rows, `SAMPLE` numbers at most."""
    step = max(1, len(indices) * size // SAMPLE)
    return examples.inputs[np.sort(indices[::step])].reshape(-1, size).astype(np.float32)


def label_sample(facts: Facts, examples: Examples, indices: NDArray[np.int64]) -> NDArray[Any]:
    """Return the labels of evenly spaced examples, `LABELS` at most."""
    labels = examples.labels[indices[:: max(1, math.ceil(len(indices) / LABELS))]]
    return labels.astype(np.int32 if facts.is_classification else np.float32)


def validation_statistics(examples: Examples, split: Split, size: int) -> dict[str, Any]:
    """Return the mean and deviation of the validation inputs; nothing without a validation set."""
    if not len(split.validation):
        return {}
    sample = sample_of(examples, split.validation, size)
    return {
        "validation_average": sample.mean(0, dtype=np.float64).astype(np.float32),
        "validation_deviation": sample.std(0, dtype=np.float64).astype(np.float32),
    }


def is_image(shape: Sequence[int]) -> bool:
    """Whether inputs of a shape are images: (height, width), or with 1 to 4 channels."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4)


def looks_of(
    rows: NDArray[np.float32],
    shape: Sequence[int],
    minimum: NDArray[np.float32],
    maximum: NDArray[np.float32],
    average: NDArray[np.float32],
) -> NDArray[np.float64]:
    """`LOOKS` of images in rows of (n, size), beside those of the training: float64 of (n, 4)."""
    low = float(minimum.min())
    span = float(maximum.max()) - low or 1.0
    images = rows.reshape(len(rows), *shape[:2], -1)
    sides = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    border = np.concatenate([side.reshape(len(rows), -1) for side in sides], axis=1)
    brightness = rows.mean(1)
    centred, mean_image = rows - brightness[:, None], average - average.mean()
    contrast = np.sqrt(np.einsum("ij,ij->i", centred, centred) / rows.shape[1])
    norm = contrast * math.sqrt(rows.shape[1]) * float(np.linalg.norm(mean_image))
    likeness = np.divide(centred @ mean_image, norm, out=np.zeros(len(rows), np.float32), where=norm > 0)
    found = ((brightness - low) / span, contrast / span, (np.median(border, 1) - low) / span, likeness)
    return np.stack(found, axis=1).astype(np.float64)


def white_of(known: Inputs) -> float | None:
    """What the lightest pixel of an image was in training; `None` where it cannot be told."""
    if known.facts.pixel_max > 1:
        return float(known.facts.pixel_max)
    low, high = float(known.minimum.min()), float(known.maximum.max())
    if low < 0 or high > 255:
        return None
    return 1.0 if high <= 1 else 255.0


MARGIN = dict(zip(LOOKS, (0.1, 0.1, 0.1, 0.2), strict=True))
"""How far beyond nearly all training images an image may be."""

MANY = 100
"""In a row of more numbers, a few are always out of bounds; then this share of them must be:"""

SHARE = 0.05
MOST_NAMED = 3


def remarks(inputs: NDArray[Any], known: Inputs) -> list[list[str]]:
    """What makes each input unlike those of the training, in words; nothing where it is like them.

    Args:
        inputs: Of (n, …), not scaled yet: as the training data has them.
        known: What the training inputs were.
    """
    rows = inputs.reshape(len(inputs), -1).astype(np.float32)
    if known.looks is None:
        return of_numbers(rows, known)
    low, high = float(known.minimum.min()), float(known.maximum.max())
    slack = 0.1 * (high - low)
    found = looks_of(rows, known.facts.input_shape, known.minimum, known.maximum, known.average)
    words = []
    for row, looks in zip(rows, found, strict=True):
        least, most = float(row.min()), float(row.max())
        if least < low - slack or most > high + slack or most - least < (high - low) / 100:
            said = (
                f"its values are all {least:.3g}" if least == most else f"its values go from {least:.3g} to {most:.3g}"
            )
            words.append([f"{said}, those of the training go from {low:.3g} to {high:.3g}"])
        else:
            words.append(of_looks(looks, known.looks))
    return words


def of_looks(looks: NDArray[np.float64], usual: NDArray[np.float32]) -> list[str]:
    """How an image looks otherwise than nearly all training images; a light border explains all else."""
    outside = {}
    for name, value, (least, most) in zip(LOOKS, looks.tolist(), usual.tolist(), strict=True):
        if not least - MARGIN[name] <= value <= most + MARGIN[name]:
            outside[name] = (value > most, f"{value:.2f}, in training {least:.2f} to {most:.2f}")
    if "border" in outside:
        above, numbers = outside["border"]
        kinds = ("light", "dark") if above else ("dark", "light")
        return [f"its background is {kinds[0]} ({numbers}): try --invert if training images have a {kinds[1]} one"]
    words = {
        "brightness": ("darker than", "lighter than"),
        "contrast": ("of less contrast than", "of more contrast than"),
        "likeness": ("otherwise laid out than", "more like their mean than"),
    }
    return [f"it is {words[name][above]} the training images ({numbers})" for name, (above, numbers) in outside.items()]


def of_numbers(rows: NDArray[np.float32], known: Inputs) -> list[list[str]]:
    """Which numbers of each row are far outside of what the training had, by half its range and more."""
    half = (known.maximum - known.minimum) / 2
    outside = (rows < known.minimum - half) | (rows > known.maximum + half)
    least = SHARE * rows.shape[1] if rows.shape[1] > MANY else 1
    names = known.facts.features or [f"number {at + 1}" for at in range(rows.shape[1])]
    words: list[list[str]] = []
    for row, out in zip(rows, outside, strict=True):
        places = np.flatnonzero(out).tolist() if out.sum() >= least else []
        said = [
            f"{names[at]} is {row[at]:.6g}, in training {known.minimum[at]:.6g} to {known.maximum[at]:.6g}"
            for at in places[:MOST_NAMED]
        ]
        more = [f"and {len(places) - MOST_NAMED} more"] if len(places) > MOST_NAMED else []
        words.append([*said, *more])
    return words
