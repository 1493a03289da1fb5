"""Functions of a SavedModel of a table, and the names of its tensors."""

# The command line reads the names, so that the import must be fast: without NumPy and TensorFlow.

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnn_cli.formats.table_encoding import TableEncoding

ROWS_ENDPOINT, ENCODED_ENDPOINT = "serve", "serve_encoded"
"""Functions of a SavedModel of a table with typed columns: the first takes cells, the second encoded inputs."""


def list_tensor_names(columns: Sequence[str]) -> list[str]:
    """List a name for the tensor of each column: letters, digits and underscores alone, unique in any case."""
    names: list[str] = []
    used: set[str] = set()
    for number, column in enumerate(columns, 1):
        plain = re.sub(r"[^A-Za-z0-9_]", "_", column).strip("_") or f"column_{number}"
        name, repetition = plain, 1
        while name.lower() in used:
            repetition += 1
            name = f"{plain}_{repetition}"
        names.append(name)
        used.add(name.lower())
    return names


def build_rows_document(encoding: "TableEncoding") -> dict[str, Any]:
    """Build the JSON document of the function that takes cells: its name, and the name and type of each tensor."""
    columns = [column_encoding.column for column_encoding in encoding.columns]
    tensor_names = list_tensor_names([column.name for column in columns])
    return {
        "function": ROWS_ENDPOINT,
        "signature": "serving_default",
        "columns": [
            {"name": column.name, "tensor": tensor, "dtype": "float32" if column.type == "number" else "string"}
            for column, tensor in zip(columns, tensor_names, strict=True)
        ],
    }
