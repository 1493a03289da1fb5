"""The terminal: what it can show."""

import os
import sys

from rich.console import Console

from dnn_cli.doctor.findings import Problem, Section
from dnn_cli.host.terminal import is_notebook


def look_at_terminal(console: Console) -> Section:
    """What standard output is, through the console that results go to."""
    is_terminal = sys.stdout.isatty()
    encoding = sys.stdout.encoding or "ascii"
    unicode = encoding.lower().replace("-", "").startswith("utf")
    colour = console.color_system if console.is_terminal else None
    facts = {
        "terminal": is_terminal,
        "columns": console.width if is_terminal else None,
        "rows": console.height if is_terminal else None,
        "colour": colour,
        "encoding": encoding,
        "unicode": unicode,
    }
    why = why_plain()
    texts = {
        "terminal": "yes" if is_terminal else "no: output goes to a pipe or a file, plain and in full width",
        "colour": (colour or why) if is_terminal else "",
        "unicode": "" if unicode else "no",
    }
    problem = Problem(f"{encoding} has no letters but ASCII's, and curves are drawn with them", "export LC_ALL=C.UTF-8")
    return Section("terminal", facts, () if unicode else (problem,), texts)


def why_plain() -> str:
    """Return why a terminal is shown no colours."""
    if "NO_COLOR" in os.environ:
        return "NO_COLOR is set"
    if os.environ.get("TERM") == "dumb":
        return "TERM=dumb"
    return "none, and lines in the place of bars: a notebook cannot move the cursor" if is_notebook() else "none"
