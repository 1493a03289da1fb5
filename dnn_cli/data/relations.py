"""Relations in the data that make a validation score too good: copies, columns of row numbers, columns like the label.

They are measured before the training, kept in `inputs.npz`, and judged by `dnn explain`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, Split
from dnn_cli.spec.datasets import Facts

MOST_COLUMNS = 1000
"""Tables of more columns are not searched column by column."""

ROWS = 4000
"""Training rows on which a column is judged: 0.3 s for 1,000 columns."""

BINS = 32
"""Groups of rows with neighbouring values of a column, in each of which the label is predicted by one value."""

FEWEST = 20
"""Rows below which a column of row numbers is not told from chance."""

MOST_BYTES = 200_000_000
"""Larger inputs are not searched for copies: to hash 47 MB takes 20 ms, and larger ones may lie in a file."""

COPIES = 2000
"""Validation examples that are searched for among the training examples."""


def relations(facts: Facts, examples: Examples, split: Split) -> dict[str, Any]:
    """Return `numbering` and `alone` of a table and `copies`, as `Inputs` describes them; only what was measured."""
    found: dict[str, Any] = {}
    if len(facts.input_shape) == 1 and facts.input_shape[0] <= MOST_COLUMNS:
        found["numbering"] = numbering(examples.inputs)
        found["alone"] = alone(examples, split.train)
    if len(split.validation) and examples.inputs.nbytes <= MOST_BYTES:
        found["copies"] = copies(examples, split)
    return found


def numbering(rows: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return 1 for every column that holds consecutive whole numbers, one for each row in any order."""
    found = np.zeros(rows.shape[1], np.uint8)
    if len(rows) < FEWEST:
        return found
    low, high = rows.min(0).astype(np.float64), rows.max(0).astype(np.float64)
    for column in np.flatnonzero(high - low == len(rows) - 1):
        values = np.sort(rows[:, column].astype(np.float64))
        found[column] = np.array_equal(values, values[0] + np.arange(len(rows))) and float(values[0]).is_integer()
    return found


def alone(examples: Examples, train: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return how well each column alone predicts the label of examples that the prediction was not fitted to.

    Of a classification the share of the errors of the commonest class that the column avoids; of a regression R².
    """
    indices = train[:: max(1, math.ceil(len(train) / ROWS))]
    rows = examples.inputs[indices].reshape(len(indices), -1)
    labels = examples.labels[indices]
    found = np.zeros(rows.shape[1], np.float32)
    if len(rows) < FEWEST:
        return found
    real = labels[:, 0].astype(np.float64) if labels.ndim > 1 else None
    classes = np.unique(labels, return_inverse=True)[1].reshape(-1) if real is None else np.zeros(0, np.int64)
    for column in range(rows.shape[1]):
        values = rows[:, column].astype(np.float64)
        bins, near = bins_of(values), nearest(values)
        if real is not None:
            found[column] = max(0.0, explained(bins, real), r2(real[1::2], real[near]))
        else:
            found[column] = max(0.0, avoided(bins, classes), gain(classes[1::2], classes[near]))
    return found


def nearest(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for every second row, from the second on, which of the others has the nearest value.

    A column that equals the label up to a factor shows so, which bins of a width do not.
    """
    places = np.argsort(values[::2], kind="stable")
    fit, judge = values[::2][places], values[1::2]
    after = np.clip(np.searchsorted(fit, judge), 1, len(fit) - 1)
    closer = np.where(judge - fit[after - 1] <= fit[after] - judge, after - 1, after)
    rows: NDArray[np.int64] = 2 * places[closer]
    return rows


def bins_of(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the bin of each row: equal values share a bin, and each bin has several rows to fit and to judge."""
    distinct, place = np.unique(values, return_inverse=True)
    place = place.reshape(-1)
    if len(distinct) <= BINS:
        return np.asarray(place)
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    first = np.full(len(distinct), len(values), np.int64)
    np.minimum.at(first, place, rank)
    bins: NDArray[np.int64] = first[place] * BINS // len(values)
    return bins


def explained(bins: NDArray[np.int64], labels: NDArray[np.float64]) -> float:
    """Return the R² of the means of every second row in a bin for the other rows."""
    fit, judge = np.arange(len(bins)) % 2 == 0, np.arange(len(bins)) % 2 == 1
    counts = np.bincount(bins[fit], minlength=bins.max() + 1)
    sums = np.bincount(bins[fit], labels[fit], minlength=bins.max() + 1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), labels[fit].mean())
    return r2(labels[judge], means[bins[judge]])


def r2(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Return the share of the variance that predictions explain."""
    variance = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((true - predicted) ** 2).sum()) / variance if variance > 0 else 0.0


def avoided(bins: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """Return the share of the errors of the commonest class that the commonest class of each bin avoids."""
    fit, judge = np.arange(len(bins)) % 2 == 0, np.arange(len(bins)) % 2 == 1
    table = np.zeros((bins.max() + 1, classes.max() + 1), np.int64)
    np.add.at(table, (bins[fit], classes[fit]), 1)
    return gain(classes[judge], table.argmax(1)[bins[judge]])


def gain(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the share of the errors of the commonest class that predictions avoid."""
    usual = float(np.bincount(true).max() / len(true))
    return (float(np.mean(predicted == true)) - usual) / (1 - usual) if usual < 1 else 0.0


def copies(examples: Examples, split: Split) -> NDArray[np.float32]:
    """Return the share of validation inputs that are also training inputs, and the share to expect by chance.

    By chance: the rows are drawn independently, value by value, from those that each column has.
    """
    rows = examples.inputs.reshape(len(examples), -1)
    hashes = row_hashes(rows)
    some = split.validation[:: max(1, math.ceil(len(split.validation) / COPIES))]
    share = float(np.isin(hashes[some], hashes[split.train]).mean())
    expected = 0.0
    if share and rows.shape[1] <= MOST_COLUMNS:
        logarithms = []
        for column in rows[split.train[:: max(1, math.ceil(len(split.train) / ROWS))]].T:
            counts = np.unique(column, return_counts=True)[1]
            logarithms.append(math.log(float(((counts / counts.sum()) ** 2).sum())))
        expected = min(1.0, len(split.train) * math.exp(sum(logarithms)))
    return np.array([share, expected], np.float32)


def row_hashes(rows: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of the bytes of each row."""
    plain = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    whole = plain.shape[1] // 8 * 8
    rest = np.zeros((len(rows), 8), np.uint8)
    rest[:, : plain.shape[1] - whole] = plain[:, whole:]
    factors = np.random.default_rng(0).integers(1, 2**63, whole // 8 + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    found: NDArray[np.uint64] = rest.view(np.uint64)[:, 0] * factors[-1]
    if whole:
        body = np.ascontiguousarray(plain[:, :whole]).view(np.uint64)
        for start in range(0, len(rows), 4096):
            block = body[start : start + 4096]
            found[start : start + 4096] += (mixed(block) * factors[:-1]).sum(1, dtype=np.uint64)
    return found


def mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return words whose high and low bits are mixed, so that small differences reach all bits."""
    found: NDArray[np.uint64] = words ^ (words >> np.uint64(29))
    return found
