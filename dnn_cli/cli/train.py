"""`dnn train`: train the experiments of configs, each into a run directory of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, Configs, Force, RunsDir, divide, load_all
from dnn_cli.cli.console import print_json
from dnn_cli.errors import UsageError
from dnn_cli.execute.signals import stoppable

if TYPE_CHECKING:
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run


def train(
    arguments: Configs,
    engine: Annotated[
        str | None, typer.Option(help="chunked, or keras for plain fit; short for engine=….", metavar="ENGINE")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest run of the experiment.")] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train networks, each into a run directory of its own."""
    configs, overrides = divide(arguments)
    if force and not resume:
        raise UsageError("--force is for --resume", "a new run needs none")
    if engine is not None:
        overrides.append(f"engine={engine}")

    from dnn_cli.cli.progress import open_screen

    finished: list[tuple[Run, Record]] = []
    try:
        with open_screen() as screen, stoppable(screen.leave) as stopping:
            with screen.waiting(f"reading {' '.join(configs)}"):
                loaded = load_all(configs, overrides, to_train=True)

                from dnn_cli.cli.outcome import print_result
                from dnn_cli.cli.resume import is_complete, run_to_resume
                from dnn_cli.execute.work import train_further, train_new
                from dnn_cli.report.runs import run_document
                from dnn_cli.runs.store import Store

                store = Store(runs_dir)
                begun = [run_to_resume(one, store, force=force) if resume else None for one in loaded]
            for one, run in zip(loaded, begun, strict=True):
                if run is None:
                    finished.append(train_new(one, store, screen, stopping))
                elif not force and is_complete(run, one):
                    finished.append((run, run.read_record()))
                else:
                    finished.append((run, train_further(run, one, screen, stopping, force=force)))
                if not as_json:
                    print_result(*finished[-1], one, store)
    finally:
        if as_json and finished:  # also where a later run could not even begin
            print_json({"runs": [run_document(run, record) for run, record in finished]})
    if any(record.status != "completed" for _, record in finished):
        raise typer.Exit(1)
