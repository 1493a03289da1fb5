"""Columns of a table that alone predict the target, found from a score for each column."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MIN_LEAK_SCORE = 0.98
"""A column is reported if it alone avoids at least this share of the errors of a constant prediction.

Such a column was probably made from the target. The best column of iris, a measure of the petals, avoids 0.90."""

_MAX_SECOND_SCORE = 0.9
"""A column is reported only if the second best column avoids at most this share of the errors.

Otherwise the target is easy to predict, and a good column is not suspicious."""

_PERFECT_SCORE, _MAX_SECOND_OF_PERFECT = 0.999, 0.97
"""A column that avoids at least the first share of the errors counts as always right.

The second share then replaces `_MAX_SECOND_SCORE` as the limit for the second best column."""

_MIN_COLUMNS, _MIN_ROWS = 3, 50
"""Smallest numbers of columns and rows of a table that is searched for a column that reveals the target.

In a smaller table, one column can predict the target without a fault of the data."""


_MAX_COLUMN_SHARE = 1 / 3
"""Several columns are reported if they are at most this share of the columns, and each of them is always right.

In iris, two of four columns separate one class from the others without a fault of the data."""


@dataclass(frozen=True)
class RevealingColumns:
    """Positions of columns that each reveal the target, with their lowest score and the next best score."""

    columns: tuple[int, ...]
    score: float
    next_score: float


def find_revealing_columns(
    scores: NDArray[np.float32], numbering: NDArray[Any] | None, rows: int
) -> RevealingColumns | None:
    """Find the columns that alone predict the target, if all other columns are clearly worse; else return `None`.

    Args:
        scores: The score of a prediction from each column alone.
        numbering: 1 for each column that only numbers the rows, which is not reported; `None` if that is unknown.
        rows: The number of training examples.
    """
    if len(scores) < _MIN_COLUMNS or rows < _MIN_ROWS:
        return None
    order = scores.argsort()[::-1]
    count = max(1, int((scores >= _PERFECT_SCORE).sum()))
    best = order[:count]
    score, next_score = float(scores[best[-1]]), float(scores[order[count]]) if count < len(order) else 1.0
    max_next = _MAX_SECOND_OF_PERFECT if count == 1 and score >= _PERFECT_SCORE else _MAX_SECOND_SCORE
    if score < _MIN_LEAK_SCORE or next_score > max_next or (numbering is not None and numbering[best].any()):
        return None
    if count > max(1, _MAX_COLUMN_SHARE * len(scores)):
        return None
    return RevealingColumns(tuple(sorted(best.tolist())), score, next_score)
