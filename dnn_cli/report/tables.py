"""Tables for the terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dnn_cli.report.words import visible


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), flexible: Sequence[str] = ()
) -> Table:
    """A plain table; columns in `right` hold numbers, those in `flexible` wrap where it is narrow."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for header in headers:
        made.add_column(
            header,
            justify="right" if header in right else "left",
            overflow="ellipsis",
            no_wrap=header not in flexible,
        )
    for row in rows:
        made.add_row(*(Text(visible(cell)) for cell in row))
    return made


def drop_to_fit(
    headers: Sequence[str], rows: Sequence[Sequence[str]], width: int, expendable: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """A table less as many of its `expendable` columns, in their order, as it must lose to fit a width."""
    columns = list(zip(headers, *rows, strict=True))
    for name in expendable:
        if sum(max(map(cell_len, column)) + 2 for column in columns) - 2 <= width:
            break
        columns = [column for column in columns if column[0] != name]
    kept, *cells = (list(row) for row in zip(*columns, strict=True))
    return kept, cells
