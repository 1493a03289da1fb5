"""Reference of all commands in Markdown, for `docs/commands.md`.

`python -m dnn_cli.cli.command_reference` writes the page.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from dnn_cli.cli.app import app
from dnn_cli.cli.command_groups import COMMAND_GROUPS
from dnn_cli.cli.documentation import PAGES_DIRECTORY
from dnn_cli.cli.markdown_table import build_markdown_table

_HEADER = """# Commands

All commands with their arguments and options.

`dnn COMMAND --help` prints the same texts. [dnn in a terminal](terminal.md) has exit codes, extras and completion.
"""


def build_reference() -> str:
    """Return the reference in Markdown: tables of all commands, and a section for each command."""
    root = typer.main.get_command(app)
    context = root.make_context("dnn", [], resilient_parsing=True)
    blocks = [_HEADER]
    for title, commands in COMMAND_GROUPS.items():
        rows = [(f"[`dnn {name}`](#dnn-{name})", lazy_command.description) for name, lazy_command in commands.items()]
        blocks.append(f"**{title}**\n\n{build_markdown_table(['command', 'purpose'], rows)}")
    for command_context in _iter_contexts(context):
        blocks.append(_build_section(command_context))
    return "\n".join(blocks)


def _iter_contexts(context: Any) -> Iterator[Any]:
    """Yield the Click context of every command and subcommand of a command group.

    The context of a subgroup, such as `dnn runs`, precedes the contexts of its commands.

    Args:
        context: The Click context of the command group.
    """
    for name in context.command.list_commands(context):
        child = type(context)(context.command.get_command(context, name), parent=context, info_name=name)
        yield child
        if hasattr(child.command, "commands"):
            yield from _iter_contexts(child)


def _build_section(context: Any) -> str:
    """Return the Markdown section of a command: usage, description, arguments and options.

    The section is independent of Typer's version, unlike the text of `--help`.

    Args:
        context: The Click context of the command.
    """
    command = context.command
    parameters = [parameter for parameter in command.params if not parameter.hidden]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    words = [context.command_path, *(["[OPTIONS]"] if options else []), *map(_format_argument, arguments)]
    subcommand = " COMMAND" if hasattr(command, "commands") else ""
    blocks = [
        f"## {context.command_path}\n",
        f"```\n{' '.join(words)}{subcommand}\n```\n",
        # Click uses the control codes as marks of paragraphs.
        re.sub("[\f\b]", "", inspect.cleandoc(command.help or "")) + "\n",
    ]
    if arguments:
        rows = [(f"`{_get_metavar(argument)}`", argument.help or "") for argument in arguments]
        blocks.append(build_markdown_table(["argument", "meaning"], rows))
    if options:
        blocks.append(build_markdown_table(["option", "meaning"], [_build_option_row(option) for option in options]))
    return "\n".join(blocks)


def _format_argument(argument: Any) -> str:
    """Return the placeholder of an argument for the usage line, such as `CONFIG`.

    The placeholder of an argument with several words ends in `…`. The placeholder of an optional argument is in
    brackets.
    """
    text = _get_metavar(argument) + ("…" if argument.nargs == -1 else "")
    return text if argument.required else f"[{text}]"


def _get_metavar(parameter: Any) -> str:
    """Return the placeholder of a parameter's value, such as `N`; empty for a flag."""
    if _is_flag(parameter):
        return ""
    return str(parameter.metavar or parameter.name.upper())


def _is_flag(parameter: Any) -> bool:
    """Return whether a parameter takes no value, such as `--json` and `-v`."""
    return bool(getattr(parameter, "is_flag", False) or getattr(parameter, "count", False))


def _build_option_row(option: Any) -> tuple[str, str]:
    """Return the two cells of an option's table row: the names with a placeholder, and the meaning with the default."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    default = getattr(option.default, "value", option.default)
    has_default = not _is_flag(option) and isinstance(default, int | float | str | Path) and default != ""
    meaning = option.help or ""
    if has_default and "default" not in meaning.lower():
        meaning += f" Default: {default}."
    if option.envvar:
        meaning += f" Environment variable: {option.envvar}."
    return f"`{f'{names} {_get_metavar(option)}'.strip()}`", meaning


if __name__ == "__main__":
    (PAGES_DIRECTORY / "commands.md").write_text(build_reference(), encoding="utf-8")
