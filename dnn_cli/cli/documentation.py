"""Pages of the documentation, which are installed with the program."""

from pathlib import Path

import dnn_cli

PAGES_DIRECTORY = Path(dnn_cli.__file__).parent / "docs"


def list_pages() -> dict[str, str]:
    """Return the topic of each page of the documentation, with the description below the page's title.

    The topic is the name of the page's file without `.md`.
    """
    return {path.stem: read_page(path.stem).split("\n\n")[1] for path in sorted(PAGES_DIRECTORY.glob("*.md"))}


def read_page(topic: str) -> str:
    """Read the Markdown text of a page."""
    return (PAGES_DIRECTORY / f"{topic}.md").read_text(encoding="utf-8")
