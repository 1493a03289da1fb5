"""Worker processes: what they train has the bits of `dnn train`, and the death of one costs its run alone."""

import os
import signal
import time
from dataclasses import replace

import pytest

from dnn_cli.execute.local import Pool, cause
from dnn_cli.execute.many import Queue, train_all
from dnn_cli.execute.task import Begun, Ended, EpochDone, Moved, Task
from dnn_cli.runs.record import Membership
from dnn_cli.runs.run import Run
from dnn_cli.spec.load import load
from dnn_cli.training.programs import network_key
from tests.kills import assert_same

LONG = ["epochs=100000", "jit=false"]


@pytest.fixture
def task(config, tmp_path):
    """A task that trains digits in few words."""
    numbers = iter(range(100))

    def make(*overrides, run=None):
        loaded = load(config(), ["jit=false", *overrides])
        return Task(next(numbers), loaded, tmp_path / "runs", network_key(loaded.experiment), run)

    return make


@pytest.fixture
def pool():
    made = Pool(2)
    yield made
    made.kill()


class Board:
    """Keeps what it hears, and does something when it hears of a first epoch."""

    def __init__(self, at_first_epoch=lambda event: None):
        self.heard_of, self.at_first_epoch = [], at_first_epoch

    def given(self, task):
        """Nobody asks."""

    def heard(self, event):
        self.heard_of.append(event)
        if isinstance(event, EpochDone) and event.row["epoch"] == 1:
            self.at_first_epoch(event)


def never():
    return ""


def by_number(ended):
    return {one.number: one for one in ended}


def test_runs_have_the_bits_of_train_whoever_trains_them_and_when(pool, task, trained):
    words = [(f"optimizer={name}", f"seed={seed}") for seed in (1, 2) for name in ("sgd", "adam")]
    words += [("optimizer.learning_rate=0.1", "seed=1")]
    board = Board()
    ended = by_number(train_all(Queue([task(*two) for two in words]), pool, board, never))
    assert {one.status for one in ended.values()} == {"completed"}
    for number, two in enumerate(words):
        alone, _, _ = trained(load_experiment(task, *two))
        assert_same(alone, Run(ended[number].run))
    kinds = {type(event) for event in board.heard_of}
    assert {Begun, Moved, EpochDone, Ended} <= kinds
    pool.close()
    assert not any(worker and worker.process.is_alive() for worker in pool.workers)
    assert not os.path.exists(pool.folder.name)


def load_experiment(task, *words):
    return task(*words).loaded.experiment


def kill(pool, number, signum):
    (worker,) = [worker for worker in pool.busy if worker.task.number == number]
    os.kill(worker.process.pid, signum)


def test_a_worker_that_dies_costs_its_run_alone_and_the_run_says_why(pool, task):
    tasks = [task(*LONG), task("seed=1"), task("seed=2"), task("seed=3")]
    board = Board(lambda event: event.number == 0 and kill(pool, 0, signal.SIGKILL))
    ended = by_number(train_all(Queue(tasks), pool, board, never))
    assert [ended[number].status for number in range(4)] == ["failed", "completed", "completed", "completed"]
    assert "SIGKILL, perhaps for want of memory" in ended[0].why
    record = Run(ended[0].run).read_record()
    assert (record.status, record.reason) == ("failed", ended[0].why)
    assert record.epochs >= 1


def test_a_training_that_is_told_to_end_is_saved_and_goes_on(pool, task, trained):
    long = task("epochs=4000")
    judged = Queue([long])
    judged.judge = lambda event: "pruned: for a test"
    (ended,) = train_all(judged, pool, Board(), never)
    assert (ended.status, ended.why) == ("interrupted", "pruned: for a test")
    epochs = Run(ended.run).read_record().epochs
    assert 1 <= epochs < 4000
    further = task(f"epochs={epochs + 2}", run=ended.run)
    (ended,) = train_all(Queue([further]), pool, Board(), never)
    assert ended.status == "completed", ended.why
    assert_same(trained(further.loaded.experiment)[0], Run(ended.run))


def test_a_run_of_a_sweep_that_cannot_go_on_is_trained_anew(pool, task):
    (first,) = train_all(Queue([task()]), pool, Board(), never)
    run = Run(first.run)
    record = run.read_record()
    run.write_record(record.model_copy(update={"status": "interrupted", "versions": {"tensorflow": "1.0"}}))
    (refused,) = train_all(Queue([task("epochs=3", run=run.directory)]), pool, Board(), never)
    assert "tensorflow: 1.0 →" in refused.why
    mine = Membership(id="0" * 8, name="x", settings={"seed": "1"})
    (anew,) = train_all(Queue([replace(task(run=run.directory), sweeps=(mine,))]), pool, Board(), never)
    assert (anew.status, anew.run == run.directory, anew.record.sweeps) == ("completed", False, (mine,))
    assert run.read_record().status == "interrupted"


def test_a_wish_that_nobody_answers_ends_the_process(pool, task, monkeypatch):
    monkeypatch.setattr("dnn_cli.execute.local.PATIENCE", 0.2)
    stuck = task(*LONG)
    board = Board(lambda event: kill(pool, 0, signal.SIGSTOP))
    begun = []

    def stop():
        begun.extend(event for event in board.heard_of if isinstance(event, EpochDone))
        return "enough" if begun else ""

    (ended,) = train_all(Queue([stuck]), pool, board, stop)
    assert (ended.status, ended.why) == ("interrupted", "enough")


def test_workers_end_when_nobody_is_there_any_more(pool, task):
    board = Board()
    pool.give(task(*LONG))
    (worker,) = pool.busy
    until = time.monotonic() + 60
    while not any(isinstance(event, EpochDone) for event in board.heard_of):
        for event in pool.wait(0.1):
            board.heard(event)
        assert time.monotonic() < until
    worker.connection.close()
    worker.process.join(10)
    assert worker.process.exitcode == 0
    record = Run(worker.run).read_record()
    assert (record.status, record.reason) == ("interrupted", "the process that started it has ended")


def test_a_training_that_cannot_begin_is_told_and_the_next_one_begins(pool, task, tmp_path):
    gone = task()
    (tmp_path / "runs").write_text("in the way")
    (ended,) = train_all(Queue([gone]), pool, Board(), never)
    assert (ended.run, ended.record, ended.status) == (None, None, "failed")
    assert "no directory" in ended.why
    (tmp_path / "runs").unlink()
    (ended,) = train_all(Queue([task()]), pool, Board(), never)
    assert ended.status == "completed"


@pytest.mark.parametrize(
    ("code", "told"),
    [(-9, "SIGKILL, perhaps for want of memory"), (-11, "SIGSEGV, a fault in native code"), (3, "exit code 3"),
     (-15, "SIGTERM"), (-64, "SIGRTMAX")],
)  # fmt: skip
def test_what_a_process_died_of_is_said(code, told):
    assert told in cause(code)
