"""What the terminal of this process can do, by its environment."""

import os


def can_move_cursor() -> bool:
    """Return whether a terminal can write over what it has shown; if not, lines take the place of bars."""
    return os.environ.get("TERM") != "dumb" and not is_notebook()


def is_notebook() -> bool:
    """Return whether a cell of Jupyter or Colab runs this program, as in `!dnn train config.yaml`.

    IPython runs it in a pseudo-terminal, but the cell takes a control code for text. IPython's kernel sets TERM and the
    pagers in ipykernel/zmqshell.py, Jupyter sets JPY_PARENT_PID.
    """
    named = "JPY_PARENT_PID" in os.environ or any(name.startswith("COLAB_") for name in os.environ)
    pagers = {os.environ.get(name) for name in ("PAGER", "GIT_PAGER")} == {"cat"}
    return os.environ.get("TERM") == "xterm-color" and (named or pagers)
