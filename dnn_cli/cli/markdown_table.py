"""Tables in Markdown for pages of the documentation."""

import re
from collections.abc import Iterable, Sequence


def build_markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown. Line breaks in cells become spaces."""
    lines = [headers, ["---"] * len(headers), *rows]
    cells = [[re.sub(r"(?<!\\)\|", r"\\|", " ".join(cell.split())) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
