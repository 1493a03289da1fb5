"""A bayesian search without trainings: hopeless trials are pruned, and a later search continues from all trials."""

import pytest

from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
from dnn_cli.execution.lane_plan import LanePlan
from dnn_cli.execution.messages import EpochDone, TaskResult
from dnn_cli.execution.sweep_execution import SweepExecution
from dnn_cli.runs.store import Store
from tests.helpers.digits import QUICK_YAML

VARIED = ["optimizer=sgd,adam", "optimizer.learning_rate=log(1e-3, 1)"]


@pytest.fixture
def start_search(config, tmp_path):
    """Starts or continues the search with a number of trials."""
    pytest.importorskip("optuna", reason="Optuna is not installed")

    def build(trials, words=VARIED, zips=()):
        sweep = read_sweep(config(QUICK_YAML), words, SweepOptions("bayesian", trials, zips=zips))
        return SweepExecution.from_sweep(sweep, Store(tmp_path / "runs")).build_search_strategy(LanePlan())

    return build


@pytest.fixture
def train(make_run):
    """Gives the next task of a search a run whose epochs have one score, and returns the reason of a stop."""

    def make_next_run(search, score):
        task = search.ask([None], set())
        planned_run = search.execution.planned_runs[task.number]
        reason = search.should_prune(EpochDone(task.number, {"epoch": 1, "val_accuracy": score}))
        run = make_run(
            *(f"{key}={value}" for key, value in planned_run.setting.items()),
            text=QUICK_YAML, digits=f"{task.number:08}", curve=(score,) if reason else (score, score),
            status="interrupted" if reason else "completed", reason=reason or None,
            experiment=planned_run.outcome_digest, sweeps=task.sweeps,
        )  # fmt: skip
        search.tell(TaskResult(task.number, run.directory, run.read_record()))
        return reason

    return make_next_run


def test_hopeless_trial_is_pruned_and_the_search_continues(start_search, train):
    search = start_search(8)
    assert [train(search, score) for score in (0.5, 0.6, 0.7, 0.8, 0.9)] == [""] * 5, "the first trials are complete"
    assert train(search, 0.1) == "pruned after epoch 1: val_accuracy 0.1 is worse than in most other trials"
    assert train(search, 0.85) == ""

    search = start_search(8)
    assert len(search.execution.planned_runs) == 7 and search.study.best_value == 0.9
    assert sorted(trial.state.name for trial in search.study.trials) == ["COMPLETE"] * 6 + ["PRUNED"]
    settings = [planned_run.setting for planned_run in search.execution.planned_runs]
    assert train(search, 0.95) == ""
    assert search.execution.planned_runs[-1].setting not in settings and search.study.best_value == 0.95
    assert search.ask([None], set()) is None, "all trials are finished"


def test_zipped_values_and_numbers_close_to_one_are_searched(start_search, train):
    words = ["optimizer={type: sgd, momentum: 0.9}", "optimizer.momentum=1-log(0.001, 0.5)"]
    zips = ("batch_size=32,64", "optimizer.learning_rate=0.1,0.2")
    search = start_search(4, words, zips)
    for score in (0.5, 0.6, 0.7):
        train(search, score)
    settings = [planned_run.setting for planned_run in search.execution.planned_runs]
    pairs = {(setting["batch_size"], setting["optimizer.learning_rate"]) for setting in settings}
    assert pairs <= {("32", "0.1"), ("64", "0.2")}
    assert all(0.5 <= float(setting["optimizer.momentum"]) <= 0.999 for setting in settings)

    search = start_search(4, words, zips)
    assert len(search.study.trials) == 3 and search.study.best_value == 0.7
    restored = [planned_run.setting for planned_run in search.execution.planned_runs]
    assert sorted(map(str, restored)) == sorted(map(str, settings))
