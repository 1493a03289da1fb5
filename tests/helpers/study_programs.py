"""`dnn study` in the process of a test, with runs that are trained in this process or made without training."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dnn_cli.cli.commands.study import study
from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.loading import to_yaml
from dnn_cli.execution import executor_choice, study_planning
from dnn_cli.execution.fitting import complete_trainings
from dnn_cli.execution.messages import Task, TaskResult
from dnn_cli.execution.worker import start_task
from dnn_cli.metrics.saved_predictions import write_predictions
from dnn_cli.runs.record import Record, Results
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests.helpers.digits import QUICK_YAML


class InProcessExecutor:
    """Executor that trains each task in this process as soon as the task arrives.

    `train` is a function that trains a task and returns its result.
    """

    def __init__(self, train):
        self.train, self.busy = train, []

    def iter_idle_networks(self):
        if not self.busy:
            yield None

    def list_busy_networks(self):
        return set()

    def submit(self, task):
        self.busy += [self.train(member) for member in task.tasks]

    def wait_for_events(self, seconds):
        events, self.busy = self.busy, []
        return events

    def request_stop(self, reason, number=None):
        pass


def train_in_process(cache):
    """Return a function that trains a task in this process and returns its result."""

    def train(task):
        results = []
        complete_trainings([start_task(task, cache, lambda event: None, lambda: "")], results.append)
        return results[0]

    return train


_config_texts = {}
"""Texts of configs by outcome digest. The studies of many tests have equal experiments."""


class FabricatedRuns:
    """Maker of runs without training: a function determines the score of each run.

    `score_run` takes the membership of the run, and returns its score on both halves, or a status such as `diverged`.
    """

    def __init__(self, score_run: Callable):
        self.score_run, self.count = score_run, 0
        self.trained: list[Task] = []

    def train(self, task: Task) -> TaskResult:
        """Make the run of a task, and return its result."""
        self.trained.append(task)
        outcome = self.score_run(task.sweeps[0])
        status, score = (outcome, None) if isinstance(outcome, str) else ("completed", outcome)
        run, identifier = self._open_run(task)
        digest = compute_outcome_digest(task.loaded.experiment)
        if digest not in _config_texts:
            _config_texts[digest] = to_yaml(task.loaded.experiment)
        run.config.write_text(_config_texts[digest], encoding="utf-8")
        row = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": score or 0.0, "seconds": 1.0}
        run.write_metrics([row])
        record = Record(
            id=identifier, name=task.loaded.experiment.name, status=status, started="2026-01-01T00:00:00.000000+00:00",
            ended="2026-01-01T00:01:00.000000+00:00", seconds=1.0, epochs=1, engine="keras",
            experiment=digest, sweeps=task.sweeps,
            results=Results(monitor="val_accuracy", last=row, best=row), parameters={"total": 650, "trainable": 650},
            data={"dataset": "digits", "fingerprint": "sha256:0"},
        )  # fmt: skip
        if score is not None and any(item.study is not None and item.study.phase == "final" for item in task.sweeps):
            _write_reporting_predictions(run, score)
        run.write_record(record)
        return TaskResult(task.number, run.directory, record)

    def _open_run(self, task):
        """Return the run of a task with its id. An unfinished run of the task is used again."""
        if task.run_directory is not None:
            return Run(task.run_directory), Run(task.run_directory).read_raw_record().id
        self.count += 1
        identifier = f"{len(list(task.runs_dir.glob('*-digits-*'))) + 1:08x}"
        directory = task.runs_dir / f"20260101-000000-digits-{identifier}"
        directory.mkdir(parents=True)
        return Run(directory), identifier


def _write_reporting_predictions(run, score, examples=180):
    """Write predictions of a reporting half whose accuracy is close to a score."""
    labels = np.zeros(examples, np.int32)
    chosen = np.where(np.arange(examples) < round(score * examples), 0, 1)
    outputs = np.eye(10, dtype=np.float32)[chosen]
    write_predictions(run.reporting_predictions, outputs, labels, np.arange(examples))


class StudyProgram:
    """`dnn study` in a directory, with tasks that a function of the test trains."""

    def __init__(self, directory: Path, monkeypatch, capsys):
        self.directory, self.monkeypatch, self.capsys = directory, monkeypatch, capsys
        self.store = Store(directory / "runs")

    def write_config(self, text: str = QUICK_YAML, name: str = "digits.yaml") -> str:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *words, train, trials=2, seeds="3", **options):
        """Run the command; return its exit code, its output, and the document of the study."""

        @contextmanager
        def open_executor(*_):
            yield InProcessExecutor(train)

        self.monkeypatch.setattr(executor_choice, "open_executor", open_executor)
        # Fewer finalists take less time.
        self.monkeypatch.setattr(study_planning, "FINALISTS", 2)
        self.monkeypatch.setattr(study_planning, "FINALIST_SEEDS", 3)
        code = 0
        words = words if words[0].endswith(".yaml") else (self.write_config(), *words)
        try:
            study(list(words), trials=trials, seeds=seeds, lanes="off", runs_dir=self.store.root, **options)
        except SystemExit as end:
            code = end.code
        except Exception as error:
            if type(error).__name__ != "Exit":
                raise
            code = error.exit_code
        captured = self.capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err, document=self.read_document())

    @property
    def study_directory(self) -> Path:
        (directory,) = (self.store.root / "studies").iterdir()
        return directory

    def read_document(self):
        """Return the content of `study.json`; `None` without the file."""
        files = list((self.store.root / "studies").glob("*/study.json"))
        return json.loads(files[0].read_text("utf-8")) if files else None


@pytest.fixture
def study_program(tmp_path, monkeypatch, capsys):
    return StudyProgram(tmp_path, monkeypatch, capsys)
