"""Code of scripts that loads the user's own tables of numbers from CSV files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.errors import UsageError
from dnn_cli.formats.csv_columns import CsvColumns, select_columns
from dnn_cli.formats.csv_rows import open_rows
from dnn_cli.formats.csv_table import read_csv
from dnn_cli.formats.dataset_contents import ExampleArrays, SplitName
from dnn_cli.script.python_code import Literal, build_call, format_path, format_statement
from dnn_cli.script.set_names import TEST, VALIDATION, LoadingCode, SetNames, SplitPlan
from dnn_cli.script.user_arrays import number_classes


def build_table_code(data: Data, plan: SplitPlan) -> LoadingCode:
    """Build the code that loads the table of each set with NumPy.

    Each table is also read here as by the program, and compared with the examples of the run.

    Raises:
        UsageError: NumPy reads other examples from a table than the run.
        UserDataError: a file is missing or invalid.
    """
    splits: list[tuple[SplitName, SetNames]] = [("train", plan.loaded), ("validation", VALIDATION), ("test", TEST)]
    lines: list[str] = []
    for split, names in splits:
        if names in plan.loaded_sets:
            lines += _load_table(data, split, names)
    return LoadingCode(("\n".join(lines),), ("import numpy as np",))


def _load_table(data: Data, split: SplitName, names: SetNames) -> list[str]:
    """Return the lines that load the table of one split.

    Raises:
        UsageError: NumPy reads other examples from the table than the run.
    """
    path, options = str(data.get_split_path(split)), data.csv_options
    with open_rows(path, options) as rows:
        columns = select_columns(path, rows.header, options)
        arguments: dict[str, Any] = {"delimiter": rows.delimiter, "quotechar": '"'}
    arguments["skiprows"] = 0 if data.header is False else 1
    has_text = not all(name.lstrip("-").isdigit() for name in data.info.classes)
    if has_text:
        arguments |= {"dtype": str, "encoding": data.encoding or "utf-8"}
    _check_equal_examples(data, split, path, columns, arguments)
    if has_text:
        # Only tables with text need quotes, in which a delimiter is part of the text.
        arguments["dtype"] = Literal("str")
    else:
        del arguments["quotechar"]
    lines = format_statement("table = ", build_call("np.loadtxt", Literal(format_path(path)), **arguments))
    numbers = '.astype("float64")' if has_text else ""
    inputs = f"table[:, {_format_columns(columns.feature_indices)}]{numbers}"
    lines.append(f"{names.inputs}, {names.targets} = {inputs}, table[:, {columns.target_index}]")
    lines += number_classes(data, split, names)
    if columns.weight_index is not None:
        lines.append(f'{names.weights} = table[:, {columns.weight_index}].astype("float32")')
    return lines


def _format_columns(indices: Sequence[int]) -> str:
    """Return the positions of columns as an index of NumPy: a range, or a list."""
    first, last = indices[0], indices[-1]
    if list(indices) == list(range(first, last + 1)):
        return f"{first or ''}:{last + 1}"
    return f"[{', '.join(map(str, indices))}]"


def _check_equal_examples(
    data: Data, split: SplitName, path: str, columns: CsvColumns, arguments: dict[str, Any]
) -> None:
    """Check that NumPy reads the examples of the run from a table.

    Raises:
        UsageError: NumPy reads other examples, or none.
    """
    classes = data.info.classes if split != "train" else None
    examples = read_csv(path, data.csv_options, classes)
    try:
        table = np.loadtxt(path, **arguments)
        is_equal = table.ndim == 2 and _has_equal_examples(table, columns, examples, data.info.classes)
    except (ValueError, IndexError, OverflowError):
        is_equal = False
    if not is_equal:
        raise UsageError(
            f"{path}: numpy.loadtxt reads other numbers than dnn, for example from words or empty cells",
            "save the table with plain numbers, a point for decimals, and no blank cells",
        )


def _has_equal_examples(
    table: NDArray[Any], columns: CsvColumns, examples: ExampleArrays, classes: tuple[str, ...]
) -> bool:
    """Return whether the columns of a table have the inputs, targets and weights of examples."""
    inputs = table[:, list(columns.feature_indices)].astype(np.float64).astype(np.float32)
    targets = table[:, columns.target_index]
    if not classes:
        has_equal_targets = np.array_equal(targets.astype(np.float32).reshape(-1, 1), examples.targets)
    else:
        names = np.array(classes) if table.dtype.kind == "U" else np.array(classes, np.float64)
        has_equal_targets = bool((np.sort(names) == names).all()) and np.array_equal(names[examples.targets], targets)
    weights = None if columns.weight_index is None else table[:, columns.weight_index].astype(np.float32)
    has_equal_weights = weights is None or np.array_equal(weights, np.asarray(examples.weights))
    return np.array_equal(inputs, examples.inputs) and has_equal_targets and has_equal_weights
