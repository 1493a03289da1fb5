"""Syntax trees of scripts and notebooks. Lines of a notebook that are commands of IPython are left out."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dnn_cli.errors import SourceLocation, UserDataError

_MAGIC_LINE = re.compile(r"^\s*[%!?]|\?\s*$")
"""Line of a notebook that is a command of IPython: `%matplotlib inline`, `!pip install`, `model?`."""


@dataclass(frozen=True)
class CodeBlock:
    """Statements of a script, or of one cell of a notebook."""

    source: str
    """Name of the file in messages, with the number of the cell."""

    statements: tuple[ast.stmt, ...]

    def get_location(self, node: ast.AST) -> SourceLocation:
        """Return the location of a part of the syntax tree. Lines and columns are counted from 1."""
        line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        return SourceLocation(self.source, line, None if column is None else column + 1)


def parse_script(path: str, content: bytes) -> CodeBlock:
    """Return the statements of a script.

    Raises:
        UserDataError: the file is not a program of Python 3.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserDataError(f"{path} is not UTF-8 text", "save the script as UTF-8") from None
    return _parse_code(path, text)


def parse_notebook(path: str, document: Mapping[str, Any]) -> list[CodeBlock]:
    """Return the statements of each cell with code.

    Raises:
        UserDataError: a cell is not a program of Python 3, or the document is not a notebook.
    """
    cells = document.get("cells")
    if not isinstance(cells, list):
        raise UserDataError(f"{path} is not a notebook: cells is not a list", "save the notebook again")
    return [_parse_code(f"{path} cell {number}", text) for number, text in _iter_code_cells(cells)]


def _iter_code_cells(cells: list[Any]) -> Iterator[tuple[int, str]]:
    """Yield the number of each cell with code, from 1, and its code without commands of IPython."""
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        lines = cell.get("source", "")
        text = "".join(map(str, lines)) if isinstance(lines, list) else str(lines)
        if text.startswith("%%") and not text.startswith(("%%time", "%%capture")):
            continue
        yield number, "\n".join("" if _MAGIC_LINE.search(line) else line for line in text.split("\n"))


def _parse_code(source: str, text: str) -> CodeBlock:
    """Return the statements of a text.

    Raises:
        UserDataError: the text is not a program of Python 3.
    """
    hint = "correct the line, or leave it out"
    try:
        with warnings.catch_warnings():
            # Python warns about invalid escapes in a text.
            warnings.simplefilter("ignore")
            return CodeBlock(source, tuple(ast.parse(text).body))
    except SyntaxError as error:
        location = SourceLocation(source, error.lineno or 1, error.offset or 1)
        raise UserDataError(f"{location}  is not Python 3: {error.msg}", hint) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserDataError(f"{source} cannot be read as Python: {error or 'it is nested too deeply'}", hint) from None
