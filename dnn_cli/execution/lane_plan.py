"""Plan of the lanes of several trainings: which runs one program trains together, and the reason in one line."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.examples import MAX_MEMORY_SHARE
from dnn_cli.errors import UsageError
from dnn_cli.execution.executor_choice import compute_data_bytes
from dnn_cli.execution.lane_choices import AUTO, LANE_WIDTHS, OFF
from dnn_cli.execution.messages import Task, TaskGroup
from dnn_cli.host.gpus import read_gpu_memory
from dnn_cli.host.resources import get_usable_memory
from dnn_cli.report.text import format_count
from dnn_cli.training.lane_support import estimate_lane_bytes, find_lane_obstacle, is_faster_in_lanes

_MIN_RUNS = 2
_MIN_CPU_EPOCHS = 500
"""Minimum number of epochs of all runs of a network, for each worker, for which lanes are faster on a CPU.

Compiling 16 lanes takes about 4 s longer than compiling a single run. Lanes save about 10 ms for each epoch of a run.
"""

_MEMORY_SHARE = 0.8
"""Maximum memory of all lanes, as a share of the memory of the processor."""

_UNKNOWN_GPU_BYTES = 8 * 2**30
"""Memory of a GPU that is assumed if nvidia-smi cannot be run, in bytes."""


@dataclass
class LanePlan:
    """Tasks in the order of their start, some of them in groups that one program trains, and a line for the user."""

    tasks: list[Task | TaskGroup] = field(default_factory=list)
    line: str = ""
    """Number of runs in lanes, or the reason for single runs; empty if the user has turned lanes off."""

    @property
    def has_groups(self) -> bool:
        """Whether some runs are trained in lanes."""
        return any(isinstance(task, TaskGroup) for task in self.tasks)


def plan_lanes(
    tasks: Sequence[Task], choice: str, *, gpu: bool, workers: int = 1, planned_tasks: Sequence[Task] = ()
) -> LanePlan:
    """Put tasks with equal networks and equal data into groups that are trained in the lanes of one program.

    A run that is resumed keeps the number of lanes of its training, on which its bits depend.

    Args:
        tasks: The tasks. Those of runs that are resumed have the number of lanes of their runs.
        choice: The value of the option `--lanes`, one of `LANE_CHOICES`.
        gpu: Whether the processor is a GPU.
        workers: The number of worker processes, which share the runs. Each worker has a GPU if `gpu` is true.
        planned_tasks: The tasks from which the number of lanes is chosen, if they are more than `tasks`. An interrupted
            command then continues with the numbers of lanes with which it began.

    Raises:
        UsageError: the user has chosen a number of lanes with which a task cannot be trained.
    """
    plan = LanePlan()
    planned_groups = {_build_group_key(group[0]): group for group in _group_equal_tasks(planned_tasks)}
    reasons: dict[str, None] = {}
    widths: dict[int, int] = defaultdict(int)
    for group in _group_equal_tasks(tasks):
        if group[0].run_directory is not None:
            width, reason = group[0].lanes, ""
        else:
            planned_group = planned_groups.get(_build_group_key(group[0]), group)
            width, reason = _choose_width(planned_group, choice, gpu=gpu, workers=workers)
        if width == 1:
            plan.tasks += group
            reasons[reason] = None
            continue
        members = [replace(task, lanes=width) for task in group]
        program_count = math.ceil(len(members) / width)
        # Each program gets runs of all settings, because the first program of a worker has the time of the compilation.
        plan.tasks += [TaskGroup(tuple(members[start::program_count])) for start in range(program_count)]
        widths[width] += program_count
    plan.line = _format_line(plan, widths, [reason for reason in reasons if reason])
    return plan


def _group_equal_tasks(tasks: Sequence[Task]) -> list[list[Task]]:
    """Group tasks whose networks, data and numbers of lanes are equal. New runs and resumed runs have own groups."""
    groups: dict[tuple[object, ...], list[Task]] = defaultdict(list)
    for task in tasks:
        groups[_build_group_key(task)].append(task)
    return list(groups.values())


def _build_group_key(task: Task) -> tuple[object, ...]:
    """Return a key that is equal for tasks that can share a program."""
    experiment = task.loaded.experiment
    # Tasks with equal networks can differ in their callbacks.
    callback_obstacles = tuple(filter(None, (callback.lane_obstacle for callback in experiment.callbacks)))
    data = experiment.data.model_dump_json()
    return task.network_digest, data, task.lanes, task.run_directory is None, callback_obstacles


def _choose_width(tasks: Sequence[Task], choice: str, *, gpu: bool, workers: int) -> tuple[int, str]:
    """Return the number of lanes for new runs of a network, and the reason for single runs.

    Raises:
        UsageError: the user has chosen a number of lanes with which the runs cannot be trained.
    """
    if choice == OFF:
        return 1, ""
    experiment = tasks[0].loaded.experiment
    obstacle = find_lane_obstacle(experiment, gpu=gpu)
    # `compute_data_bytes` counts the inputs twice.
    if compute_data_bytes(experiment) / 2 > MAX_MEMORY_SHARE * get_usable_memory():
        obstacle = obstacle or "lanes need the examples in memory, and the examples are too large for this machine"
    affordable = [] if obstacle else _list_affordable_widths(experiment, gpu=gpu, workers=workers)
    if not obstacle and not affordable:
        obstacle = f"{LANE_WIDTHS[0]} lanes need more memory than the processor has"
    if choice != AUTO:
        if obstacle:
            raise UsageError(
                f"{experiment.name} cannot be trained with --lanes {choice}: {obstacle}", "use --lanes auto"
            )
        if int(choice) > max(affordable):
            raise UsageError(
                f"--lanes {choice} needs more memory for {experiment.name} than the processor has",
                f"use --lanes {max(affordable)}",
            )
        return int(choice), ""
    if obstacle:
        return 1, obstacle
    if not is_faster_in_lanes(experiment, gpu=gpu):
        return 1, "on a CPU, single runs are faster for networks of this size"
    if len(tasks) < _MIN_RUNS:
        return 1, f"fewer than {_MIN_RUNS} runs have the same network and data"
    min_epochs = 0 if gpu else _MIN_CPU_EPOCHS * workers
    epochs = sum(task.loaded.experiment.epochs for task in tasks)
    if epochs < min_epochs:
        return 1, f"on a CPU, lanes are faster from {min_epochs:,} epochs of all runs, and these runs have {epochs:,}"
    runs_per_worker = math.ceil(len(tasks) / workers)
    # A GPU computes the lanes without a run almost for free. On a CPU, they would take as long as the others.
    limit = LANE_WIDTHS[0] * (runs_per_worker - 1) if gpu else runs_per_worker
    return max((width for width in affordable if width <= limit), default=affordable[0]), ""


def _list_affordable_widths(experiment: Experiment, *, gpu: bool, workers: int) -> list[int]:
    """List the numbers of lanes whose memory each worker has."""
    memory = (read_gpu_memory() or _UNKNOWN_GPU_BYTES) if gpu else get_usable_memory() / workers
    lane_bytes = estimate_lane_bytes(experiment)
    return [width for width in LANE_WIDTHS if width * lane_bytes <= _MEMORY_SHARE * memory]


def _format_line(plan: LanePlan, widths: dict[int, int], reasons: list[str]) -> str:
    """Format the number of runs in lanes, and the reasons for single runs."""
    if not widths:
        return f"no lanes: {'; '.join(reasons)}" if reasons else ""
    groups = [group for group in plan.tasks if isinstance(group, TaskGroup)]
    count = sum(len(group.tasks) for group in groups)
    programs = ", ".join(f"{format_count(number, 'program')} of {width} lanes" for width, number in widths.items())
    line = f"{format_count(count, 'run')} in {programs}"
    if empty_count := sum(width * number for width, number in widths.items()) - count:
        line += f" ({format_count(empty_count, 'empty lane')})"
    if any(group.tasks[0].run_directory is not None for group in groups):
        line += "; runs to continue keep their number of lanes"
    return f"{line}; the other runs without lanes: {'; '.join(reasons)}" if reasons else line
