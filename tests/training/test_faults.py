"""Whatever the disk refuses, and whenever: every run is readable, its state old or new, and what is safe is said."""

import shutil
from itertools import pairwise

from dnn_cli.cli.progress import open_screen
from dnn_cli.errors import RunError
from dnn_cli.execute.work import train_further, train_new
from dnn_cli.runs.checkpoint import load as load_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.spec.load import load
from tests.faults import ERRORS, Faults

TINY = [
    "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "batch_size=300", "engine=keras",
    "model_checkpoint={}", "diagnostics=true",
]  # fmt: skip
EVERY = 5
"""So many of the failures that tell most are tried here; `python -m tests.campaign_faults` tries all."""


def test_the_nth_failure_leaves_whole_runs(config, tmp_path):
    every_failure(load(config(), TINY), Store(tmp_path / "runs"), lambda asked: telling(asked)[::EVERY])


def every_failure(loaded, store, choose, errors=ERRORS):
    """Let things fail, one in each training; how many failed."""
    failed = 0
    with open_screen() as screen:
        with Faults(store.root).injected() as counted:
            whole, record = train_new(loaded, store, screen)
        before = contents(whole)
        for nth in choose(counted.asked):
            known = set(store.root.iterdir())
            faults = Faults(store.root, nth, errors[nth % len(errors)], lasting=nth % 2 == 0)
            try:
                with faults.injected():
                    train_new(loaded, store, screen)
            except RunError as error:
                failed += 1
                assert "cannot be" in error.message or "can be made" in error.message
                assert any(text in error.hint for text in ("is whole", "nothing has been trained", "--runs-dir"))
            else:
                assert counted.asked[nth - 1][0] == "mkdir", "what is there need not be made"
                continue
            assert contents(whole) == before
            broken = [entry.broken for entry in store.entries() if entry.record is None]
            assert not broken, (nth, broken)
            for directory in set(store.root.iterdir()) - known:
                run = Run(directory)
                after_a_failure(run, nth)
                assert not [file for file in directory.rglob("*") if file.name.startswith(".")]
                if nth % 3 == 0:
                    assert train_further(run, loaded, screen).results.weights == record.results.weights
                shutil.rmtree(directory)
    return failed


def telling(asked):
    """What to let fail: of many writes to one file, only the first and the last."""
    rows = list(enumerate(asked, 1))
    edges = {number for (number, one), (_, other) in pairwise(rows) if one != other or one[0] != "write"}
    starts = {number for (_, one), (number, other) in pairwise(rows) if one != other or other[0] != "write"}
    return sorted(edges | starts | {1, len(rows)})


def after_a_failure(run, nth):
    """A run that could not be written says how far it is."""
    record, rows = run.read_record(), run.read_metrics()
    assert record.status in ("failed", "interrupted"), (nth, record.status)
    assert record.epochs == len(rows) or record.epochs == len(rows) + 1
    checkpoint, trouble = load_checkpoint(run)
    assert trouble is None
    assert checkpoint is None or len(checkpoint.progress.rows) <= record.epochs


def contents(run):
    """Every byte of a run."""
    return {file.name: file.read_bytes() for file in run.directory.rglob("*") if file.is_file()}
