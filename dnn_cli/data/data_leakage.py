"""Measurements of data leakage: copied examples, columns of row numbers, and columns that alone predict the target.

Leakage makes a validation score too good. The measurements are made before the training and saved in `inputs.npz`.
`dnn explain` reads this file.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.row_hashes import hash_rows

_MAX_COLUMNS = 1000
"""Maximum number of columns of a table for measurements of single columns. Wider tables would take too long."""

_MAX_ROWS = 4000
"""Maximum number of training rows in a measurement of single columns. Scoring 1,000 columns then takes 0.3 s."""

_MAX_SAMPLE_NUMBERS = 4_000_000
"""Approximate maximum number of values in the sample of inputs that is searched for equal inputs."""

_BIN_COUNT = 32
"""Maximum number of bins into which the values of a column are divided. All rows in a bin get the same prediction."""

_MIN_ROWS = 20
"""Minimum number of rows for a measurement. In fewer rows, consecutive whole numbers can be a coincidence."""

_MIN_ID_EXPONENT = 12
"""Whole numbers are ids if they are all different, and chance would make them so in at most exp(-12) of the cases."""

_MAX_HASHED_BYTES = 200_000_000
"""Maximum size of the inputs that are searched for copies, in bytes. Hashing 47 MB takes 20 ms. Larger inputs may have
to be read from a file, which takes much longer."""

_MAX_COPY_CANDIDATES = 2000
"""Maximum number of validation examples that are searched for among the training examples."""


def measure_leakage(dataset_info: DatasetInfo, examples: Examples, split: Split) -> dict[str, Any]:
    """Measure leakage, and return the measured fields of `InputProfile` by name.

    `numbering` marks the columns that contain only row numbers. `alone` has a score for each column: how well this
    column alone predicts the target. Both are measured for tables of at most `_MAX_COLUMNS` columns.

    `copies` has the share of validation inputs that are also training inputs, and the share expected by chance. Both
    shares are measured for inputs of at most `_MAX_HASHED_BYTES`, if there are validation examples.

    Fields that are not measured are missing from the result.
    """
    measurements: dict[str, Any] = {}
    if len(dataset_info.input_shape) == 1 and dataset_info.input_shape[0] <= _MAX_COLUMNS:
        measurements["numbering"] = find_row_number_columns(examples.inputs)
        measurements["alone"] = score_single_columns(examples, split.train)
    if len(split.validation) and examples.inputs.nbytes <= _MAX_HASHED_BYTES:
        measurements["copies"] = measure_copies(examples, split)
    return measurements


def find_row_number_columns(rows: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return 1 for every column of row numbers, and 0 for every other column.

    A column of row numbers holds consecutive whole numbers, each exactly once and in any order. `rows` has the shape
    (n, columns), and the result has the shape (columns,). With fewer than `_MIN_ROWS` rows, all columns get 0.
    """
    is_row_number = np.zeros(rows.shape[1], np.uint8)
    if len(rows) < _MIN_ROWS:
        return is_row_number
    low, high = rows.min(0).astype(np.float64), rows.max(0).astype(np.float64)
    for column in np.flatnonzero(high - low == len(rows) - 1):
        values = np.sort(rows[:, column].astype(np.float64))
        is_row_number[column] = (
            np.array_equal(values, values[0] + np.arange(len(rows))) and float(values[0]).is_integer()
        )
    return is_row_number


def find_id_columns(rows: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return 1 for every column of ids, and 0 for every other column.

    A column of ids holds different whole numbers, where chance would repeat some. `rows` has the shape (n, columns),
    and the result has the shape (columns,). With fewer than `_MIN_ROWS` rows, all columns get 0.
    """
    count = len(rows)
    is_id = np.zeros(rows.shape[1], np.uint8)
    if count < _MIN_ROWS:
        return is_id
    ranges = rows.max(0).astype(np.float64) - rows.min(0).astype(np.float64) + 1
    # Numbers drawn from a range of r numbers are all different with a chance of about exp(-n² / 2r), or less
    # (the birthday problem).
    for column in np.flatnonzero((ranges >= count) & (count**2 / (2 * ranges) >= _MIN_ID_EXPONENT)):
        values = np.sort(rows[:, column].astype(np.float64))
        is_id[column] = bool((values == np.rint(values)).all() and (np.diff(values) > 0).all())
    return is_id


def score_single_columns(examples: Examples, train: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return a score for each column: how well this column alone predicts the target.

    Predictions are fitted to the training rows of even index, and scored on those of odd index. One prediction uses the
    rows with similar values, another only the row with the nearest value. The better score is returned.

    For a regression, the score is the R² of the first target. For a classification, the score is the share of errors
    that the prediction avoids, compared to always predicting the commonest class.

    Scores are float32 of shape (columns,), and at least 0. With fewer than `_MIN_ROWS` rows, all scores are 0.

    Args:
        examples: The examples of all splits.
        train: The indices of the training examples.
    """
    indices = train[:: max(1, math.ceil(len(train) / _MAX_ROWS))]
    rows = examples.inputs[indices].reshape(len(indices), -1)
    targets = examples.targets[indices]
    scores = np.zeros(rows.shape[1], np.float32)
    if len(rows) < _MIN_ROWS:
        return scores
    target_values = targets[:, 0].astype(np.float64) if targets.ndim > 1 else None
    classes = np.unique(targets, return_inverse=True)[1].reshape(-1) if target_values is None else np.zeros(0, np.int64)
    for column in range(rows.shape[1]):
        values = rows[:, column].astype(np.float64)
        bins, nearest_rows = _assign_bins(values), _find_nearest_rows(values)
        if target_values is not None:
            scores[column] = max(
                0.0,
                _compute_binned_r2(bins, target_values),
                _compute_r2(target_values[1::2], target_values[nearest_rows]),
            )
        else:
            scores[column] = max(
                0.0,
                _compute_binned_error_reduction(bins, classes),
                _compute_error_reduction(classes[1::2], classes[nearest_rows]),
            )
    return scores


def _find_nearest_rows(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find, for each row of odd index, the row of even index with the nearest value, and return these even indices.

    The target of the nearest row is the prediction for the odd row. This prediction is nearly exact if the column is
    proportional to the target. Bins are too coarse for such a column.

    Args:
        values: The values of one column.
    """
    fit_order = np.argsort(values[::2], kind="stable")
    fit, judge = values[::2][fit_order], values[1::2]
    after = np.clip(np.searchsorted(fit, judge), 1, len(fit) - 1)
    closer = np.where(judge - fit[after - 1] <= fit[after] - judge, after - 1, after)
    rows: NDArray[np.int64] = 2 * fit_order[closer]
    return rows


def _assign_bins(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the number of the bin to which each value of a column belongs. Equal values share a bin.

    A column with at most `_BIN_COUNT` different values gets a bin for each value. Other columns get at most
    `_BIN_COUNT` bins with similar numbers of rows, so that each bin has rows for fitting and rows for scoring.
    """
    distinct, value_indices = np.unique(values, return_inverse=True)
    value_indices = value_indices.reshape(-1)
    if len(distinct) <= _BIN_COUNT:
        return np.asarray(value_indices)
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    first = np.full(len(distinct), len(values), np.int64)
    np.minimum.at(first, value_indices, rank)
    bins: NDArray[np.int64] = first[value_indices] * _BIN_COUNT // len(values)
    return bins


def _compute_binned_r2(bins: NDArray[np.int64], targets: NDArray[np.float64]) -> float:
    """Compute the R² of predicted targets for the rows of odd index.

    The prediction for a row is the mean target of the rows of even index in the same bin.

    Args:
        bins: The bin number of each row.
        targets: The target of each row.
    """
    is_fitted, is_judged = np.arange(len(bins)) % 2 == 0, np.arange(len(bins)) % 2 == 1
    counts = np.bincount(bins[is_fitted], minlength=bins.max() + 1)
    sums = np.bincount(bins[is_fitted], targets[is_fitted], minlength=bins.max() + 1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), targets[is_fitted].mean())
    return _compute_r2(targets[is_judged], means[bins[is_judged]])


def _compute_r2(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Return R², the share of the variance that predictions explain; 0 if the variance is 0."""
    variance = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((true - predicted) ** 2).sum()) / variance if variance > 0 else 0.0


def _compute_binned_error_reduction(bins: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """Compute the error reduction of predicted classes for the rows of odd index.

    The prediction for a row is the commonest class of the rows of even index in the same bin.
    `_compute_error_reduction` defines the error reduction.

    Args:
        bins: The bin number of each row.
        classes: The class number of each row.
    """
    is_fitted, is_judged = np.arange(len(bins)) % 2 == 0, np.arange(len(bins)) % 2 == 1
    table = np.zeros((bins.max() + 1, classes.max() + 1), np.int64)
    np.add.at(table, (bins[is_fitted], classes[is_fitted]), 1)
    return _compute_error_reduction(classes[is_judged], table.argmax(1)[bins[is_judged]])


def _compute_error_reduction(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Compute the share of errors that predictions avoid, compared to always predicting the commonest class.

    The share is (accuracy - c) / (1 - c), where c is the share of the commonest class; 0 if c is 1.
    """
    commonest_share = float(np.bincount(true).max() / len(true))
    return (float(np.mean(predicted == true)) - commonest_share) / (1 - commonest_share) if commonest_share < 1 else 0.0


def measure_copies(examples: Examples, split: Split) -> NDArray[np.float32]:
    """Measure the share of validation inputs that are also training inputs, and the share expected by chance.

    In a table with few different values, equal rows occur by chance. The expected share assumes that each value of a
    row is drawn independently from the values of its column. The expected share is 0 without copies, or for more than
    `_MAX_COLUMNS` columns.

    The result is float32 of shape (2,).
    """
    rows = examples.inputs.reshape(len(examples), -1)
    hashes = hash_rows(rows)
    candidates = split.validation[:: max(1, math.ceil(len(split.validation) / _MAX_COPY_CANDIDATES))]
    share = float(np.isin(hashes[candidates], hashes[split.train]).mean())
    expected = 0.0
    if share:
        expected = min(1.0, len(split.train) * compute_match_chance(sample_training_rows(rows, split.train)))
    return np.array([share, expected], np.float32)


def sample_training_rows(rows: NDArray[Any], train: NDArray[np.int64]) -> NDArray[Any]:
    """Return at most `_MAX_ROWS` rows at evenly spaced positions of the training examples.

    Args:
        rows: The inputs of all examples, of shape (n, columns).
        train: The indices of the training examples.
    """
    return rows[train[:: max(1, math.ceil(len(train) / _MAX_ROWS))]]


def compute_match_chance(rows: NDArray[Any]) -> float:
    """Compute the chance that two rows are equal, if each value is drawn independently from its column.

    The chance is 0 for more than `_MAX_COLUMNS` columns, because it would be too small to matter.
    """
    if rows.shape[1] > _MAX_COLUMNS or not len(rows):
        return 0.0
    logarithms = []
    for column in rows.T:
        counts = np.unique(column, return_counts=True)[1]
        logarithms.append(math.log(float(((counts / counts.sum()) ** 2).sum())))
    return math.exp(sum(logarithms))


def compute_commonest_share(examples: Examples, train: NDArray[np.int64]) -> float:
    """Compute the share of the commonest input in a sample of the training inputs.

    The share is 0 if the sample has fewer than `_MIN_ROWS` inputs, because few inputs are equal by chance.
    """
    size = math.prod(examples.inputs.shape[1:])
    indices = train[:: max(1, math.ceil(len(train) / _MAX_ROWS), len(train) * size // _MAX_SAMPLE_NUMBERS)]
    if len(indices) < _MIN_ROWS:
        return 0.0
    hashes = hash_rows(examples.inputs[indices].reshape(len(indices), -1))
    return float(np.unique(hashes, return_counts=True)[1].max() / len(hashes))
