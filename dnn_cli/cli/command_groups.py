"""Table of all commands, in the groups of `dnn --help`.

To add a command, write its file in `commands/`, import the file here, and add an entry.
"""

from collections.abc import Callable

import typer

from dnn_cli.cli.commands import (
    bench,
    check,
    compare,
    data,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    export_runs,
    lr_find,
    new,
    plot,
    predict,
    reproduce,
    resume,
    schema,
    summary,
    sweep,
    train,
    watch,
)
from dnn_cli.cli.commands import help as help_pages
from dnn_cli.cli.commands import list as listing
from dnn_cli.cli.commands import report as reporting
from dnn_cli.cli.commands.runs import group as runs

COMMAND_GROUPS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "Get started": {"demo": demo.demo, "new": new.new, "check": check.check, "help": help_pages.show_help},
    "Train": {
        "train": train.train,
        "watch": watch.watch,
        "resume": resume.resume,
        "sweep": sweep.sweep,
        "lr-find": lr_find.lr_find,
    },
    "Understand results": {
        "runs": runs.group,
        "compare": compare.compare,
        "explain": explain.explain,
        "plot": plot.plot,
        "report": reporting.report,
    },
    "Use trained networks": {
        "evaluate": evaluate.evaluate,
        "predict": predict.predict,
        "export": export.export,
        "export-runs": export_runs.export_runs,
        "reproduce": reproduce.reproduce,
    },
    "Look up": {
        "summary": summary.summary,
        "data": data.group,
        "list": listing.list_names,
        "schema": schema.schema,
    },
    "Check this computer": {"doctor": doctor.doctor, "bench": bench.bench},
}
"""Groups of commands in `dnn --help`: the title of each group, and its commands by name.

The order of groups and commands is that in which a new user needs them.
"""
