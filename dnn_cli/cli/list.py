"""`dnn list`: what a config can name."""

from typing import Annotated, Any

import typer

from dnn_cli.cli.arguments import AsJson
from dnn_cli.cli.console import print_json, results, show
from dnn_cli.errors import UsageError, nearest

KINDS = ("layers", "optimizers", "schedules", "activations", "initializers", "regularizers", "constraints",
         "losses", "metrics", "datasets")  # fmt: skip


def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    as_json: AsJson = False,
) -> None:
    """List what a config can name, with arguments and defaults."""
    from dnn_cli.report.vocabulary import vocabulary, vocabulary_table

    if kind not in KINDS:
        raise UsageError(f"there are no {kind} to list", nearest(kind, KINDS) or f"one of {', '.join(KINDS)}")
    words = vocabulary(kind.removesuffix("es") if kind == "losses" else kind.removesuffix("s"))
    if as_json:
        print_json({"kind": kind, "names": [plain(word) for word in words.entries]})
        return
    out = results()
    show(out, vocabulary_table(words))
    if words.common:
        out.print(f"\nall of them take {', '.join(words.common)}")


def plain(word: Any) -> dict[str, Any]:
    """A name in the JSON of `dnn list`."""
    return {"name": word.name, "meaning": word.meaning, "arguments": word.arguments}
