"""Independent check of random tables with typed columns whose validation rows have their own file."""

from random import Random
from typing import Any

import numpy as np

from dnn_cli.config.data import Data
from dnn_cli.data.encoding_fit import fit_encoding
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.errors import UserDataError
from tests.helpers.python_encoding import encode_table
from tests.helpers.random_typed_tables import TypedTable, write_columns

_FILE_KEYS = ("target", "weight", "ignore", "columns", "missing", "decimal", "drop_unlabelled")


def find_validation_file_error(random: Random, table: TypedTable) -> str:
    """Divide the rows of a table among two files. Return how their encoding differs; empty if it is right.

    The training file alone determines the encoding and the number of inputs.
    """
    rows = random.sample(table.used_rows, len(table.used_rows))
    cut = max(1, len(rows) * 2 // 3)
    parts = [rows[:cut], rows[cut:]]
    if not parts[1]:
        return ""
    paths = [table.path.with_suffix(f".{name}.csv") for name in ("first", "second")]
    for path, part in zip(paths, parts, strict=True):
        columns = [column.take(part) for column in table.columns]
        write_columns(random, path, columns, ";")
    keys: dict[str, Any] = {key: table.keys[key] for key in _FILE_KEYS if key in table.keys}
    keys |= {column.role: column.name for column in table.columns if column.role == "weight"}
    roles = [column.name for column in table.columns if column.role in ("group", "time")]
    if roles:
        keys["ignore"] = [*keys.get("ignore", ()), *roles]
    data = Data.model_validate(
        {"dataset": "csv", **keys, "path": str(paths[0]), "validation_path": str(paths[1]), "delimiter": ";"}
    )
    try:
        examples = load_examples(data)
    except UserDataError as error:
        is_named = any(path.name in error.message for path in paths) or "columns" in error.message
        return "" if is_named else f"no path in: {error.message}"
    split = split_examples(data, examples)
    encoding = fit_encoding(data.info.columns, examples.inputs[split.train], examples.categories)
    inputs = encoding.encode(examples.inputs, examples.categories)
    train = [column.take(parts[0]) for column in table.inputs]
    values = [[column.values[row] for row in (*parts[0], *parts[1])] for column in table.inputs]
    expected = encode_table(train, range(cut), values)
    if split.train.tolist() != list(range(cut)) or inputs.shape != expected.shape:
        return f"the shapes differ: {inputs.shape} from {expected.shape}"
    return "" if np.allclose(inputs, expected, rtol=2e-6, atol=2e-5) else "the encoding of two files differs"
