"""Which tasks an executor gets and when, with an executor that only pretends to train."""

from pathlib import Path

import pytest

from dnn_cli.execution.messages import EpochDone, NoEvents, ProgressEvent, Task, TaskResult
from dnn_cli.execution.scheduler import FixedSearch, train_all


class FakeExecutor:
    """Executor with two slots. A training ends at the next wait or after a stop request; some fail."""

    def __init__(self, failing=(), endless=()):
        self.failing, self.endless = failing, endless
        self.slots = [None, None]
        self.last_networks = [None, None]
        self.stop_reasons = {}
        self.submissions = []

    @property
    def busy(self):
        return [task for task in self.slots if task]

    def iter_idle_networks(self):
        return (last for task, last in zip(self.slots, self.last_networks, strict=True) if task is None)

    def list_busy_networks(self):
        return {task.network_digest for task in self.busy}

    def submit(self, task):
        free_slots = [slot for slot in (0, 1) if self.slots[slot] is None]
        slot = min(free_slots, key=lambda index: self.last_networks[index] != task.network_digest)
        self.slots[slot], self.last_networks[slot] = task, task.network_digest
        self.submissions.append((slot, task.number))

    def wait_for_events(self, seconds):
        for slot, task in enumerate(self.slots):
            if task is None:
                continue
            if task.number not in self.stop_reasons:
                yield EpochDone(task.number, {"epoch": 1, "val_accuracy": task.number / 10})
                if task.number in self.endless and task.number not in self.stop_reasons:
                    continue
            self.slots[slot] = None
            reason = self.stop_reasons.get(task.number) or ("broken" if task.number in self.failing else None)
            yield TaskResult(task.number, None, None, reason)

    def request_stop(self, reason, number=None):
        for task in self.busy:
            if number is None or task.number == number:
                self.stop_reasons.setdefault(task.number, reason)


class RecordingDisplay:
    def __init__(self):
        self.events = []

    def on_task_started(self, task):
        self.events.append(task.number)

    def on_event(self, event):
        self.events.append(event)


def build_tasks(networks):
    return [Task(number, None, Path("runs"), network) for number, network in enumerate(networks)]


def never_stop():
    return ""


def test_every_task_is_trained_once():
    board = RecordingDisplay()
    ended = train_all(FixedSearch(build_tasks("aabb")), FakeExecutor(), board, never_stop)
    assert sorted(result.number for result in ended) == [0, 1, 2, 3]
    assert sorted(event for event in board.events if isinstance(event, int)) == [0, 1, 2, 3]
    assert [event for event in board.events if isinstance(event, TaskResult)] == ended


def test_tasks_are_routed_to_worker_with_compiled_network():
    executor = FakeExecutor()
    train_all(FixedSearch(build_tasks("aaabbb")), executor, RecordingDisplay(), never_stop)
    slot_by_number = {number: slot for slot, number in executor.submissions}
    assert (
        len({slot_by_number[number] for number in (0, 1, 2)})
        == len({slot_by_number[number] for number in (3, 4, 5)})
        == 1
    )
    assert slot_by_number[0] != slot_by_number[3]


def test_idle_worker_takes_task_of_busy_network():
    executor = FakeExecutor(endless=[0])
    train_all(FixedSearch(build_tasks("aaa")), executor, RecordingDisplay(), iter([""] * 9 + ["enough"] * 9).__next__)
    assert {number for _, number in executor.submissions} == {0, 1, 2}


def test_fail_fast_stops_other_tasks():
    executor = FakeExecutor(failing=[1], endless=[0])
    ended = train_all(FixedSearch(build_tasks("abcdef")), executor, RecordingDisplay(), never_stop, fail_fast=True)
    assert {result.number for result in ended} == {0, 1}
    assert (
        next(result for result in ended if result.number == 0).exit_reason == "another training of the sweep has failed"
    )
    ended = train_all(FixedSearch(build_tasks("abcdef")), FakeExecutor(failing=[1]), RecordingDisplay(), never_stop)
    assert len(ended) == 6


def test_stop_request_ends_running_tasks():
    executor = FakeExecutor(endless=range(6))
    ended = train_all(
        FixedSearch(build_tasks("abcdef")), executor, RecordingDisplay(), iter(["", "", "enough", "enough"]).__next__
    )
    assert [(result.number, result.exit_reason) for result in ended] == [(0, "enough"), (1, "enough")]


def test_no_task_starts_after_time_limit():
    ended = train_all(
        FixedSearch(build_tasks("abcdef")), FakeExecutor(), RecordingDisplay(), never_stop, max_seconds=-1
    )
    assert ended == []


def test_pruning_stops_only_one_task():
    class PruningSearch(FixedSearch):
        def should_prune(self, event):
            return "pruned: too small" if event.number == 1 else ""

    executor = FakeExecutor(endless=[1])
    ended = train_all(PruningSearch(build_tasks("abc")), executor, RecordingDisplay(), never_stop)
    assert {result.number: result.exit_reason for result in ended} == {0: "", 1: "pruned: too small", 2: ""}


@pytest.mark.parametrize("networks", ["", "a"])
def test_short_queue_finishes(networks):
    assert len(train_all(FixedSearch(build_tasks(networks)), FakeExecutor(), RecordingDisplay(), never_stop)) == len(
        networks
    )


class QuietExecutor(FakeExecutor):
    """Executor whose only training sends two events, with a pause after each of them."""

    def wait_for_events(self, seconds):
        waits = len(self.stop_reasons.setdefault("waits", []))
        self.stop_reasons["waits"].append(seconds)
        if waits in (0, 10):
            yield ProgressEvent(0, 0.0, 1, {})
        if waits == 20:
            self.slots[0] = None
            yield TaskResult(0, None, None)


def test_silent_task_is_reported_once_after_each_event(monkeypatch):
    now = iter(range(10**6))
    monkeypatch.setattr("dnn_cli.execution.scheduler.time.monotonic", lambda: next(now))
    monkeypatch.setattr("dnn_cli.execution.scheduler.SILENCE_SECONDS", 5)
    board = RecordingDisplay()
    train_all(FixedSearch(build_tasks("a")), QuietExecutor(), board, never_stop)
    assert [type(event) for event in board.events] == [
        int,
        ProgressEvent,
        NoEvents,
        ProgressEvent,
        NoEvents,
        TaskResult,
    ]
    assert all(event.seconds >= 5 for event in board.events if isinstance(event, NoEvents))
