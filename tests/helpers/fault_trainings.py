"""Trainings in which disk operations fail, and the checks of the runs that they leave."""

import shutil

from dnn_cli.errors import RunError
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.resume_training import start_resumption
from dnn_cli.execution.run_training import start_new_run
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.terminal.progress import open_screen
from tests.helpers.fault_injection import ERRORS, FaultInjector
from tests.helpers.training_runs import KeptModels

TINY = [
    "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "batch_size=479", "engine=keras",
    "model_checkpoint={}", "diagnostics=true",
]  # fmt: skip


def train_with_each_failure(loaded, store, choose, errors=ERRORS):
    """Let one disk operation fail in each training, check what is left, and return the number of failed trainings."""
    failed, cache = 0, ProcessCache()
    cache.compiled_models = KeptModels()
    with open_screen() as screen:
        with FaultInjector(store.root).inject_faults() as counted:
            complete_run, record = complete_training(start_new_run(loaded, store, screen, cache=cache))
        before = read_all_files(complete_run)
        for nth in choose(counted.operations):
            directories_before = set(store.root.iterdir())
            faults = FaultInjector(store.root, nth, errors[nth % len(errors)], lasting=nth % 2 == 0)
            try:
                with faults.inject_faults():
                    complete_training(start_new_run(loaded, store, screen, cache=cache))
            except RunError as error:
                failed += 1
                assert "cannot be" in error.message
                assert any(
                    text in error.suggestion for text in ("are complete", "nothing has been trained", "--runs-dir")
                )
            else:
                assert counted.operations[nth - 1][0] == "mkdir", "only mkdir of an existing directory may be ignored"
                continue
            assert read_all_files(complete_run) == before
            unreadable = [run_info.error for run_info in store.list_runs() if run_info.record is None]
            assert not unreadable, (nth, unreadable)
            for directory in set(store.root.iterdir()) - directories_before:
                run = Run(directory)
                # The last operation follows the rename of the final record. The number of operations can vary by one.
                is_last = nth == len(counted.operations)
                check_failed_run(run, nth, is_last)
                assert not [file for file in directory.rglob("*") if file.name.startswith(".")]
                if nth % 3 == 0 and run.read_record().status != "completed":
                    resumed = complete_training(start_resumption(run, loaded, screen, cache=cache))
                    assert resumed.results.weights == record.results.weights
                shutil.rmtree(directory)
    return failed


def check_failed_run(run, nth, is_last):
    """Check that the record of a failed run agrees with its metrics and its checkpoint."""
    record, rows = run.read_record(), run.read_metrics()
    assert record.status in ("failed", "interrupted", *(["completed"] if is_last else [])), (nth, record.status)
    assert record.epochs == len(rows) or record.epochs == len(rows) + 1
    checkpoint, problem = read_last_checkpoint(run)
    assert problem is None
    assert checkpoint is None or len(checkpoint.progress.rows) <= record.epochs


def read_all_files(run):
    """Read every file of a run."""
    return {file.name: file.read_bytes() for file in run.directory.rglob("*") if file.is_file()}
