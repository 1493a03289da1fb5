"""Worker processes: what they train has the bits of `dnn train`, and the death of one costs its run alone."""

import os
import signal
from dataclasses import replace

import pytest

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.execution import local_executor
from dnn_cli.execution.local_executor import LocalExecutor, describe_exit_code
from dnn_cli.execution.messages import EpochDone, ProgressEvent, RunCreated, Task, TaskGroup, TaskResult
from dnn_cli.execution.scheduler import FixedSearch, train_all
from dnn_cli.runs.record import Membership
from dnn_cli.runs.run import Run
from tests.helpers.digits import UNVALIDATED_YAML
from tests.helpers.gpu_plan_worker import serve_tasks_by_gpu_plans
from tests.helpers.kill_campaign import assert_same_run

LONG = ["epochs=100000"]


@pytest.fixture
def task(config, tmp_path):
    """A task that trains digits in few words."""
    numbers = iter(range(100))

    def make(*overrides, run=None):
        loaded = load_experiment(config(UNVALIDATED_YAML), overrides)
        return Task(next(numbers), loaded, tmp_path / "runs", compute_network_digest(loaded.experiment), run)

    return make


@pytest.fixture
def pool():
    executor = LocalExecutor(2)
    yield executor
    executor.kill_workers()


@pytest.fixture(scope="module")
def shared_pool():
    """Two workers for all tests that leave them alive, because a worker compiles a network only once."""
    executor = LocalExecutor(2)
    yield executor
    executor.kill_workers()


class RecordingDisplay:
    """Display that keeps all events, and calls a function after a first epoch."""

    def __init__(self, at_first_epoch=lambda event: None):
        self.events, self.at_first_epoch = [], at_first_epoch

    def on_task_started(self, task):
        """Do nothing."""

    def on_event(self, event):
        self.events.append(event)
        if isinstance(event, EpochDone) and event.row["epoch"] == 1:
            self.at_first_epoch(event)


def never_stop():
    return ""


def index_by_number(results):
    return {result.number: result for result in results}


def test_workers_train_bit_identically(shared_pool, task, trained, monkeypatch):
    updates, update = [], shared_pool.core_assignment.update
    monkeypatch.setattr(
        shared_pool.core_assignment, "update", lambda processes: updates.append(processes) or update(processes)
    )
    words = [("seed=1",), ("seed=2",), ("seed=3", "optimizer.learning_rate=0.1")]
    words = [("engine=chunked", "jit=false", "diagnostics=false", *overrides) for overrides in words]
    board = RecordingDisplay()
    ended = index_by_number(
        train_all(FixedSearch([task(*overrides) for overrides in words]), shared_pool, board, never_stop)
    )
    assert {result.status for result in ended.values()} == {"completed"}
    for number, overrides in enumerate(words):
        alone, _, _ = trained(build_experiment(task, *overrides))
        assert_same_run(alone, Run(ended[number].run_directory))
    kinds = {type(event) for event in board.events}
    assert {RunCreated, ProgressEvent, EpochDone, TaskResult} <= kinds
    assert not any(updates[0].values()), "a worker without an epoch compiles with all cores in view"
    assert any(update and all(update.values()) for update in updates)


def build_experiment(task, *words):
    return task(*words).loaded.experiment


def kill_worker(pool, number, signum):
    (worker,) = [worker for worker in pool.busy if number in worker.tasks]
    os.kill(worker.process.pid, signum)


def test_killed_worker_fails_only_its_run(pool, task):
    tasks = [task(*LONG), task("seed=1"), task("seed=2")]
    board = RecordingDisplay(lambda event: event.number == 0 and kill_worker(pool, 0, signal.SIGKILL))
    ended = index_by_number(train_all(FixedSearch(tasks), pool, board, never_stop))
    assert [ended[number].status for number in range(3)] == ["failed", "completed", "completed"]
    assert "SIGKILL, perhaps because memory ran out" in ended[0].exit_reason
    record = Run(ended[0].run_directory).read_record()
    assert (record.status, record.reason) == ("failed", ended[0].exit_reason)
    assert record.epochs >= 1
    pool.close()
    assert not any(worker and worker.process.is_alive() for worker in pool.workers)
    assert not os.path.exists(pool.directory.name)


def test_runs_in_lanes_of_a_killed_worker_continue_bit_identically(pool, task):
    """A worker is killed while it trains three runs in lanes. The same runs then continue from their checkpoints."""
    overrides = [("engine=chunked", "jit=auto", "epochs=40", f"seed={seed}") for seed in range(3)]

    def train_group(*run_directories, display=None):
        tasks = [replace(task(*words, run=run), lanes=4) for words, run in zip(overrides, run_directories, strict=True)]
        results = train_all(FixedSearch([TaskGroup(tuple(tasks))]), pool, display or RecordingDisplay(), never_stop)
        return sorted(results, key=lambda result: result.number)

    expected = train_group(None, None, None)
    assert [result.status for result in expected] == ["completed"] * 3
    number = expected[-1].number + 1
    killed = train_group(
        None, None, None, display=RecordingDisplay(lambda event: kill_worker(pool, number, signal.SIGKILL))
    )
    assert [result.status for result in killed] == ["failed"] * 3
    assert all("SIGKILL" in result.exit_reason for result in killed)
    continued = train_group(*(result.run_directory for result in killed))
    for result, expected_result in zip(continued, expected, strict=True):
        assert_same_run(Run(result.run_directory), Run(expected_result.run_directory))


OVERLAPPING_WINDOWS = (
    "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: MaxPooling2D, pool_size: 3, strides: 2}, Flatten, "
    "{type: Dense, units: 10, activation: softmax}]"
)


@pytest.fixture
def gpu_executor(monkeypatch):
    """An executor with one worker, which trains by the plans of a GPU."""
    monkeypatch.setattr(local_executor, "serve_tasks", serve_tasks_by_gpu_plans)
    executor = LocalExecutor(1)
    yield executor
    executor.kill_workers()


def train_in_order(executor, *tasks):
    """Train tasks one after another, and return their runs and the processes that trained them."""
    runs, processes = [], []
    for task in tasks:
        (result,) = train_all(FixedSearch([task]), executor, RecordingDisplay(), never_stop)
        assert result.status == "completed", result.exit_reason
        runs.append(Run(result.run_directory))
        processes.append(runs[-1].read_record().process.pid)
    return runs, processes


def test_each_setting_of_determinism_has_its_own_process(gpu_executor, task):
    """A worker that has trained with one setting returns a task with another setting, and a new worker trains it."""
    overlapping, dense = [OVERLAPPING_WINDOWS], ["engine=chunked", "jit=auto", "optimizer=sgd"]
    tasks = [task(*overrides) for overrides in (overlapping, dense, overlapping, dense)]
    runs, processes = train_in_order(gpu_executor, *tasks)
    plans = [run.read_record().plan for run in runs]
    assert [plan["determinism"] for plan in plans] == ["operations", "xla", "operations", "xla"]
    assert len({*processes}) == 4
    assert_same_run(runs[0], runs[2])
    assert_same_run(runs[1], runs[3])


def test_stop_request_ends_a_returned_task(gpu_executor, task):
    train_in_order(gpu_executor, task(OVERLAPPING_WINDOWS))
    gpu_executor.submit(task("engine=chunked", "jit=auto", *LONG))
    gpu_executor.request_stop("enough")
    results = [event for event in gpu_executor.wait_for_events(30) if isinstance(event, TaskResult)]
    while gpu_executor.busy:
        results += [event for event in gpu_executor.wait_for_events(1) if isinstance(event, TaskResult)]
    assert [(result.status, result.exit_reason) for result in results] == [("not begun", "enough")]


def test_pruned_run_is_saved_and_resumed(shared_pool, task, trained):
    long = task("epochs=4000")
    search = FixedSearch([long])
    search.should_prune = lambda event: "pruned: for a test"
    (ended,) = train_all(search, shared_pool, RecordingDisplay(), never_stop)
    assert (ended.status, ended.exit_reason) == ("interrupted", "pruned: for a test")
    epochs = Run(ended.run_directory).read_record().epochs
    assert 1 <= epochs < 4000
    further = task(f"epochs={epochs + 2}", run=ended.run_directory)
    (ended,) = train_all(FixedSearch([further]), shared_pool, RecordingDisplay(), never_stop)
    assert ended.status == "completed", ended.exit_reason
    assert_same_run(trained(further.loaded.experiment)[0], Run(ended.run_directory))


def test_unresumable_sweep_run_is_trained_again(shared_pool, task, make_run):
    run = make_run(text=UNVALIDATED_YAML, status="interrupted", versions={"tensorflow": "1.0"})
    (refused,) = train_all(
        FixedSearch([task("epochs=3", run=run.directory)]), shared_pool, RecordingDisplay(), never_stop
    )
    assert "tensorflow: 1.0 →" in refused.exit_reason
    mine = Membership(id="0" * 8, name="x", settings={"seed": "1"})
    (anew,) = train_all(
        FixedSearch([replace(task(run=run.directory), sweeps=(mine,))]), shared_pool, RecordingDisplay(), never_stop
    )
    assert (anew.status, anew.run_directory == run.directory, anew.record.sweeps) == ("completed", False, (mine,))
    assert run.read_record().status == "interrupted"


def test_unresponsive_worker_is_killed(pool, task, monkeypatch):
    monkeypatch.setattr("dnn_cli.execution.local_executor.STOP_TIMEOUT", 0.2)
    stuck = task(*LONG)
    board = RecordingDisplay(lambda event: kill_worker(pool, 0, signal.SIGSTOP))
    finished_epochs = []

    def get_stop_reason():
        finished_epochs.extend(event for event in board.events if isinstance(event, EpochDone))
        return "enough" if finished_epochs else ""

    (ended,) = train_all(FixedSearch([stuck]), pool, board, get_stop_reason)
    assert (ended.status, ended.exit_reason) == ("interrupted", "enough")


def test_failed_start_is_reported_and_worker_continues(shared_pool, task, tmp_path):
    gone = task()
    (tmp_path / "runs").write_text("in the way")
    (ended,) = train_all(FixedSearch([gone]), shared_pool, RecordingDisplay(), never_stop)
    assert (ended.run_directory, ended.record, ended.status) == (None, None, "failed")
    assert "is not a directory" in ended.exit_reason
    (tmp_path / "runs").unlink()
    (ended,) = train_all(FixedSearch([task()]), shared_pool, RecordingDisplay(), never_stop)
    assert ended.status == "completed"


@pytest.mark.parametrize(
    ("code", "text"),
    [(-9, "SIGKILL, perhaps because memory ran out"), (-11, "SIGSEGV, an error in native code"), (3, "exit code 3"),
     (-15, "SIGTERM"), (-64, "SIGRTMAX")],
)  # fmt: skip
def test_exit_code_is_described(code, text):
    assert text in describe_exit_code(code)
