"""Abilities of the terminal of this process, according to environment variables."""

import os


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
