"""Command `dnn help`: the pages of the documentation in the terminal, and the help of commands."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import complete_topics
from dnn_cli.cli.console import get_output_console, has_limited_width, write_result
from dnn_cli.cli.documentation import list_pages, read_page, remove_fields
from dnn_cli.errors import UsageError, suggest_nearest_name

if TYPE_CHECKING:
    from rich.markdown import Markdown

_MAX_TEXT_WIDTH = 100
"""Largest width of a page on a terminal, in characters. Longer lines are hard to read."""

_CODE_OR_LINK = re.compile(
    r"```.*?^```|`[^`\n]*`|(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)]*)\)", re.S | re.M
)


def show_help(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC",
            autocompletion=complete_topics,
            help="Page or command. Without a topic, the pages are listed.",
        ),
    ] = None,
) -> None:
    """Show a page of the documentation, or list the pages."""
    pages = list_pages()
    if not words:
        _print_topics(pages)
    elif len(words) == 1 and words[0] in pages:
        _print_page(words[0], set(pages))
    else:
        _print_command_help(context.find_root(), words, list(pages))


def _print_topics(pages: dict[str, str]) -> None:
    """Print the topics and their descriptions."""
    width = max(map(len, pages))
    lines = [f"  {topic:{width}}  {description}" for topic, description in pages.items()]
    note = "dnn help TOPIC shows a page; dnn help COMMAND shows the options of a command."
    write_result("\n".join(["Pages:", *lines, "", note, ""]))


def _print_page(topic: str, topics: set[str]) -> None:
    """Print the page of a topic: formatted on a terminal, also without colours, and as Markdown in a pipe.

    `topics` are the topics of all pages. Links to these pages become commands.
    """
    text = replace_links(read_page(topic), topics)
    out = get_output_console()
    if has_limited_width(out):
        out.print(_format_page(remove_fields(text)), width=min(out.width, _MAX_TEXT_WIDTH))
    else:
        write_result(text)


def replace_links(text: str, topics: set[str]) -> str:
    """Return the Markdown text of a page without pictures, and with links that a terminal can show.

    A link to another page becomes `text (dnn help TOPIC)`, and a link to a web page `text (address)`. Of other links,
    only the text remains, because their files may not be installed.

    Args:
        text: The Markdown text of the page.
        topics: The topics of all pages.
    """

    def replace_link(match: re.Match[str]) -> str:
        if match["target"] is None:
            return match[0]
        if match["picture"]:
            return ""
        target = match["target"].partition("#")[0]
        if target.startswith("https:"):
            return f"{match['text']} ({match['target']})"
        topic = target.removesuffix(".md")
        return f"{match['text']} (`dnn help {topic}`)" if topic in topics else match["text"]

    without_links = _CODE_OR_LINK.sub(replace_link, text)
    # A removed picture leaves a paragraph without text.
    return re.sub(r"\n{3,}", "\n\n", without_links)


def _format_page(text: str) -> "Markdown":
    """Return the Markdown text of a page as an object that Rich prints, with headings on the left and whole words.

    By default, Rich centers headings, and cuts words that are wider than their column of a table.
    """
    from rich.markdown import Heading, Markdown, TableElement
    from rich.table import Table

    class LeftHeading(Heading):
        """Heading of a Markdown page on the left, without the frame of Rich's headings."""

        def __rich_console__(self, console: Any, options: Any) -> Any:
            self.text.justify = "left"
            yield self.text

    class FoldedTable(TableElement):
        """Table of a Markdown page in which long words continue on the next line."""

        def __rich_console__(self, console: Any, options: Any) -> Any:
            for renderable in super().__rich_console__(console, options):
                if isinstance(renderable, Table):
                    for column in renderable.columns:
                        column.overflow = "fold"
                yield renderable

    class Page(Markdown):
        """Markdown page with headings on the left and tables whose words are never cut."""

        elements = {**Markdown.elements, "heading_open": LeftHeading, "table_open": FoldedTable}

    return Page(text, hyperlinks=False)


def _print_command_help(root: Any, words: Sequence[str], topics: Sequence[str]) -> None:
    """Print the help of a command or of a subcommand, as its option `--help` does.

    Args:
        root: The Click context of `dnn`.
        words: The words of the command, such as `runs` and `show`.
        topics: The topics of all pages, for the hint of an error.

    Raises:
        UsageError: the words are neither a page nor a command.
    """
    context = root
    for number, word in enumerate(words):
        names = context.command.list_commands(context) if hasattr(context.command, "list_commands") else []
        if word not in names:
            candidates = [*names, *(topics if number == 0 else [])]
            raise UsageError(
                f"no page and no command is named {' '.join(words)}",
                _suggest_for_config_word(word)
                or suggest_nearest_name(word, candidates)
                or "dnn help lists the pages, and dnn --help the commands",
            )
        command = context.command.get_command(context, word)
        context = type(context)(command, parent=context, info_name=word)
    write_result(context.command.get_help(context) + "\n")


def _suggest_for_config_word(word: str) -> str:
    """Return the suggestion for a name or a key of configs, such as `LSTM`; an empty text for any other word."""
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.config.layer_blocks import Repeat
    from dnn_cli.config.registry import find_kind, to_plural

    if kind := find_kind(word):
        return f"dnn list {to_plural(kind)} {word} shows the {kind}"
    if word in Experiment.model_fields or word in Repeat.model_fields:
        return f"dnn help config describes {word}"
    return ""
