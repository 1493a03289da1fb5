"""Verbs of other programs, and the error that names the verb of `dnn` for each."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from typer.core import TyperGroup

from dnn_cli.errors import UsageError, nearest

VERBS = {
    "run": "dnn train",
    "fit": "dnn train",
    "start": "dnn train",
    "test": "dnn evaluate",
    "eval": "dnn evaluate",
    "score": "dnn evaluate",
    "infer": "dnn predict",
    "validate": "dnn check",
    "lint": "dnn check",
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
    "help": "dnn --help",
    "version": "dnn --version",
}
"""Words that are no verb of `dnn`, each with the command that does the same."""

VERBS_OF_RUNS = {
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
"""The same for words after `dnn runs`."""


class Verbs(TyperGroup):
    """A group of verbs that knows the verbs of other programs."""

    foreign: Mapping[str, str] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        check_verb(str(ctx.command_path), args, self.list_commands(ctx), self.foreign)
        return super().resolve_command(ctx, args)


class VerbsOfRuns(Verbs):
    """The verbs of `dnn runs`."""

    foreign = VERBS_OF_RUNS


def check_verb(path: str, words: Sequence[str], verbs: Collection[str], foreign: Mapping[str, str]) -> None:
    """Check that the first word is a verb.

    Args:
        path: The command so far, as `dnn runs`.
        words: The rest of the command line.
        verbs: The verbs that exist.
        foreign: Verbs of other programs, each with the command that does the same.

    Raises:
        UsageError: the verb does not exist. The hint names the command that does the same, or the nearest verb.
    """
    if not words or words[0] in verbs or words[0].startswith("-"):
        return
    word = words[0].lower()
    if word in verbs:
        hint = f"did you mean {path} {word}?"
    elif word in foreign:
        hint = f"did you mean {foreign[word]}?"
    else:
        found = nearest(word, verbs).replace("did you mean ", f"did you mean {path} ")
        hint = found or f"{path} --help lists the commands"
    raise UsageError(f"{path} has no command {words[0]}", hint)
