"""Options of commands that train several runs, such as `-j`, `--on`, `--lanes`, `--folds` and `--minutes`."""

from typing import Annotated

import typer

from dnn_cli.cli.completers import build_fixed_completer, complete_keys
from dnn_cli.execution.lane_choices import LANE_CHOICES

JobsOption = Annotated[
    int | None,
    typer.Option("-j", "--jobs", min=1, max=1024, metavar="N", help="Number of worker processes."),
]
ExecutorOption = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="PLACE",
        autocompletion=build_fixed_completer("local", "ray"),
        help="Where to train: local (this machine) or ray (a Ray cluster).",
    ),
]
LanesOption = Annotated[
    str,
    typer.Option(
        "--lanes",
        metavar="N|auto|off",
        autocompletion=build_fixed_completer(*LANE_CHOICES),
        help="Number of runs that one program trains together: 4, 16, 64 or 256; auto where lanes are faster.",
    ),
]
MinutesOption = Annotated[
    float | None,
    typer.Option("--minutes", min=0.0, metavar="N", help="Do not start new runs after this many minutes."),
]
FoldsOption = Annotated[
    int | None,
    typer.Option(
        "--folds",
        min=2,
        max=1000,
        metavar="N",
        show_default=False,
        help="Cross-validate: train one run for each of N folds. Same as data.folds=N.",
    ),
]
RepeatsOption = Annotated[
    int | None,
    typer.Option(
        "--repeats",
        min=1,
        max=1000,
        metavar="N",
        show_default=False,
        help="Number of cross-validations, each with the next data.split_seed. Default: 1.",
    ),
]
GpusOption = Annotated[
    int | None,
    typer.Option(
        "--gpus",
        min=0,
        max=64,
        metavar="N",
        show_default=False,
        help="Number of GPUs, with one run at a time on each; 0 trains on the CPU. Default: all GPUs.",
    ),
]
ZipOption = Annotated[
    list[str] | None,
    typer.Option(
        "--zip",
        metavar="KEY=VALUES",
        autocompletion=complete_keys,
        help="Values that belong to the values of the other --zip, the first to the first and so on.",
    ),
]
