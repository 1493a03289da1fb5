"""Tables before they have a format: texts of cells, built from columns, and rules on how to fit a table to a width."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from dnn_cli.report.table_formats import format_csv, format_html, format_latex, format_markdown
from dnn_cli.report.tables import PlainTable, build_table, drop_columns_to_fit, shorten_cells_to_fit, shorten_text
from dnn_cli.report.text import UNLIMITED_WIDTH

if TYPE_CHECKING:
    from dnn_cli.compare.group import Group

_MIN_SENTENCE_WIDTH = 44
"""Smallest width of a column of sentences, in terminal characters.

To keep this width, other columns are dropped or cut.
"""

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Column(Generic[_Row]):
    """Column of a table: its header, and the function that returns the text of its cell in a row."""

    header: str
    format_cell: Callable[[_Row], str]
    is_numeric: bool = False
    """Whether the column holds numbers, which are right-aligned."""

    fit: Literal["fixed", "cut", "wrapped"] = "fixed"
    """What happens to cells if the table is too wide.

    Text that distinguishes the rows is wrapped, and never cut."""


@dataclass(frozen=True)
class TableCells:
    """Texts of the cells of a table, and rules on how to fit the table to a width."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()
    """Headers of right-aligned columns, which hold numbers."""

    cut: Sequence[str] = ()
    """Headers of columns whose cells are cut if the table is too wide."""

    wrapped: Sequence[str] = ()
    """Headers of columns whose cells wrap if the table is too wide."""

    expendable: Sequence[str] = ()
    """Headers of columns that are dropped, in this order, if the table is too wide."""

    width_before_dropping: int = UNLIMITED_WIDTH
    """Width to which cells can be cut before a column is dropped.

    By default, columns are dropped before cells are cut."""

    sentences: Sequence[str] = ()
    """Headers of columns with sentences, which wrap if the table is too wide."""

    row_groups: "Sequence[Group]" = ()
    """Groups of the rows, one for each row; empty if the rows are not groups, as in a matrix or a table of runs."""

    def add_sentences(self, header: str, sentences: Sequence[str]) -> "TableCells":
        """Return the table with a further column of sentences, one for each row."""
        rows = [[*row, sentence] for row, sentence in zip(self.rows, sentences, strict=True)]
        return replace(self, headers=[*self.headers, header], rows=rows, sentences=(*self.sentences, header))

    def limit_rows(self, max_rows: int | None) -> "TableCells":
        """Return the table with at most `max_rows` rows; `None` keeps all rows."""
        return replace(self, rows=self.rows[:max_rows], row_groups=self.row_groups[:max_rows])

    def build_fitting_table(self, width: int = UNLIMITED_WIDTH) -> PlainTable:
        """Build a table that fits a width in terminal characters: columns are dropped, then cells are cut or wrap."""
        if width >= UNLIMITED_WIDTH:
            return build_table(self.headers, self.rows, right=self.right)
        limits = dict.fromkeys(self.sentences, _MIN_SENTENCE_WIDTH)
        shortest = [
            [
                shorten_text(cell, self.width_before_dropping) if header in self.cut else cell
                for header, cell in zip(self.headers, row, strict=True)
            ]
            for row in self.rows
        ]
        headers, _ = drop_columns_to_fit(self.headers, shortest, width, self.expendable, limits)
        is_fitting = [header in headers for header in self.headers]
        rows = [list(compress(row, is_fitting)) for row in self.rows]
        rows = shorten_cells_to_fit(headers, rows, width, self.cut, max_widths=limits)
        return build_table(headers, rows, right=self.right, flexible=[*self.wrapped, *self.sentences])

    def to_csv(self) -> str:
        """Return the table as CSV."""
        return format_csv(self.headers, self.rows)

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        return format_markdown(self.headers, self.rows, self.right)

    def to_latex(self) -> str:
        """Return the table as LaTeX."""
        return format_latex(self.headers, self.rows, self.right)

    def to_html(self) -> str:
        """Return the table as HTML."""
        return format_html(self.headers, self.rows, self.right)


def build_cells(
    columns: Sequence[Column[_Row]],
    rows: Iterable[_Row],
    expendable: Sequence[str] = (),
    row_groups: "Sequence[Group]" = (),
) -> TableCells:
    """Build the cells of a table from its columns and the values of its rows."""
    return TableCells(
        [column.header for column in columns],
        [[column.format_cell(row) for column in columns] for row in rows],
        right=[column.header for column in columns if column.is_numeric],
        cut=[column.header for column in columns if column.fit == "cut"],
        wrapped=[column.header for column in columns if column.fit == "wrapped"],
        expendable=expendable,
        row_groups=row_groups,
    )
