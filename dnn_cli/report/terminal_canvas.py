"""Canvas of a chart in a terminal: braille dots, letters and colours."""

from dataclasses import dataclass, field

TERMINAL_COLOURS = (33, 166, 29, 169, 136, 244, 97, 67)
"""Colours of curves, from the 256 colours of a terminal.

They are close to the palette of Okabe and Ito. Their contrast to white and to black is at least 3 to 1.
"""

_BRAILLE_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""For each dot of a braille character, by column and row: the bit that the dot adds to the code point."""

_BRAILLE_START = 0x2800
"""Code point of the braille character without dots."""


SHARED_SIGN = "#"
"""Character for points of several series in one cell."""


@dataclass(frozen=True)
class Glyphs:
    """Characters from which a chart is drawn, such as the characters of axes and ticks."""

    dots_across: int
    """Number of dots side by side in one terminal character: 2 for braille; 1 for ASCII, where a sign replaces dots."""

    dots_down: int
    """Number of dots one below the other in one terminal character: 4 for braille, 1 for ASCII."""

    vertical: str
    horizontal: str
    corner: str
    left_tick: str
    bottom_tick: str
    rule: str
    level: str
    mark: str
    failure: str
    point: str
    solid: str
    dashed: str


UNICODE_GLYPHS = Glyphs(2, 4, "│", "─", "└", "┤", "┬", "┊", "┄", "▲", "×", "●", "──", "╌╌")
ASCII_GLYPHS = Glyphs(1, 1, "|", "-", "+", "+", "+", ":", "-", "^", "x", "*", "--", "- ")


@dataclass
class Canvas:
    """Grid of characters on which curves are drawn; rows are counted from the top."""

    glyphs: Glyphs
    columns: int
    rows: int
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    """Braille bits of the cells that have dots, by column and row."""

    signs: dict[tuple[int, int], str] = field(default_factory=dict)
    """Letters and other characters, which hide the dots of their cell, by column and row."""

    owners: dict[tuple[int, int], int] = field(default_factory=dict)
    """Number of the curve whose colour a cell has, by column and row."""

    point_owners: dict[tuple[int, int], int] = field(default_factory=dict)
    """Number of the series whose point was put into a cell first, by column and row."""

    def find_cell(self, x: int, y: int) -> tuple[int, int]:
        """Return the column and row of the cell that contains a dot.

        `x` is counted from the left, `y` from the bottom.
        """
        return x // self.glyphs.dots_across, self.rows - 1 - y // self.glyphs.dots_down

    def put_dot(self, x: int, y: int, owner: int, sign: str) -> None:
        """Put a dot of a curve into its cell.

        If the glyphs have no dots, as in ASCII, put the character `sign` into the cell. `owner` is the number of the
        curve, which determines the colour of the cell.
        """
        cell = self.find_cell(x, y)
        if self.glyphs.dots_across == 1:
            self.signs[cell] = sign
        else:
            bit = _BRAILLE_BITS[x % 2][3 - y % 4]
            self.dots[cell] = self.dots.get(cell, 0) | bit
        self.owners[cell] = owner

    def put_sign(self, cell: tuple[int, int], sign: str, owner: int) -> None:
        """Put a character of a curve into a cell. `owner` is the number of the curve, which determines the colour."""
        self.signs[cell], self.owners[cell] = sign, owner

    def put_rule(self, column: int) -> None:
        """Put a vertical line into the empty cells of a column."""
        for cell in ((column, row) for row in range(self.rows)):
            if cell not in self.dots:
                self.signs.setdefault(cell, self.glyphs.rule)

    def put_level(self, row: int) -> None:
        """Put a horizontal line into the empty cells of a row."""
        for cell in ((column, row) for column in range(self.columns)):
            if cell not in self.dots:
                self.signs.setdefault(cell, self.glyphs.level)

    def put_point(self, cell: tuple[int, int], sign: str, owner: int) -> None:
        """Put a point of a series into a cell. A cell with points of several series gets the sign of several series."""
        is_shared = self.point_owners.setdefault(cell, owner) != owner
        self.put_sign(cell, SHARED_SIGN if is_shared else sign, -1 if is_shared else owner)

    def format_row(self, number: int, colour: bool) -> str:
        """Return row `number`, counted from the top, as text. With `colour`, control codes colour the text."""
        parts: list[str] = []
        last = -1
        for column in range(self.columns):
            cell = (column, number)
            owner = self.owners.get(cell, -1) if colour else -1
            if owner != last:
                parts.append(format_colour_code(owner))
                last = owner
            dots = self.dots.get(cell, 0)
            parts.append(self.signs.get(cell) or (chr(_BRAILLE_START + dots) if dots else " "))
        text = "".join(parts)
        return f"{text}{format_colour_code(-1)}" if last != -1 else text.rstrip()


def format_colour_code(owner: int) -> str:
    """Return the control code for the colour of curve `owner`; for a negative number, the code that resets colours."""
    return "\x1b[0m" if owner < 0 else f"\x1b[38;5;{TERMINAL_COLOURS[owner % len(TERMINAL_COLOURS)]}m"
