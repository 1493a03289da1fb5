"""Trainings that are killed at random moments, and taken up again until they are done."""

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests import forked

NOISY = (
    "[Flatten, BatchNormalization, {type: Dense, units: 12, activation: relu}, {type: GaussianNoise, stddev: 0.1}, "
    "{type: Dropout, rate: 0.2}, {type: Dense, units: 10, activation: softmax}]"
)
CASES = {
    "chunked": ["model_checkpoint={monitor: val_loss}"],
    "noisy": [f"layers={NOISY}", "optimizer=nadam", "reduce_lr_on_plateau={patience: 1, min_delta: 0.1, factor: 0.7}"],
    "keras": ["engine=keras", "batch_size=100", "early_stopping={patience: 5, restore_best_weights: true}"],
}
EPOCHS = 20


@dataclass
class Campaign:
    """Kills in one folder; what is wrong is raised."""

    folder: Path
    config: str
    chance: random.Random
    killed: int = 0
    resumed: int = 0
    before_the_run: int = 0
    finished: int = 0
    whole: dict[str, Run] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def store(self):
        return Store(self.folder / "runs")

    def begin(self):
        """Train every case in one go: what all others have to come to."""
        self.run_to_the_end("--version")  # the first is slow
        for case in CASES:
            begun = time.monotonic()
            (self.whole[case],) = self.run_to_the_end(*self.words(case))
            self.seconds[case] = time.monotonic() - begun
        self.bytes = self.contents()

    def words(self, case):
        return ["train", self.config, f"epochs={EPOCHS}", f"name={case}", *CASES[case]]

    def run_to_the_end(self, *words):
        """A command that must succeed; the runs it has made."""
        known = {entry.run for entry in self.store.entries()}
        process = forked.start(self.folder, *words)
        process.join()
        assert process.exitcode == 0, (self.folder / "log").read_text()[-2000:]
        return {entry.run for entry in self.store.entries()} - known

    def kill(self, case):
        """Train, be killed, and be taken up and killed again, until a training comes to its end."""
        words, run = self.words(case), None
        while True:
            known = {entry.run for entry in self.store.entries()}
            process = forked.start(self.folder, *words)
            if self.chance.random() < 0.5:  # how long a program takes to begin varies more than what it does then
                while process.is_alive() and not self.is_training(run):
                    time.sleep(0.005)
            process.join(self.chance.uniform(0, self.seconds[case]))
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                process.join()
                self.killed += 1
            made = {entry.run for entry in self.store.entries()} - known
            assert len(made) <= (run is None)
            run = run or next(iter(made), None)
            self.look(run)
            if run is None:
                self.before_the_run += 1
                continue
            if run.read_record().status == "completed":
                break
            words = ["resume", run.directory.name]
            self.resumed += 1
            if self.chance.random() < 0.4:
                self.run_to_the_end(*words)
                break
        self.finished += 1
        assert_same(self.whole[case], run)

    def is_training(self, run):
        """Whether a training has begun: in a run, or in one that was not there."""
        records = [entry.record for entry in self.store.entries() if run is None or entry.run == run]
        return any(record is not None and record.status == "running" for record in records)

    def look(self, run):
        """What has to be true after every kill."""
        for entry in self.store.entries():
            assert entry.record is not None, entry.broken
            assert entry.record.status in ("completed", "interrupted")
            assert [row["epoch"] for row in entry.run.read_metrics()] == list(range(1, entry.record.epochs + 1))
        assert self.contents() == self.bytes, "a run that was complete is another"
        assert run is None or run.directory.parent == self.store.root

    def contents(self):
        """Every byte of the runs that were made at the beginning."""
        files = [file for run in self.whole.values() for file in run.directory.rglob("*") if file.is_file()]
        return {file: file.read_bytes() for file in files}


def assert_same(unbroken, resumed):
    """All that two runs have to agree in; the seconds are their own."""
    one, two = unbroken.read_record(), resumed.read_record()
    assert (two.status, two.reason, two.epochs) == (one.status, one.reason, one.epochs)
    assert (two.results.weights, two.results.model) == (one.results.weights, one.results.model)
    first, second = ([{**row, "seconds": 0} for row in run.read_metrics()] for run in (unbroken, resumed))
    assert first == second
    assert unbroken.predictions.exists() == resumed.predictions.exists()
    if unbroken.predictions.exists():
        with np.load(unbroken.predictions) as left, np.load(resumed.predictions) as right:
            assert all(left[name].tobytes() == right[name].tobytes() for name in ("outputs", "labels", "indices"))
