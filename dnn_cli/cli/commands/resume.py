"""Command `dnn resume`: continuation of an interrupted run, or a longer training of a completed run."""

from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.completers import complete_run_then_keys
from dnn_cli.cli.console import print_json
from dnn_cli.cli.options import AllowCodeOption, ForceOption, JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import check_is_network, parse_run_and_overrides
from dnn_cli.execution.signals import handle_stop_signals


def resume(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|KEY=VALUE",
            autocompletion=complete_run_then_keys,
            help="A run, then overrides, for example epochs=20 to train longer.",
        ),
    ],
    force: ForceOption = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Continue an interrupted run, or extend a completed run."""
    address, overrides = parse_run_and_overrides(arguments, "resume")

    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen, handle_stop_signals(screen.restore_terminal) as stop_request:
        with screen.show_waiting(f"reading {address}"):
            from dnn_cli.cli.run_summary import print_run_summary
            from dnn_cli.config.loading import load_experiment
            from dnn_cli.execution.fitting import complete_training
            from dnn_cli.execution.resume_training import start_resumption
            from dnn_cli.report.runs_table import build_run_document
            from dnn_cli.runs.store import Store

            store = Store(runs_dir)
            run = store.find_only(address)
            # The address can be a path into another runs directory, to which the next commands must refer.
            if run.directory.parent != store.root:
                store = Store(run.directory.parent)
            # A broken run is reported before issues of its config.
            check_is_network(run.read_record())
            loaded = load_experiment(str(run.config), overrides, to_train=True, allow_code=allow_code)
        record = complete_training(start_resumption(run, loaded, screen, stop_request, force=force))
    if as_json:
        print_json({"runs": [build_run_document(run, record)]})
    else:
        print_run_summary(run, record, loaded, store)
    if record.status != "completed":
        raise typer.Exit(1)
