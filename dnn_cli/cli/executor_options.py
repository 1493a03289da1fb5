"""Options `-j`, `--on` and `--gpus` of commands that train several runs."""

from typing import Annotated

import typer

from dnn_cli.cli.completers import build_fixed_completer

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
