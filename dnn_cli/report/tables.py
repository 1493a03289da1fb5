"""Tables for the terminal and for pipes."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dnn_cli.report.text import replace_control_chars

COLUMN_GAP = 2
"""Number of spaces between two columns of a table."""

_NO_LIMITS: Mapping[str, int] = MappingProxyType({})


class PlainTable(Table):
    """Table that Rich prints on a terminal.

    For a pipe, `to_text` formats the table without Rich, which takes less time.
    """

    def __init__(
        self, headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str], flexible: Sequence[str]
    ) -> None:
        super().__init__(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold"
        )
        self.headers = list(headers)
        self.cells = [[replace_control_chars(cell) for cell in row] for row in rows]
        self.right = right
        for header in headers:
            self.add_column(
                header,
                justify="right" if header in right else "left",
                overflow="fold" if header in flexible else "ellipsis",
                no_wrap=header not in flexible,
            )

    def add_cells(self) -> None:
        """Add the cells to the rows of Rich's table, once, when Rich prints it. `to_text` does not need Rich's rows."""
        if not self.rows:
            for row in self.cells:
                self.add_row(*map(Text, row))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.add_cells()
        yield from super().__rich_console__(console, options)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        self.add_cells()
        return super().__rich_measure__(console, options)

    def to_text(self) -> str:
        """Return the table in full width, without trailing spaces."""
        columns = list(zip(self.headers, *self.cells, strict=True))
        widths = [max(map(compute_text_width, column)) for column in columns]
        left = [header not in self.right for header in self.headers]
        rule = "─" * (sum(widths) + COLUMN_GAP * (len(widths) - 1))
        lines = [
            _format_table_row(self.headers, widths, left),
            rule,
            *(_format_table_row(row, widths, left) for row in self.cells),
        ]
        return "".join(f"{text}\n" for text in lines)


def _format_table_row(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    """Return a row as text, with each cell padded to the width of its column.

    `left` holds, for each column, whether the column is left-aligned.
    """
    padded = []
    for cell, width, is_left in zip(cells, widths, left, strict=True):
        space = " " * (width - compute_text_width(cell))
        padded.append(cell + space if is_left else space + cell)
    return (" " * COLUMN_GAP).join(padded).rstrip()


def format_named_rows(
    headers: Sequence[str], rows: Sequence[Sequence[str]], width: int, right: Sequence[str], min_name_width: int
) -> list[list[str]]:
    """Return the lines of a table whose first column has names, which are never cut.

    If the table is too wide, long names are above their rows.

    Args:
        headers: The headers.
        rows: The cells of each row, a name first.
        width: The width of the terminal, in characters.
        right: The headers of right-aligned columns.
        min_name_width: The smallest width of the column of names, in characters.

    Returns:
        The lines of the header, followed by the lines of each row.
    """
    columns = list(zip(headers, *rows, strict=True))
    other_width = sum(COLUMN_GAP + max(map(compute_text_width, column)) for column in columns[1:])
    name_width = max(width - other_width, min_name_width)
    is_long = [compute_text_width(name) > name_width for name, *_ in rows]
    cells = [["" if long else row[0], *row[1:]] for row, long in zip(rows, is_long, strict=True)]
    header, rule, *lines = build_table(headers, cells, right=right).to_text().splitlines()
    return [
        [header, rule],
        *(
            [replace_control_chars(row[0]), line] if long else [line]
            for row, line, long in zip(rows, lines, is_long, strict=True)
        ),
    ]


def compute_text_width(text: str) -> int:
    """Compute the width of a text in terminal characters; a wide character counts twice."""
    return len(text) if text.isascii() else cell_len(text)


def pad_text(text: str, width: int) -> str:
    """Return a text with trailing spaces up to a width in terminal characters."""
    return text + " " * (width - compute_text_width(text))


def build_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), flexible: Sequence[str] = ()
) -> PlainTable:
    """Build a table from its headers and the texts of its cells.

    The columns named in `right` are right-aligned. Those named in `flexible` wrap if the table is too wide.
    """
    return PlainTable(headers, rows, right, flexible)


def _compute_column_width(header: str, cells: Sequence[str], max_widths: Mapping[str, int]) -> int:
    """Compute the width of a column in terminal characters: that of its header or longest cell.

    `max_widths` has the largest widths of columns that wrap, by header.
    """
    width = max(map(compute_text_width, (header, *cells)))
    return min(width, max_widths.get(header, width))


def drop_columns_to_fit(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    expendable: Sequence[str],
    max_widths: Mapping[str, int] = _NO_LIMITS,
) -> tuple[list[str], list[list[str]]]:
    """Drop columns of a table until it fits a width, and return the headers and rows.

    Args:
        headers: The headers.
        rows: The cells of each row.
        width: The largest width of the table, in terminal characters.
        expendable: The headers of the columns that can be dropped, in the order in which they are dropped.
        max_widths: The largest widths of columns that wrap, by header.
    """
    columns = list(zip(headers, *rows, strict=True))
    for name in expendable:
        widths = [_compute_column_width(header, cells, max_widths) for header, *cells in columns]
        if sum(widths) + COLUMN_GAP * (len(widths) - 1) <= width:
            break
        columns = [column for column in columns if column[0] != name]
    fitting_headers, *cells = (list(row) for row in zip(*columns, strict=True))
    return fitting_headers, cells


def shorten_cells_to_fit(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    flexible: Sequence[str],
    min_width: int = 8,
    max_widths: Mapping[str, int] = _NO_LIMITS,
) -> list[list[str]]:
    """Cut long cells of a table so that the table fits a width, and return its rows.

    Args:
        headers: The headers.
        rows: The cells of each row.
        width: The largest width of the table, in terminal characters.
        flexible: The headers of the columns whose cells can be cut; the widest column is cut first.
        min_width: The width that a cut column keeps, in terminal characters.
        max_widths: The largest widths of other columns, which wrap, by header.
    """
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in headers]
    widths = [
        _compute_column_width(header, column, max_widths) for header, column in zip(headers, columns, strict=True)
    ]
    flexible_widths = [size for header, size in zip(headers, widths, strict=True) if header in flexible]
    room = width - COLUMN_GAP * (len(widths) - 1) - (sum(widths) - sum(flexible_widths))
    limit = max(flexible_widths, default=min_width)
    while limit > min_width and sum(min(size, limit) for size in flexible_widths) > room:
        limit -= 1
    spare = max(0, room - sum(min(size, limit) for size in flexible_widths))
    for header, column, size in zip(headers, columns, widths, strict=True):
        if header in flexible and size > limit:
            max_width = min(size, limit + spare)
            spare -= max_width - limit
            column[:] = [shorten_text(cell, max_width) for cell in column]
    return [list(row) for row in zip(*columns, strict=True)]


def shorten_text(text: str, width: int) -> str:
    """Return a text in one line of at most `width` terminal characters; a cut text ends in `…`."""
    text = replace_control_chars(text)
    if compute_text_width(text) <= width:
        return text
    return f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…"
