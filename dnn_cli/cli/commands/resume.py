"""Command `dnn resume`: continuation of an interrupted run, or a longer training of a completed run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import print_json
from dnn_cli.cli.options import ForceOption, JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import parse_run_and_overrides
from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.execution.signals import handle_stop_signals

if TYPE_CHECKING:
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store


def resume(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="RUN|KEY=VALUE", help="A run, then overrides, for example epochs=20 to train longer."),
    ],
    force: ForceOption = False,
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
            from dnn_cli.execution.run_training import resume_training
            from dnn_cli.report.runs_table import build_run_document
            from dnn_cli.runs.store import Store

            store = Store(runs_dir)
            run = store.find_only(address)
            # The address can be a path into another runs directory, to which the next commands must refer.
            if run.directory.parent != store.root:
                store = Store(run.directory.parent)
            # A broken run is reported before issues of its config.
            run.read_record()
            loaded = load_experiment(str(run.config), overrides, to_train=True)
        record = resume_training(run, loaded, screen, stop_request, force=force)
    if as_json:
        print_json({"runs": [build_run_document(run, record)]})
    else:
        print_run_summary(run, record, loaded, store)
    if record.status != "completed":
        raise typer.Exit(1)


def find_run_to_resume(loaded: "LoadedExperiment", store: "Store", *, force: bool) -> "Run | None":
    """Return the latest run that trained the same experiment, or `None` if no such run exists.

    The run and the experiment must have the same name and the same training digest. Equal training digests mean that
    the weights after each epoch are identical. The numbers of epochs may differ.

    Args:
        loaded: The experiment.
        store: The directory of runs, which is searched.
        force: Whether an unfinished run of the same name may have another training digest. Such a run is returned only
            if no run has the same digest.

    Raises:
        UsageError: without `force`, the only runs to resume are unfinished runs of the same name with another training
            digest.
    """
    from dnn_cli.config.digests import compute_training_digest
    from dnn_cli.config.loading import load_resolved_experiment
    from dnn_cli.runs.address import parse_run_id
    from dnn_cli.training.resume_checks import list_config_changes

    experiment, unfinished = loaded.experiment, []
    for run_info in store.list_runs():
        if run_info.record is None or run_info.record.name != experiment.name:
            continue
        try:
            recorded_experiment = load_resolved_experiment(str(run_info.run.config))
        except ConfigError:
            continue
        if compute_training_digest(recorded_experiment) == compute_training_digest(experiment):
            return run_info.run
        if run_info.record.status not in ("completed", "running"):
            unfinished.append((run_info.run, recorded_experiment))
    if not unfinished:
        return None
    run, recorded_experiment = unfinished[0]
    if force:
        return run
    raise UsageError(
        f"run {parse_run_id(run)} of {experiment.name} is not completed, and its config differs: "
        f"{'; '.join(list_config_changes(recorded_experiment, experiment))}",
        "omit --resume to start a new run, or use --force to continue this run with the new config",
    )


def is_training_complete(run: "Run", loaded: "LoadedExperiment") -> bool:
    """Return whether a run needs no more training.

    The training of a run is complete if the run has all epochs of the experiment, was stopped early, or has diverged.
    """
    from dnn_cli.runs.checkpoint import read_last_checkpoint

    record = run.read_record()
    if record.status != "completed" or record.epochs >= loaded.experiment.epochs:
        return record.status in ("completed", "diverged")
    checkpoint, _ = read_last_checkpoint(run)
    return checkpoint is not None and checkpoint.progress.stopped
