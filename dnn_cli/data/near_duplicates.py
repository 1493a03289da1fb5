"""Images that are nearly equal: the same picture with other brightness, contrast, compression or noise."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import SPLIT_ADJECTIVES, TRAINING, AllExamples
from dnn_cli.data.data_issues import DataIssue
from dnn_cli.data.input_statistics import is_image_shape

_MIN_CORRELATION = 0.998
"""Images are reported if the correlation of their pixels is at least this number.

In Fashion-MNIST, 49 pairs of 70,000 images reach it: the same article, photographed or encoded twice. Of the 42 pairs
from 0.995 to 0.998, many are trousers of one form, or shirts with different prints."""

_GRID = 8
"""Images are compared first by the means of a grid of at most this number of rows and columns."""

_MAX_AXES = 8
"""Number of principal axes of the grids in which near images are searched for.

With 8 axes, the search in Fashion-MNIST takes 0.8 s and leaves 0.6 million pairs; with 24 axes, 2.9 s."""

_MAX_PAIRS = 5_000_000
"""Maximum number of pairs that are compared. Sets of images with more near pairs are compared in a sample."""

_MAX_SAMPLE = 10_000
"""Number of images in the sample of a set with too many near pairs."""


@dataclass(frozen=True)
class _Grids:
    """Means of the grid of each image, with mean 0 and scaled so that distances are at most those of the images."""

    numbers: NDArray[np.int64]
    """Numbers of the images in `AllExamples`. Images without contrast, and copies of earlier images, are left out."""

    values: NDArray[np.float32]
    """Grids, of shape (n, values)."""


def list_near_duplicate_issues(data: Data, all_examples: AllExamples) -> list[DataIssue]:
    """List issues of images that are nearly equal but not equal; an empty list for other inputs."""
    shape = all_examples.examples.inputs.shape[1:]
    if not data.info.has_images or not is_image_shape(shape) or len(all_examples) < 2:
        return []
    pairs = find_near_duplicates(all_examples)
    pairs = pairs[(all_examples.split_numbers[pairs] >= TRAINING).all(1)]
    if not len(pairs):
        return []
    return [*_build_issues(all_examples, pairs)]


def _build_issues(all_examples: AllExamples, pairs: NDArray[np.int64]) -> Iterator[DataIssue]:
    """Yield an issue for the pairs of two splits, and one for the pairs within a split."""
    splits = np.sort(all_examples.split_numbers[pairs], axis=1)
    is_shared = splits[:, 0] != splits[:, 1]
    for split, adjective in enumerate(SPLIT_ADJECTIVES):
        is_selected = is_shared & (splits[:, 1] == split)
        if split == TRAINING or not is_selected.any():
            continue
        members = pairs[is_selected]
        count = len(np.unique(members[all_examples.split_numbers[members] == split]))
        total = int((all_examples.split_numbers == split).sum())
        earlier = [SPLIT_ADJECTIVES[number] for number in np.unique(splits[is_selected, 0]).tolist()]
        verb = "is" if count == 1 else "are"
        yield DataIssue(
            "near_duplicates",
            f"{count:,} of {total:,} {adjective} images {verb} nearly equal to a {' or '.join(earlier)} image",
            f"remove the near copies, which make the {adjective} score too good",
            groups=_list_pairs(members),
        )
    inside = pairs[~is_shared]
    if len(inside):
        count = len(inside)
        message = (
            "1 pair of images is nearly equal, within a split"
            if count == 1
            else f"{count:,} pairs of images are nearly equal, each within a split"
        )
        yield DataIssue("near_duplicates", message, "remove the near copies", groups=_list_pairs(inside))


def _list_pairs(pairs: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Return pairs as tuples."""
    return tuple(map(tuple, pairs.tolist()))


def find_near_duplicates(all_examples: AllExamples) -> NDArray[np.int64]:
    """Find pairs of images whose pixels have at least a correlation of `_MIN_CORRELATION`, sorted, of shape (n, 2).

    Of equal images, only the first is compared.
    """
    grids = _compute_grids(all_examples)
    if len(grids.numbers) < 2:
        return np.zeros((0, 2), np.int64)
    # Images with mean 0 and length 1 have the distance sqrt(2 - 2 * correlation). Means of a grid and projections to
    # axes never increase distances, so that no pair is lost.
    max_distance = math.sqrt(2 - 2 * _MIN_CORRELATION)
    pairs = _search_pairs(grids.values, max_distance)
    pairs = pairs[_compute_distances(grids.values, pairs) <= max_distance]
    pairs = np.sort(grids.numbers[pairs], axis=1)
    near = pairs[_compute_correlations(all_examples, pairs) >= _MIN_CORRELATION]
    return near[np.lexsort((near[:, 1], near[:, 0]))]


def _compute_grids(all_examples: AllExamples) -> _Grids:
    """Compute the grid of each image that is not a copy of an earlier image."""
    height, width = all_examples.examples.inputs.shape[1:3]
    pool = _build_pool_matrix(height, width, math.prod(all_examples.examples.inputs.shape[3:]))
    _, first = np.unique(all_examples.hashes, return_index=True)
    is_first = np.zeros(len(all_examples), np.bool_)
    is_first[first] = True
    numbers: list[NDArray[Any]] = []
    values: list[NDArray[Any]] = []
    pool_sums = pool.sum(0)
    for start, block in all_examples.iter_blocks():
        pixels = block.astype(np.float32, copy=False)
        means = pixels.mean(1)
        lengths = np.sqrt(np.maximum(np.einsum("ij,ij->i", pixels, pixels) - pixels.shape[1] * means**2, 0))
        is_used = is_first[start : start + len(block)] & (lengths > 1e-3 * (1 + np.abs(means)))
        grid = (pixels @ pool - means[:, None] * pool_sums)[is_used] / lengths[is_used, None]
        numbers.append(start + np.flatnonzero(is_used))
        values.append(grid)
    return _Grids(np.concatenate(numbers), np.concatenate(values))


def _build_pool_matrix(height: int, width: int, channels: int) -> NDArray[np.float32]:
    """Build the matrix that maps the pixels of an image to the sums of its grid, float32 of shape (pixels, cells).

    The columns have length 1 and are orthogonal, so that the map never increases distances.
    """
    rows = np.arange(height) * min(_GRID, height) // height
    columns = np.arange(width) * min(_GRID, width) // width
    cells = np.repeat((rows[:, None] * _GRID + columns[None, :]).reshape(-1), channels)
    _, cells = np.unique(cells, return_inverse=True)
    cells = cells.reshape(-1)
    pool = np.zeros((len(cells), int(cells.max()) + 1), np.float32)
    pool[np.arange(len(cells)), cells] = 1 / np.sqrt(np.bincount(cells))[cells]
    return pool


def _search_pairs(grids: NDArray[np.float32], max_distance: float) -> NDArray[np.int64]:
    """Return all pairs of grids whose projections to the principal axes are near, of shape (n, 2)."""
    from scipy.spatial import cKDTree

    centred = grids - grids.mean(0)
    sample = centred[:: max(1, len(centred) // _MAX_SAMPLE)]
    axes = np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, :_MAX_AXES]
    points = centred @ axes
    indices = np.arange(len(points))
    # Sets of images of one scene have nearly only near pairs. The sample estimates their number.
    estimate = cKDTree(points[:: max(1, len(points) // 2000)])
    sample_pairs = (int(estimate.count_neighbors(estimate, max_distance)) - estimate.n) / 2
    if sample_pairs * (len(points) / estimate.n) ** 2 > _MAX_PAIRS and len(points) > _MAX_SAMPLE:
        indices = indices[:: math.ceil(len(points) / _MAX_SAMPLE)]
    pairs: NDArray[np.int64] = cKDTree(points[indices]).query_pairs(max_distance, output_type="ndarray")
    return indices[pairs[:_MAX_PAIRS]]


def _compute_distances(grids: NDArray[np.float32], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Compute the distance of the two grids of each pair."""
    distances = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), 50_000):
        part = pairs[start : start + 50_000]
        distances[start : start + len(part)] = np.linalg.norm(grids[part[:, 0]] - grids[part[:, 1]], axis=1)
    return distances


def _compute_correlations(all_examples: AllExamples, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the correlation of the pixels of each pair of images."""
    correlations = np.empty(len(pairs))
    for start in range(0, len(pairs), 1000):
        part = pairs[start : start + 1000]
        left, right = (all_examples.get_rows(part[:, side]).astype(np.float32) for side in (0, 1))
        left -= left.mean(1, keepdims=True)
        right -= right.mean(1, keepdims=True)
        lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        correlations[start : start + len(part)] = np.einsum("ij,ij->i", left, right) / lengths
    return correlations
