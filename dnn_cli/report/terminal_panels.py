"""Panels of a chart in a terminal: two side by side if the width suffices, else one below the other."""

from collections.abc import Sequence

from rich.text import Text

MIN_TWO_PANEL_WIDTH = 120
"""Smallest width of a terminal, in characters, at which two panels are side by side."""

_PANEL_GAP = 3
"""Number of spaces between two panels."""


def compute_panel_width(width: int, panels: int) -> int:
    """Compute the width of each of several panels, in terminal characters, on a terminal of `width` characters."""
    abreast = _count_panels_abreast(width, panels)
    return (width - _PANEL_GAP * (abreast - 1)) // abreast


def _count_panels_abreast(width: int, panels: int) -> int:
    """Return the number of panels side by side: 2 if there are several panels and the width suffices, else 1."""
    return 2 if width >= MIN_TWO_PANEL_WIDTH and panels > 1 else 1


def arrange_panels(panels: Sequence[str], width: int) -> str:
    """Return drawn panels side by side and in rows, with an empty line between rows.

    Args:
        panels: The panels as text; each is at most `compute_panel_width(width, len(panels))` characters wide.
        width: The width of the terminal in characters.
    """
    abreast, room = _count_panels_abreast(width, len(panels)), compute_panel_width(width, len(panels))
    rows = [panels[start : start + abreast] for start in range(0, len(panels), abreast)]
    return "\n".join("".join(f"{line}\n" for line in _join_panels(row, room)) for row in rows)


def _join_panels(panels: Sequence[str], width: int) -> list[str]:
    """Return the lines of panels side by side, each panel padded to a width."""
    columns = [panel.splitlines() for panel in panels]
    tallest = max(map(len, columns))
    lines = []
    for row in range(tallest):
        cells = [column[row] if row < len(column) else "" for column in columns]
        padded = [f"{cell}{' ' * (width - Text.from_ansi(cell).cell_len)}" for cell in cells[:-1]]
        lines.append((" " * _PANEL_GAP).join([*padded, cells[-1]]))
    return lines
