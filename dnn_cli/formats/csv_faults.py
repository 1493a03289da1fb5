"""Cells of a table that should hold numbers and do not: one line for each column of text or amounts."""

from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from dnn_cli.formats.csv_amounts import Comma, amount_hint, comma_in, comma_of, plain_amount
from dnn_cli.formats.csv_numbers import is_text, number_fault
from dnn_cli.formats.csv_rows import Faults, find_file_delimiter, quoted

AS_IN_TRAINING = "every input must be a number, as in training"

MOST_LINES = 5
"""Lines of further cells that a message names."""


@dataclass
class CellGroup:
    """The cells of one column with the same fault: text, or amounts."""

    line: int
    cell: str
    """The first cell."""

    is_amount: bool
    more: int = 0
    lines: list[int] = field(default_factory=list)
    """Of the next cells, at most `MOST_LINES`."""

    commas: set[Comma] = field(default_factory=set)


@dataclass
class NumberFaults:
    """Collects the faults of the inputs of a table: cells of text by column, all others one by one."""

    faults: Faults
    groups: dict[tuple[str, bool], CellGroup] = field(default_factory=dict)

    def add(self, line: int, column: str, cell: str) -> None:
        """Note a cell, if it holds no number."""
        fault = number_fault(cell)
        if fault is None:
            return
        cell = cell.strip()
        if not is_text(cell):
            self.faults.add(line, f"column {column}: {fault[0]}", fault[1])
            return
        is_amount = bool(plain_amount(cell))
        group = self.groups.get((column, is_amount))
        if group is None:
            group = self.groups[column, is_amount] = CellGroup(line, cell, is_amount)
        else:
            group.more += 1
            if len(group.lines) < MOST_LINES:
                group.lines.append(line)
        group.commas.add(comma_in(cell) if is_amount else "")

    def check(self, text_hint: Callable[[list[str]], str]) -> None:
        """Go on only if there are none.

        Args:
            text_hint: What to do about columns of text, from their names.

        Raises:
            OwnDataError: there are faults; shows the first and counts the rest.
        """
        columns = [name for (name, is_amount) in self.groups if not is_amount]
        for (name, is_amount), group in self.groups.items():
            comma = comma_of(group.commas, find_file_delimiter(self.faults.path)) if is_amount else ""
            hint = amount_hint(group.cell, comma) if is_amount else text_hint(columns)
            self.faults.add(group.line, f"column {name}: {describe(group, comma)}", hint, always=True)
        self.faults.check()


def describe(group: CellGroup, comma: Comma) -> str:
    """Return what is wrong with a group of cells."""
    is_decimal = comma == "decimal" and comma_in(group.cell) in ("decimal", "either")
    text = f"{quoted(group.cell)} {'has a decimal comma' if is_decimal else 'is not a number'}"
    if not group.more:
        return text
    rest = ", …" if group.more > len(group.lines) else ""
    lines = f"line{'s' if group.more > 1 else ''} {', '.join(map(str, group.lines))}{rest}"
    cells = "is 1 more cell" if group.more == 1 else f"are {group.more:,} more cells"
    if is_decimal:
        return f"{text}, and so {'has' if group.more == 1 else 'have'} {cells.partition(' ')[2]} ({lines})"
    return f"{text}, nor {cells} ({lines})"


def ignore_hint(columns: list[str], ignored: tuple[str, ...]) -> str:
    """Return what to do about columns of text in training data, where some columns are ignored already."""
    flow = yaml.safe_dump([*ignored, *columns], default_flow_style=True, allow_unicode=True, width=10**6).strip()
    return f"encode text as numbers, or leave the column{'s' * (len(columns) > 1)} out: data.ignore={flow}"
