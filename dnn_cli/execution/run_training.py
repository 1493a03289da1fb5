"""Training of an experiment from the loading of its data to its final record.

`start_training` has all steps of `dnn train`, `dnn sweep` and `dnn resume`, from top to bottom. Only the fit of the
model is elsewhere, in `execution/fitting.py`, because a fit can train several models at once.
"""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from dnn_cli.config.digests import compute_training_digest
from dnn_cli.config.loading import to_yaml
from dnn_cli.errors import RunError
from dnn_cli.execution.preparation import PreparedTraining, ProcessCache, prepare_training
from dnn_cli.runs.input_profile import write_input_profile
from dnn_cli.training.stop_request import SIGNAL_REASON, Interrupted, never_stop

if TYPE_CHECKING:
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.execution.fitting import Training
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.record import Membership, Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.training.checkpoint_callback import ResumePoint
    from dnn_cli.training.keras_callbacks import ProgressReporter
    from dnn_cli.training.stop_request import StopRequest
    from dnn_cli.training.training_job import TrainingJob


def start_training(
    loaded: "LoadedExperiment",
    reporter: "Reporter",
    open_run: "Callable[[TrainingJob], AbstractContextManager[tuple[Run, ResumePoint]]]",
    stop_request: "StopRequest | None" = None,
    cache: ProcessCache | None = None,
    *,
    lanes: int = 1,
    tensorboard: bool = False,
) -> "Training[tuple[Run, Record]]":
    """Train an experiment, and return its run with the final record.

    The training pauses where its model must be fitted. `complete_training` continues the training.

    Args:
        loaded: The experiment, as it was loaded from its config.
        reporter: The object that receives the lines of the training.
        open_run: The function that creates or opens the run of the training, and yields the run with the state from
            which the training starts. The run is locked within the context.
        stop_request: The object that says whether and why the training shall stop.
        cache: The cache of this process for its trainings.
        lanes: The number of lanes of the program that trains the experiment; 1 for an experiment that is trained alone.
        tensorboard: Whether a TensorBoard log is written.

    Yields:
        The request to fit the model. The fitted model is sent back, or the error of the fit is thrown.

    Raises:
        Interrupted: `stop_request` ended the training. The run can be resumed.
        DataError: the data cannot be read. `open_run` is not called.
        UsageError: the device does not exist. `open_run` is not called.
        RunError: the run directory cannot be written.
        SystemExit: a signal ended the training.
    """
    experiment, get_stop_reason = loaded.experiment, stop_request or never_stop
    # The data is loaded and split while TensorFlow starts.
    with prepare_training(loaded, reporter, experiment.epochs, cache, lanes=lanes) as prepared:
        from dnn_cli.training import train as steps
        from dnn_cli.training.run_recorder import record_training

        job = prepared.job
        # `dnn train` creates its run here, so that an error in the data leaves no run directory.
        with (
            open_run(job) as (run, resume_point),
            _log_training(prepared, run, reporter, resume_point, tensorboard=tensorboard) as progress_reporter,
            stop_request.allow_graceful_stop() if stop_request else nullcontext(),
            record_training(job, run, resume_point) as recorder,
        ):
            write_input_profile(run, prepared.cache.build_input_profile(job))
            fitted = yield steps.FitRequest(
                job, recorder, progress_reporter, resume_point, get_stop_reason, prepared.cache.compiled_models
            )
            steps.save_model(fitted, run)
            scores = steps.evaluate_model(job, fitted, recorder.rows[-1])
            steps.save_predictions(job, fitted, run)
            if stop_reason := get_stop_reason():
                raise Interrupted(stop_reason)
            recorder.record_completion(
                model=scores,
                weights=steps.compute_weights_digest(fitted.model),
                epoch=steps.find_final_epoch(experiment, fitted, len(recorder.rows)),
                kept=steps.find_best_epoch(fitted),
            )
        return run, recorder.record


@contextmanager
def _log_training(
    prepared: PreparedTraining,
    run: "Run",
    reporter: "Reporter",
    resume_point: "ResumePoint",
    *,
    tensorboard: bool,
) -> "Iterator[ProgressReporter]":
    """Write the lines of a training and the output of TensorFlow to the log of its run, and yield a progress reporter.

    If the training ends early, report the command that resumes the run.

    Args:
        prepared: The prepared training.
        run: The run that is trained.
        reporter: The object that receives the lines of the training.
        resume_point: The state from which the training starts.
        tensorboard: Whether a TensorBoard log is also written.

    Raises:
        RunError: the log cannot be written, or the training raises this error.
    """
    from dnn_cli.execution.tensorboard_tee import tee_to_tensorboard

    try:
        reporter.open_log(run.log)
        prepared.redirect_output(run.log)
    except OSError as error:
        raise RunError(
            f"{run.log} cannot be written: {error.strerror}",
            "check permissions and free disk space; nothing has been trained",
        ) from None
    words = ["dnn", "resume", os.path.relpath(run.directory), *run.read_raw_record().code_options]
    resume_command = f"{shlex.join(words)} continues the training"
    try:
        with tee_to_tensorboard(
            run, prepared.job.experiment, prepared.progress_reporter, reporter, resume_point, enabled=tensorboard
        ) as progress_reporter:
            yield progress_reporter
    except RunError as error:
        raise RunError(error.message, f"the files written before are complete; {resume_command}") from None
    except (Interrupted, KeyboardInterrupt) as error:
        reason = "interrupted" if str(error) in ("", SIGNAL_REASON) else str(error)
        reporter.report_line(f"{reason}; {resume_command}")
        raise


def start_new_run(
    loaded: "LoadedExperiment",
    store: "Store",
    reporter: "Reporter",
    stop_request: "StopRequest | None" = None,
    reproduces: str | None = None,
    *,
    sweeps: "tuple[Membership, ...]" = (),
    cache: ProcessCache | None = None,
    lanes: int = 1,
    tensorboard: bool = False,
) -> "Training[tuple[Run, Record]]":
    """Train an experiment in a new run, and return the run with its final record.

    The data is loaded first, so that an error in the data leaves no run directory. The training pauses as in
    `start_training`.

    Args:
        loaded: The experiment.
        store: The store in which the run is created.
        reporter: The object that receives the lines of the training.
        stop_request: The object that says whether and why the training shall stop.
        reproduces: The id of the run that the new run repeats.
        sweeps: The memberships of the run in sweeps.
        cache: The cache of this process for its trainings.
        lanes: The number of lanes of the program that trains the experiment; 1 for an experiment that is trained alone.
        tensorboard: Whether a TensorBoard log is written.

    Raises:
        Interrupted: `stop_request` ended the training. The run can be resumed.
        DataError: the data cannot be read. No run directory is created.
        UsageError: the device does not exist. No run directory is created.
        RunError: the run directory cannot be written.
        SystemExit: a signal ended the training.
    """
    experiment = loaded.experiment
    reporter.begin_run()
    store.check_writable()

    @contextmanager
    def create_run(job: "TrainingJob") -> "Iterator[tuple[Run, ResumePoint]]":
        from dnn_cli.training.checkpoint_callback import ResumePoint
        from dnn_cli.training.run_recorder import build_initial_record

        create_record = build_initial_record(job, reproduces=reproduces, sweeps=sweeps)
        with store.create_run(experiment.name, to_yaml(experiment), create_record) as run:
            yield run, ResumePoint(compute_training_digest(experiment))

    return (
        yield from start_training(
            loaded, reporter, create_run, stop_request, cache, lanes=lanes, tensorboard=tensorboard
        )
    )
