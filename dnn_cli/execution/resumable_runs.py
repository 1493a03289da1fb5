"""Search for the run that a training of the same experiment resumes."""

from dnn_cli.config.cross_validation import find_fold
from dnn_cli.config.digests import compute_training_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, load_resolved_experiment
from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.runs.address import parse_run_id
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training.resume_checks import list_config_changes


def find_run_to_resume(loaded: LoadedExperiment, store: Store, *, force: bool) -> Run | None:
    """Return the latest run that trained the same experiment, or `None` if no such run exists.

    The run and the experiment must have the same name and the same training digest. Equal training digests mean that
    the weights after each epoch are identical. The numbers of epochs may differ. Unfinished runs of other folds of a
    cross-validation are ignored, because each fold has its own run.

    Args:
        loaded: The experiment.
        store: The directory of runs, which is searched.
        force: Whether an unfinished run of the same name may have another training digest. Such a run is returned only
            if no run has the same digest.

    Raises:
        UsageError: without `force`, the only runs to resume are unfinished runs of the same name with another training
            digest.
    """
    experiment, unfinished = loaded.experiment, []
    for run_info in store.list_runs():
        if run_info.record is None or run_info.record.is_baseline or run_info.record.name != experiment.name:
            continue
        try:
            recorded_experiment = load_resolved_experiment(str(run_info.run.config))
        except ConfigError:
            continue
        if compute_training_digest(recorded_experiment) == compute_training_digest(experiment):
            return run_info.run
        if run_info.record.status not in ("completed", "running") and not _are_different_folds(
            recorded_experiment, experiment
        ):
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


def _are_different_folds(recorded: Experiment, experiment: Experiment) -> bool:
    """Return whether two experiments are different folds of cross-validations."""
    folds = [find_fold({"data": member.data.model_dump()}) for member in (recorded, experiment)]
    return None not in folds and folds[0] != folds[1]


def is_training_complete(run: Run, loaded: LoadedExperiment) -> bool:
    """Return whether a run needs no more training.

    The training of a run is complete if the run has all epochs of the experiment, was stopped early, or has diverged.
    """
    record = run.read_record()
    if record.status != "completed" or record.epochs >= loaded.experiment.epochs:
        return record.status in ("completed", "diverged")
    checkpoint, _ = read_last_checkpoint(run)
    return checkpoint is not None and checkpoint.progress.stopped
