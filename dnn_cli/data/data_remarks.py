"""Remarks about a user's data: decisions of the readers, and the order of the examples."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.data.examples import Examples
from dnn_cli.formats.data_overrides import format_override
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.table_columns import DAYS_PART

_MIN_SORTED_EXAMPLES = 20
"""Minimum number of examples for a remark about their order. Fewer examples can be sorted by coincidence."""

_MAX_SORTED_COLUMNS = 1000
"""Maximum number of columns in which an order of time is searched for. Pixels have no such order."""


_FIRST_ROWS = 100
"""Number of rows whose order is examined first."""


def list_data_remarks(data: Data, examples: Examples) -> list[Remark]:
    """Return the remarks about a user's data, with the examples that `load_examples` has loaded.

    For built-in datasets, the list is empty.
    """
    if data.dataset not in USER_DATA_KINDS:
        return []
    return [*data.info.remarks, *_find_order_remarks(data, examples)]


def _find_order_remarks(data: Data, examples: Examples) -> Iterator[Remark]:
    """Yield a remark if the examples are sorted by class or by a column, and the split shuffles them.

    A random split of rows in the order of time puts later rows into the training set and earlier rows into the
    validation set.
    """
    info = data.info
    count = info.examples - info.validation_examples
    splits = data.split_off_test_examples or ((data.validation_size or data.folds) and not info.validation_examples)
    if not splits or count < _MIN_SORTED_EXAMPLES or data.time is not None:
        return
    names, override = [], ""
    # The images of a directory are always sorted by class.
    if info.is_classification and data.dataset != "image_folder" and _is_sorted(examples.targets[:count]):
        names.append("class")
    columns = _list_ordered_columns(data, examples)
    if 0 < len(columns) <= _MAX_SORTED_COLUMNS:
        for name in islice((name for position, name in columns if _is_sorted(examples.inputs[:count, position])), 1):
            names.append(f"column {name}")
            # Splits by groups exclude splits by time, and so do equal shares of the classes.
            override = "" if data.group is not None else format_override("time", name)
            override += " data.stratify=false" if override and data.stratify else ""
    if names:
        yield Remark(f"the rows are sorted by {' and by '.join(names)}; they are shuffled before the split", override)


def _list_ordered_columns(data: Data, examples: Examples) -> list[tuple[int, str]]:
    """List the columns of a table whose values have an order, as pairs of their position in the inputs and their name.

    Of encoded inputs, these are numbers, and the days of dates.
    """
    if examples.encoding is None:
        return [*enumerate(data.info.features)]
    columns, start = [], 0
    for encoding in examples.encoding.columns:
        if encoding.column.type in ("number", "date"):
            offset = encoding.column.parts.index(DAYS_PART) if encoding.column.type == "date" else 0
            columns.append((start + offset, encoding.column.name))
        start += encoding.column.inputs
    return columns


def _is_sorted(values: NDArray[Any]) -> bool:
    """Return whether values rise or fall from the first to the last, where neighbours may be equal."""
    if values[0] == values[-1]:
        return False
    # Most columns are out of order within a few rows. All rows of 784 columns would take 80 ms.
    if len(values) > _FIRST_ROWS and not _is_ordered(values[:_FIRST_ROWS], rises=values[0] < values[-1]):
        return False
    return _is_ordered(values, rises=values[0] < values[-1])


def _is_ordered(values: NDArray[Any], *, rises: bool) -> bool:
    """Return whether values rise, or fall if `rises` is false, where neighbours may be equal."""
    before, after = (values[:-1], values[1:]) if rises else (values[1:], values[:-1])
    return bool((before <= after).all())
