"""What is given to whom and when, with an executor that only pretends to train."""

from pathlib import Path

import pytest

from dnn_cli.execute.many import Queue, train_all
from dnn_cli.execute.task import Ended, EpochDone, Task


class Pretender:
    """Two places; a training ends at the next look, or when it is told to; some fail."""

    def __init__(self, failing=(), endless=()):
        self.failing, self.endless = failing, endless
        self.places = [None, None]
        self.last = [None, None]
        self.told = {}
        self.log = []

    @property
    def busy(self):
        return [task for task in self.places if task]

    def free(self):
        return (last for task, last in zip(self.places, self.last, strict=True) if task is None)

    def elsewhere(self):
        return {task.network for task in self.busy}

    def give(self, task):
        places = [place for place in (0, 1) if self.places[place] is None]
        place = min(places, key=lambda place: self.last[place] != task.network)
        self.places[place], self.last[place] = task, task.network
        self.log.append((place, task.number))

    def wait(self, seconds):
        for place, task in enumerate(self.places):
            if task is None:
                continue
            if task.number not in self.told:
                yield EpochDone(task.number, {"epoch": 1, "val_accuracy": task.number / 10})
                if task.number in self.endless and task.number not in self.told:
                    continue
            self.places[place] = None
            why = self.told.get(task.number) or ("broken" if task.number in self.failing else None)
            yield Ended(task.number, None, None, why)

    def stop(self, why, number=None):
        for task in self.busy:
            if number is None or task.number == number:
                self.told.setdefault(task.number, why)


class Watching:
    def __init__(self):
        self.events = []

    def given(self, task):
        self.events.append(task.number)

    def heard(self, event):
        self.events.append(event)


def tasks(networks):
    return [Task(number, None, Path("runs"), network) for number, network in enumerate(networks)]


def never():
    return ""


def test_everything_is_trained_once_and_the_board_hears_of_it():
    board = Watching()
    ended = train_all(Queue(tasks("aabb")), Pretender(), board, never)
    assert sorted(one.number for one in ended) == [0, 1, 2, 3]
    assert sorted(event for event in board.events if isinstance(event, int)) == [0, 1, 2, 3]
    assert [event for event in board.events if isinstance(event, Ended)] == ended


def test_who_has_compiled_a_network_trains_it_again():
    executor = Pretender()
    train_all(Queue(tasks("aaabbb")), executor, Watching(), never)
    places = {number: place for place, number in executor.log}
    assert len({places[number] for number in (0, 1, 2)}) == len({places[number] for number in (3, 4, 5)}) == 1
    assert places[0] != places[3]


def test_nobody_waits_for_a_network_that_another_has_compiled():
    executor = Pretender(endless=[0])
    train_all(Queue(tasks("aaa")), executor, Watching(), iter([""] * 9 + ["enough"] * 9).__next__)
    assert {number for _, number in executor.log} == {0, 1, 2}


def test_one_that_fails_stops_nobody_and_with_fail_fast_everybody():
    executor = Pretender(failing=[1], endless=[0])
    ended = train_all(Queue(tasks("abcdef")), executor, Watching(), never, fail_fast=True)
    assert {one.number for one in ended} == {0, 1}
    assert next(one for one in ended if one.number == 0).why == "another training of the sweep has failed"
    ended = train_all(Queue(tasks("abcdef")), Pretender(failing=[1]), Watching(), never)
    assert len(ended) == 6


def test_a_wish_to_end_reaches_those_that_train_and_nothing_more_is_begun():
    executor = Pretender(endless=range(6))
    ended = train_all(Queue(tasks("abcdef")), executor, Watching(), iter(["", "", "enough", "enough"]).__next__)
    assert [(one.number, one.why) for one in ended] == [(0, "enough"), (1, "enough")]


def test_after_its_time_nothing_more_is_begun_and_what_trains_goes_on():
    ended = train_all(Queue(tasks("abcdef")), Pretender(), Watching(), never, seconds=-1)
    assert ended == []


def test_a_training_that_is_judged_is_ended_alone():
    class Judging(Queue):
        def judge(self, event):
            return "pruned: too small" if event.number == 1 else ""

    executor = Pretender(endless=[1])
    ended = train_all(Judging(tasks("abc")), executor, Watching(), never)
    assert {one.number: one.why for one in ended} == {0: "", 1: "pruned: too small", 2: ""}


@pytest.mark.parametrize("networks", ["", "a"])
def test_little_is_soon_done(networks):
    assert len(train_all(Queue(tasks(networks)), Pretender(), Watching(), never)) == len(networks)
