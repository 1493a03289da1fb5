"""Abilities and size of the terminal of this process."""

import os
from typing import TextIO

_DEFAULT_COLUMNS, _DEFAULT_LINES = 80, 24
"""Size of a terminal that does not report its size, as in `shutil.get_terminal_size`."""


def can_move_cursor() -> bool:
    """Return whether the terminal can overwrite earlier output. If not, commands print lines, not progress bars."""
    return os.environ.get("TERM") != "dumb" and not is_notebook()


def is_notebook() -> bool:
    """Return whether a cell of Jupyter or Colab runs this program, as in `!dnn train config.yaml`.

    IPython runs the program in a pseudo-terminal, but the cell prints control codes as text. A cell is recognised by
    environment variables: TERM, PAGER and GIT_PAGER of IPython's kernel (ipykernel/zmqshell.py), JPY_PARENT_PID of
    Jupyter, or those of Colab.
    """
    named = "JPY_PARENT_PID" in os.environ or any(name.startswith("COLAB_") for name in os.environ)
    pagers = {os.environ.get(name) for name in ("PAGER", "GIT_PAGER")} == {"cat"}
    return os.environ.get("TERM") == "xterm-color" and (named or pagers)


def get_assumed_size(terminal: TextIO) -> tuple[int | None, int | None]:
    """Return the columns and lines to assume for a terminal. `None` means that the terminal reports the number.

    Some pseudo-terminals report 0 columns or 0 lines, and COLUMNS or LINES can be 0. Such a number is unknown.
    """
    try:
        reported = os.get_terminal_size(terminal.fileno())
    except OSError:
        reported = os.terminal_size((0, 0))

    def assume(variable: str, number: int, default: int) -> int | None:
        is_unknown = not (os.environ.get(variable) or str(number)).strip("0")
        return (number or default) if is_unknown else None

    return assume("COLUMNS", reported.columns, _DEFAULT_COLUMNS), assume("LINES", reported.lines, _DEFAULT_LINES)
