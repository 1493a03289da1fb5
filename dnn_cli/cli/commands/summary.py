"""Command `dnn summary`: layers, shapes and parameters of a network, computed without a Keras model."""

from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.completers import complete_runs_or_configs
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table, write_result
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import parse_config_and_overrides
from dnn_cli.terminal.console_builder import print_line


def summary(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|RUN|KEY=VALUE",
            autocompletion=complete_runs_or_configs,
            help="A config or a run, then overrides, for example epochs=10.",
        ),
    ],
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Show layers, shapes and the numbers of parameters."""
    from dnn_cli.config.loading import load_experiment
    from dnn_cli.config.network_summary import summarize_network
    from dnn_cli.report.network_tables import (
        build_columns_table,
        build_summary_document,
        format_summary_table,
        list_summary_totals,
    )

    loaded = load_experiment(*parse_config_and_overrides(arguments, runs_dir, "summary"))
    network_summary = summarize_network(loaded.experiment)
    if as_json:
        print_json(build_summary_document(network_summary))
        return
    out = get_output_console()
    out.print(f"{network_summary.name}   input {(None, *network_summary.input_shape)}")
    out.print()
    if network_summary.columns:
        print_rich_table(out, build_columns_table(network_summary))
        out.print()
    write_result("".join(f"{line}\n" for line in [*format_summary_table(network_summary, out.width), ""]))
    width = max(len(label) for label, _ in list_summary_totals(network_summary))
    for label, text in list_summary_totals(network_summary):
        print_line(out, f"{label:<{width}}  {text}", width + 2)
    for issue in loaded.advice:
        print_line(get_notes_console(), f"advice: {issue}")
