"""Inputs of a CSV file: conversion of cells into numbers, including words such as `True` and `no`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.csv_errors import CellErrors
from dnn_cli.formats.csv_numbers import NumberFormat, parse_floats
from dnn_cli.formats.csv_rows import CsvRow
from dnn_cli.formats.dataset_contents import Remark

WORD_PAIRS = ({"true": "1", "false": "0"}, {"yes": "1", "no": "0"}, {"t": "1", "f": "0"}, {"y": "1", "n": "0"})
"""Pairs of words that are read as 1 and 0, in any case. The words of a column must be of one pair, as columns of other
categories can have cells such as `n` and `f`."""

_POINT_GROUPS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
"""Pattern of numbers such as `1.200`, which are 1.2, or 1200 with a point between thousands."""

WORD_VALUES = {word: value for pair in WORD_PAIRS for word, value in pair.items()}

_MAX_LISTED_COLUMNS = 10


@dataclass
class InputConverter:
    """Converter of the input cells of blocks of rows into floats.

    The first block decides which columns hold words. A later block with other cells in these columns has errors.
    """

    indices: Sequence[int]
    """Positions of the inputs in a row."""

    number_format: NumberFormat
    word_columns: dict[int, Mapping[str, str]] | None = field(default=None, init=False)
    """Values of words by the position of their column; `None` before the first block."""

    grouped_cells: dict[int, str] = field(default_factory=dict, init=False)
    """First cell of each column in which all cells of the first block look like digits in groups, such as `1.200`."""

    def convert(self, block: Sequence[CsvRow]) -> NDArray[np.float32] | None:
        """Convert the inputs of a block into a flat array, or return `None` if a cell is not valid."""
        if not self.word_columns and self.number_format.is_plain:
            values = parse_floats(self._list_cells(block))
            if values is not None or self.word_columns is not None:
                if self.word_columns is None:
                    self.grouped_cells = self._find_grouped_cells(block)
                self.word_columns = self.word_columns or {}
                return values
        if self.word_columns is None:
            self.word_columns = self._find_word_columns(block)
        return parse_floats([self._normalize(index, row[index]) for _, row in block for index in self.indices])

    def _find_grouped_cells(self, block: Sequence[CsvRow]) -> dict[int, str]:
        """Find the columns whose cells look like digits in groups of three, and return their first cells."""
        first = block[0][1]
        candidates = [index for index in self.indices if _POINT_GROUPS.fullmatch(first[index].strip())]
        return {
            index: first[index].strip()
            for index in candidates
            if all(_POINT_GROUPS.fullmatch(row[index].strip()) for _, row in block)
        }

    def _list_cells(self, block: Sequence[CsvRow]) -> list[str]:
        """Return the input cells of all rows in one list."""
        if len(self.indices) == 1:
            return [row[self.indices[0]] for _, row in block]
        # A getter of several items is faster than one expression for each cell.
        select = itemgetter(*self.indices)
        return list(chain.from_iterable(select(row) for _, row in block))

    def _normalize(self, index: int, cell: str) -> str:
        """Return the plain number of a cell as text; the text is empty for an invalid cell."""
        words = (self.word_columns or {}).get(index)
        if words is not None:
            return words.get(cell.strip().lower(), "")
        return cell if self.number_format.is_plain else self.number_format.normalize(cell) or ""

    def _find_word_columns(self, block: Sequence[CsvRow]) -> dict[int, Mapping[str, str]]:
        """Find the columns whose cells are words of one pair, except empty cells."""
        columns: dict[int, Mapping[str, str]] = {}
        for index in self.indices:
            words = {row[index].strip().lower() for _, row in block} - {""}
            pair = next((pair for pair in WORD_PAIRS if words and words <= pair.keys()), None)
            if pair is not None:
                columns[index] = pair
        return columns

    def add_errors(self, names: Sequence[str], row: CsvRow, errors: CellErrors) -> None:
        """Add the errors in the inputs of a row to `errors`."""
        line, cells = row
        for index in self.indices:
            words, cell = (self.word_columns or {}).get(index), cells[index]
            if words is None or not cell.strip():
                errors.add_cell(line, names[index], cell)
            elif cell.strip().lower() not in words:
                errors.add_word(line, names[index], cell.strip(), list(words))

    def build_remarks(self, names: Sequence[str], delimiter: str) -> list[Remark]:
        """Build the remarks about columns with words, and about points that may separate thousands.

        Programs that write semicolons between cells often write decimal commas, and points between thousands.
        """
        remarks = [
            Remark(f"column {names[index]}: {cell} is read as {float(cell):g}", "data.thousands=. data.decimal=,")
            for index, cell in self.grouped_cells.items()
            if delimiter == ";"
        ]
        columns = [names[index] for index in self.word_columns or {}]
        if not columns:
            return remarks
        listed = ", ".join(columns[:_MAX_LISTED_COLUMNS]) + (", …" if len(columns) > _MAX_LISTED_COLUMNS else "")
        words = dict.fromkeys(word for pair in (self.word_columns or {}).values() for word in pair)
        ones, zeros = ([word for word in words if WORD_VALUES[word] == value] for value in "10")
        noun = "column" if len(columns) == 1 else "columns"
        return [*remarks, Remark(f"{noun} {listed}: {'/'.join(ones)} read as 1, {'/'.join(zeros)} as 0")]
