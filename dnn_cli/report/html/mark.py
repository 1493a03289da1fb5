"""How a report is known as one of ours."""

from pathlib import Path

GENERATOR = "dnn report"

NEAR = 500
"""Within so many bytes of its beginning it says what wrote it."""


def is_report(path: Path) -> bool:
    """Whether a file is one that `dnn report` wrote."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return f'<meta name="generator" content="{GENERATOR}'.encode() in stream.read(NEAR)
    except OSError:
        return False
