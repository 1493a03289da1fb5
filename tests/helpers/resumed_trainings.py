"""Trainings that are copied while they run, as a kill would leave them, and resumed from the copies."""

import shutil
from contextlib import contextmanager
from unittest.mock import patch

from dnn_cli.config.digests import compute_training_digest
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training import checkpoint_callback, execution_plan
from dnn_cli.training.checkpoint_callback import ResumePoint
from dnn_cli.training.stop_request import never_stop
from tests.helpers.training_runs import RecordingReporter, train_from, train_in_store


@contextmanager
def checkpoint_every_call(max_steps=10):
    """Make the engine run several calls an epoch, with a checkpoint after each, for the duration of the block."""
    with (
        patch.object(execution_plan, "MAX_STEPS", max_steps),
        patch.object(checkpoint_callback, "SECONDS_PER_CHECKPOINT_SECOND", 0),
    ):
        yield


def train_with_copies(experiment, directory, moments=None, code_directory=None):
    """Train in a directory, and copy the run when the training asks for a stop request.

    Args:
        experiment: The experiment.
        directory: The directory of the run and its copies.
        moments: The numbers of the requests at which the run is copied; by default all.
        code_directory: The directory of custom layers.

    Returns:
        The completed run, its progress reporter, and the copies.
    """
    asked, copies = 0, []

    def copy_run():
        nonlocal asked
        asked += 1
        if moments is None or asked in moments:
            (run_directory,) = (directory / "runs").iterdir()
            copies.append(Run(directory / "copies" / str(asked) / run_directory.name))
            shutil.copytree(run_directory, copies[-1].directory)
        return ""

    run, record, reporter = train_in_store(
        Store(directory / "runs"), experiment, stop=copy_run, code_directory=code_directory
    )
    assert record.status == "completed", record.reason
    assert moments is None or len(copies) == len(moments), asked
    return run, reporter, copies


def resume_run(run, experiment, stop=never_stop, changed=False, code_directory=None):
    """Resume a training; return its record and its progress reporter."""
    checkpoint, problem = read_last_checkpoint(run)
    assert problem is None
    reporter = RecordingReporter()
    resume_point = ResumePoint(compute_training_digest(experiment), checkpoint, changed)
    return train_from(resume_point, run, experiment, reporter, stop, code_directory=code_directory), reporter
