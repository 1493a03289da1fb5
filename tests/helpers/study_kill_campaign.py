"""A study that is killed at random moments and started again, compared with an unbroken study."""

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.digits import QUICK_YAML

WORDS = ["study", "digits.yaml", "optimizer=sgd,adam", "--trials", "3", "--seeds", "3"]
_MAX_COMMANDS = 10
"""Largest number of commands that complete a study after its last kill."""


class StudyKillCampaign:
    """Kills of a study in one directory. A wrong result raises."""

    def __init__(self, directory: Path, rng: random.Random, words=WORDS, text=QUICK_YAML):
        self.directory, self.rng, self.words = directory, rng, words
        (directory / "digits.yaml").write_text(text, encoding="utf-8")
        self.kill_count = 0

    def train_unbroken(self):
        """Run the study without a kill, and keep its document and its duration."""
        started = time.monotonic()
        self.unbroken = self.run_to_end("unbroken")
        self.seconds = time.monotonic() - started

    def run_to_end(self, runs_dir):
        """Repeat the command until no run is missing, and return the document of the study.

        A worker of a killed command ends some time later. Until then, its run is in training.
        """
        for _ in range(_MAX_COMMANDS):
            done = forked_cli.run_command(self.directory, *self.words, "--runs-dir", runs_dir)
            assert done.returncode == 0, done.stderr[-2000:]
            document = self.read_document(runs_dir)
            if not document["missing_runs"]:
                return document
            time.sleep(1)
        raise AssertionError(f"{document['missing_runs']} runs are still missing")

    def read_document(self, runs_dir):
        (path,) = (self.directory / runs_dir / "studies").glob("*/study.json")
        return json.loads(path.read_text("utf-8"))

    def kill_and_complete(self, kills, runs_dir):
        """Kill the study several times, and complete it; compare it with the unbroken study."""
        moments = []
        for _ in range(kills):
            process = forked_cli.start_command(self.directory, *self.words, "--runs-dir", runs_dir)
            moments.append(self.rng.uniform(0.05, 0.7) * self.seconds)
            process.join(moments[-1])
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                process.join()
                self.kill_workers(runs_dir)
                self.kill_count += 1
            self.check_runs(runs_dir)
        document = self.run_to_end(runs_dir)
        assert document["digest"] == self.unbroken["digest"], f"killed after {moments} s"

    def kill_workers(self, runs_dir):
        """Kill the processes that train a run of the killed command."""
        for run_info in Store(self.directory / runs_dir).list_runs():
            record = run_info.record
            if record is not None and record.status == "running" and record.process is not None:
                with suppress(ProcessLookupError):
                    os.kill(record.process.pid, signal.SIGKILL)

    def check_runs(self, runs_dir):
        """Check that each run can be read, and that runs exist only with a plan."""
        root = self.directory / runs_dir
        run_infos = Store(root).list_runs() if root.exists() else []
        assert all(run_info.record is not None for run_info in run_infos)
        assert not run_infos or list((root / "studies").glob("*/study.yaml"))
