"""Trainings that are killed at random moments, and resumed until they are completed."""

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli

NOISY_LAYERS = (
    "[Flatten, BatchNormalization, {type: Dense, units: 12, activation: relu}, {type: GaussianNoise, stddev: 0.1}, "
    "{type: Dropout, rate: 0.2}, {type: Dense, units: 10, activation: softmax}]"
)
CASES = {
    "chunked": ["model_checkpoint={monitor: val_loss}"],
    "noisy": [
        f"layers={NOISY_LAYERS}",
        "optimizer=nadam",
        "reduce_lr_on_plateau={patience: 1, min_delta: 0.1, factor: 0.7}",
    ],
    "keras": ["engine=keras", "batch_size=100", "early_stopping={patience: 5, restore_best_weights: true}"],
}
EPOCHS = 20


@dataclass
class KillCampaign:
    """Kills of trainings in one directory. A wrong result raises."""

    directory: Path
    config: str
    rng: random.Random
    kill_count: int = 0
    resume_count: int = 0
    killed_before_run: int = 0
    finished_count: int = 0
    undisturbed_runs: dict[str, Run] = field(default_factory=dict)
    case_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def store(self):
        return Store(self.directory / "runs")

    def train_undisturbed(self, case, *overrides):
        """Train a case without a kill, to compare with."""
        started = time.monotonic()
        (self.undisturbed_runs[case],) = self.run_to_end(*self.build_arguments(case), *overrides)
        self.case_seconds[case] = time.monotonic() - started
        self.undisturbed_contents = self.read_contents()

    def build_arguments(self, case):
        return ["train", self.config, f"epochs={EPOCHS}", f"name={case}", *CASES[case]]

    def run_to_end(self, *arguments):
        """Run a command that must succeed, and return the runs that it made."""
        earlier_runs = {run_info.run for run_info in self.store.list_runs()}
        process = forked_cli.start_command(self.directory, *arguments)
        process.join()
        assert process.exitcode == 0, (self.directory / "log").read_text()[-2000:]
        return {run_info.run for run_info in self.store.list_runs()} - earlier_runs

    def kill_and_resume(self, case):
        """Train, kill, resume and kill again, until the training is completed; compare with the undisturbed run."""
        arguments, run = self.build_arguments(case), None
        while True:
            earlier_runs = {run_info.run for run_info in self.store.list_runs()}
            process = forked_cli.start_command(self.directory, *arguments)
            if self.rng.random() < 0.5:  # the start of a program varies more than its training
                while process.is_alive() and not self.is_training(run):
                    time.sleep(0.005)
            process.join(self.rng.uniform(0, self.case_seconds[case]))
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                process.join()
                self.kill_count += 1
            new_runs = {run_info.run for run_info in self.store.list_runs()} - earlier_runs
            assert len(new_runs) <= (run is None)
            run = run or next(iter(new_runs), None)
            self.check_runs(run)
            if run is None:
                self.killed_before_run += 1
                continue
            if run.read_record().status == "completed":
                break
            arguments = ["resume", run.directory.name]
            self.resume_count += 1
            if self.rng.random() < 0.4:
                self.run_to_end(*arguments)
                break
        self.finished_count += 1
        assert_same_run(self.undisturbed_runs[case], run)

    def is_training(self, run):
        """Return whether a training has started: in this run, or in any run if None is given."""
        records = [run_info.record for run_info in self.store.list_runs() if run is None or run_info.run == run]
        return any(record is not None and record.status == "running" for record in records)

    def check_runs(self, run):
        """Check what must be true after every kill."""
        for run_info in self.store.list_runs():
            assert run_info.record is not None, run_info.error
            assert run_info.record.status in ("completed", "interrupted")
            assert [row["epoch"] for row in run_info.run.read_metrics()] == list(range(1, run_info.record.epochs + 1))
        assert self.read_contents() == self.undisturbed_contents, "a completed run has changed"
        assert run is None or run.directory.parent == self.store.root

    def read_contents(self):
        """Read every file of the undisturbed runs."""
        files = [file for run in self.undisturbed_runs.values() for file in run.directory.rglob("*") if file.is_file()]
        return {file: file.read_bytes() for file in files}


def assert_same_run(unbroken, resumed):
    """Check that two runs agree in all but their seconds."""
    expected, actual = unbroken.read_record(), resumed.read_record()
    assert (actual.status, actual.reason, actual.epochs) == (expected.status, expected.reason, expected.epochs)
    assert (actual.results.weights, actual.results.model) == (expected.results.weights, expected.results.model)
    first, second = ([{**row, "seconds": 0} for row in run.read_metrics()] for run in (unbroken, resumed))
    assert first == second
    assert unbroken.predictions.exists() == resumed.predictions.exists()
    if unbroken.predictions.exists():
        with np.load(unbroken.predictions) as left, np.load(resumed.predictions) as right:
            assert all(left[name].tobytes() == right[name].tobytes() for name in ("outputs", "labels", "indices"))
