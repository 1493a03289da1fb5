"""Whatever the disk refuses, and whenever: every run is readable, its state old or new, and what is safe is said."""

import shutil
from itertools import pairwise

from dnn_cli.cli.progress import open_screen
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import RunError
from dnn_cli.execution.run_training import resume_training, train_new_run
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests.helpers.fault_injection import ERRORS, FaultInjector

TINY = [
    "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "batch_size=300", "engine=keras",
    "model_checkpoint={}", "diagnostics=true",
]  # fmt: skip
FAILURE_STEP = 5
"""So many of the failures that tell most are tried here; `python -m tests.campaign_faults` tries all."""


def test_disk_failure_leaves_readable_runs(config, tmp_path):
    train_with_each_failure(
        load_experiment(config(), TINY), Store(tmp_path / "runs"), lambda asked: select_failures(asked)[::FAILURE_STEP]
    )


def train_with_each_failure(loaded, store, choose, errors=ERRORS):
    """Let things fail, one in each training; how many failed."""
    failed = 0
    with open_screen() as screen:
        with FaultInjector(store.root).inject_faults() as counted:
            complete_run, record = train_new_run(loaded, store, screen)
        before = read_all_files(complete_run)
        for nth in choose(counted.operations):
            directories_before = set(store.root.iterdir())
            faults = FaultInjector(store.root, nth, errors[nth % len(errors)], lasting=nth % 2 == 0)
            try:
                with faults.inject_faults():
                    train_new_run(loaded, store, screen)
            except RunError as error:
                failed += 1
                assert "cannot be" in error.message
                assert any(
                    text in error.suggestion for text in ("are complete", "nothing has been trained", "--runs-dir")
                )
            else:
                assert counted.operations[nth - 1][0] == "mkdir", "what is there need not be made"
                continue
            assert read_all_files(complete_run) == before
            unreadable = [run_info.error for run_info in store.list_runs() if run_info.record is None]
            assert not unreadable, (nth, unreadable)
            for directory in set(store.root.iterdir()) - directories_before:
                run = Run(directory)
                check_failed_run(run, nth)
                assert not [file for file in directory.rglob("*") if file.name.startswith(".")]
                if nth % 3 == 0:
                    assert resume_training(run, loaded, screen).results.weights == record.results.weights
                shutil.rmtree(directory)
    return failed


def select_failures(asked):
    """What to let fail: of many writes to one file, only the first and the last."""
    rows = list(enumerate(asked, 1))
    edges = {number for (number, call), (_, other) in pairwise(rows) if call != other or call[0] != "write"}
    starts = {number for (_, call), (number, other) in pairwise(rows) if call != other or other[0] != "write"}
    return sorted(edges | starts | {1, len(rows)})


def check_failed_run(run, nth):
    """A run that could not be written says how far it is."""
    record, rows = run.read_record(), run.read_metrics()
    assert record.status in ("failed", "interrupted"), (nth, record.status)
    assert record.epochs == len(rows) or record.epochs == len(rows) + 1
    checkpoint, problem = read_last_checkpoint(run)
    assert problem is None
    assert checkpoint is None or len(checkpoint.progress.rows) <= record.epochs


def read_all_files(run):
    """Every byte of a run."""
    return {file.name: file.read_bytes() for file in run.directory.rglob("*") if file.is_file()}
