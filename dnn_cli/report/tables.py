"""Tables for the terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), flexible: Sequence[str] = ()
) -> Table:
    """A plain table; columns in `right` hold numbers, those in `flexible` give way first where it is narrow."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in headers:
        made.add_column(
            header,
            justify="right" if header in right else "left",
            overflow="ellipsis" if header in flexible else "fold",
            no_wrap=header in flexible or header in right,
        )
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made
