"""Pages of the documentation, which are installed with the program."""

import re
from pathlib import Path

import dnn_cli

PAGES_DIRECTORY = Path(dnn_cli.__file__).parent / "docs"

_AGENTS_TOPIC = "agents"
"""Topic of the page for coding agents.

By a convention of these agents, the file is named `SKILL.md`, in a directory with the name of the skill. Its text
begins with fields between two lines of `---`."""

_AGENTS_PAGE = PAGES_DIRECTORY / "dnn" / "SKILL.md"


def list_pages() -> dict[str, str]:
    """Return the topic of each page of the documentation, with the description below the page's title.

    The topic is the name of the page's file without `.md`.
    """
    topics = sorted([_AGENTS_TOPIC, *(path.stem for path in PAGES_DIRECTORY.glob("*.md"))])
    return {topic: remove_fields(read_page(topic)).split("\n\n")[1] for topic in topics}


def read_page(topic: str) -> str:
    """Read the Markdown text of a page."""
    path = _AGENTS_PAGE if topic == _AGENTS_TOPIC else PAGES_DIRECTORY / f"{topic}.md"
    return path.read_text(encoding="utf-8")


def remove_fields(text: str) -> str:
    """Return the Markdown text of a page without the fields between two lines of `---` at its beginning."""
    return re.sub(r"\A---\n.*?\n---\n\s*", "", text, flags=re.DOTALL)
