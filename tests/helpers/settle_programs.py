"""`dnn settle` and `dnn plan` in the process of a test, with runs that are made without training."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from dnn_cli.cli.commands.plan_pairs import plan
from dnn_cli.cli.commands.settle import settle
from dnn_cli.execution import executor_choice
from dnn_cli.runs.store import Store
from tests.helpers.digits import QUICK_YAML
from tests.helpers.study_programs import FabricatedRuns, InProcessExecutor

_OTHER_OPTIMIZER = QUICK_YAML.replace("name: digits", "name: momentum").replace(
    "optimizer: sgd", "optimizer: {type: sgd, momentum: 0.9}"
)


class SettleProgram:
    """The commands in a directory with two configs, whose runs have the scores of a function.

    `score_run` takes the name of the experiment and the seed, and returns a score or a status such as `diverged`.
    """

    def __init__(self, directory, monkeypatch, capsys):
        self.directory, self.monkeypatch, self.capsys = directory, monkeypatch, capsys
        self.store = Store(directory / "runs")
        self.first = self.write_config("sgd.yaml", QUICK_YAML)
        self.second = self.write_config("momentum.yaml", _OTHER_OPTIMIZER)
        self.fabricated = FabricatedRuns(lambda membership: 0.5)

    def write_config(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def settle(self, score_run, first=None, second=None, train=None, **options):
        """Run `dnn settle`; return its exit code and output, and the content of the pair record."""
        self.fabricated = FabricatedRuns(lambda item: score_run(item.name, int(item.settings["seed"])))

        @contextmanager
        def open_executor(*_):
            yield InProcessExecutor(train or self.fabricated.train)

        self.monkeypatch.setattr(executor_choice, "open_executor", open_executor)
        return self._call(settle, first or self.first, second or self.second, lanes="off", **options)

    def plan(self, difference=0.01, first=None, second=None, **options):
        """Run `dnn plan`; return its exit code and output."""
        return self._call(plan, first or self.first, second or self.second, difference, **options)

    def _call(self, command, *words, **options):
        code = 0
        try:
            command(*words, runs_dir=self.store.root, **options)
        except Exception as error:
            if type(error).__name__ != "Exit":
                raise
            code = error.exit_code
        captured = self.capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    def read_record(self):
        """Return the content of the pair record; `None` without a record."""
        files = [*(self.store.root / "comparisons").glob("*.json")]
        return json.loads(files[0].read_text("utf-8")) if files else None

    def list_trained_seeds(self):
        """Return the seeds that the last command has trained, in their order."""
        return [task.loaded.experiment.seed for task in self.fabricated.trained]


@pytest.fixture
def settle_program(tmp_path, monkeypatch, capsys):
    return SettleProgram(tmp_path, monkeypatch, capsys)
