"""Each training process has one core, as long as every core has equally many processes."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.execution import core_assignment
from dnn_cli.execution.core_assignment import CoreAssignment


class FakeMachine:
    """Machine that remembers the cores of processes, and counts changes."""

    def __init__(self, core_count):
        self.cores, self.cores_by_pid, self.change_count = set(range(core_count)), {}, 0

    def build_assignment(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(core_assignment.os, "sched_getaffinity", lambda _: self.cores)
            return CoreAssignment()

    def set_process_cores(self, pid, cores):
        self.change_count += 1
        self.cores_by_pid[pid] = set(cores)

    def update(self, assignment, processes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(core_assignment, "set_process_cores", self.set_process_cores)
            assignment.update(processes)
        return [self.cores_by_pid.get(pid, self.cores) for pid in processes]


@given(st.integers(1, 5), st.lists(st.dictionaries(st.integers(1, 12), st.booleans(), min_size=1), max_size=8))
def test_cores_are_shared_equally_or_used_by_all(core_count, updates):
    machine = FakeMachine(core_count)
    assignment = machine.build_assignment()
    for processes in updates:
        assigned = machine.update(assignment, processes)
        if len(processes) % core_count == 0 and all(processes.values()):
            counts = Counter(core for cores in assigned for core in cores)
            assert counts == dict.fromkeys(range(core_count), len(processes) // core_count)
        for cores, has_trained in zip(assigned, processes.values(), strict=True):
            assert cores == machine.cores or (len(cores) == 1 and has_trained)


def test_last_process_uses_all_cores():
    machine = FakeMachine(2)
    assignment = machine.build_assignment()
    assert machine.update(assignment, {7: True, 8: True}) == [{0}, {1}]
    assert machine.update(assignment, {8: True}) == [{0, 1}]


def test_unchanged_processes_cause_no_system_calls():
    machine = FakeMachine(2)
    assignment = machine.build_assignment()
    machine.update(assignment, {None: False, 8: False})
    assert machine.change_count == 0
    for _ in range(3):
        machine.update(assignment, {7: True, 8: True})
    assert machine.change_count == 2
