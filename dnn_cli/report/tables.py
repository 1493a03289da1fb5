"""Tables for the terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text


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
        made.add_row(*(Text(cell) for cell in row))
    return made
