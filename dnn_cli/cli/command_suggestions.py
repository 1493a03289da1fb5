"""Command groups whose error for an unknown command suggests an equivalent command of `dnn`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from typer.core import TyperGroup

from dnn_cli.errors import UsageError, suggest_nearest_name

COMMAND_SUGGESTIONS = {
    "run": "dnn train",
    "fit": "dnn train",
    "start": "dnn train",
    "test": "dnn evaluate",
    "eval": "dnn evaluate",
    "score": "dnn evaluate",
    "infer": "dnn predict",
    "validate": "dnn check",
    "lint": "dnn check",
    "convert": "dnn import",
    "init": "dnn new",
    "create": "dnn new",
    "tune": "dnn sweep",
    "search": "dnn sweep",
    "continue": "dnn resume",
    "history": "dnn runs",
    "ls": "dnn runs",
    "log": "dnn runs",
    "show": "dnn runs show",
    "diff": "dnn runs diff",
    "tag": "dnn runs tag",
    "rename": "dnn runs rename",
    "delete": "dnn runs rm",
    "remove": "dnn runs rm",
    "rm": "dnn runs rm",
    "restore": "dnn runs restore",
    "code": "dnn script",
    "notebook": "dnn script",
    "docs": "dnn help",
    "man": "dnn help",
    "version": "dnn --version",
}
"""Words that are not commands but that users may type after `dnn`, each with the equivalent command of `dnn`."""

RUNS_COMMAND_SUGGESTIONS = {
    "remove": "dnn runs rm",
    "delete": "dnn runs rm",
    "del": "dnn runs rm",
    "undelete": "dnn runs restore",
    "list": "dnn runs",
    "ls": "dnn runs",
    "history": "dnn runs",
    "view": "dnn runs show",
    "info": "dnn runs show",
    "compare": "dnn compare",
    "export": "dnn export-runs",
    "label": "dnn runs tag",
    "clean": "dnn runs gc",
}
"""Words that are not commands but that users may type after `dnn runs`, each with the equivalent command of `dnn`."""


class CommandGroup(TyperGroup):
    """Command group that suggests an equivalent command for an unknown command: `dnn train` for `dnn fit`."""

    suggestions: Mapping[str, str] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        _check_command(str(ctx.command_path), args, self.list_commands(ctx), self.suggestions)
        return super().resolve_command(ctx, args)


LISTED_ADDRESSES = "dnn.listed_addresses"
"""Key of the addresses of sweeps and studies in `Context.meta` of the command `dnn runs`."""


class RunsCommandGroup(CommandGroup):
    """Command group `dnn runs`, which also accepts addresses of sweeps and studies instead of a subcommand."""

    suggestions = RUNS_COMMAND_SUGGESTIONS

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after `dnn runs`, and store addresses such as `study:ID` in `ctx.meta`."""
        from dnn_cli.runs.address_prefixes import GROUP_PREFIXES

        # Options can follow an address, but Click ends the options of a group at the first word that is not an option.
        while (words := self.make_parser(ctx).parse_args(list(args))[1]) and words[0].startswith(GROUP_PREFIXES):
            ctx.meta.setdefault(LISTED_ADDRESSES, []).append(words[0])
            args = [*args[: len(args) - len(words)], *words[1:]]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def _check_command(
    command_path: str, words: Sequence[str], commands: Collection[str], suggestions: Mapping[str, str]
) -> None:
    """Check that the word after the name of a command group is one of the group's commands.

    Nothing is checked if there are no words, or if the first word is an option.

    Args:
        command_path: The full name of the group, such as `dnn runs`.
        words: The words of the command line after the name of the group.
        commands: The names of the group's commands.
        suggestions: Words that are not commands of the group, each with the equivalent command of `dnn`.

    Raises:
        UsageError: the command does not exist. The hint names the equivalent command or the command with the nearest
            name.
    """
    if not words or words[0] in commands or words[0].startswith("-"):
        return
    word = words[0].lower()
    if word in commands:
        hint = f"did you mean {command_path} {word}?"
    elif word in suggestions:
        hint = f"did you mean {suggestions[word]}?"
    else:
        nearest_hint = suggest_nearest_name(word, commands).replace("did you mean ", f"did you mean {command_path} ")
        hint = nearest_hint or f"{command_path} --help lists the commands"
    raise UsageError(f"unknown command: {command_path} {words[0]}", hint)
