"""Arguments and options that `dnn settle` and `dnn plan` share."""

from typing import Annotated

import typer

from dnn_cli.cli.completers import complete_metrics, complete_runs_and_configs

DEFAULT_MOST = 30
"""Default of `--most`, the largest number of pairs."""

FirstArgument = Annotated[
    str,
    typer.Argument(
        metavar="A",
        autocompletion=complete_runs_and_configs,
        help="An experiment: a config, or runs that differ only in their seed, by id, name or directory.",
    ),
]
SecondArgument = Annotated[
    str, typer.Argument(metavar="B", autocompletion=complete_runs_and_configs, help="The other experiment.")
]
MostOption = Annotated[
    int,
    typer.Option("--most", min=1, max=10_000, metavar="N", help="Largest number of pairs of equal seeds."),
]
PairMetricOption = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="METRIC",
        autocompletion=complete_metrics,
        help="Metric to compare, for example val_loss. Default: the metric that both experiments monitor.",
    ),
]
