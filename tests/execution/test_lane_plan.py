"""Which tasks are trained in the lanes of one program, and the line about them; without training."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import UsageError
from dnn_cli.execution import lane_plan
from dnn_cli.execution.lane_plan import plan_lanes
from dnn_cli.execution.messages import Task, TaskGroup
from dnn_cli.training.lane_support import find_lane_obstacle
from tests.helpers.settings import ROOT

CONVOLUTION = (
    "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: Conv2D, filters: 2, kernel_size: 3}, Flatten,"
    " {type: Dense, units: 10}]"
)
DROPOUT = "layers=[Flatten, {type: Dropout, rate: 0.5}, {type: Dense, units: 10}]"
LARGE = "layers.hidden.units=2000"
AVERAGES = ["optimizer={type: adam, use_ema: true}"]
GIGABYTE = 2**30


@pytest.fixture(autouse=True)
def large_memory(monkeypatch):
    """A machine and a GPU whose memory limits no plan."""
    monkeypatch.setattr(lane_plan, "get_usable_memory", lambda: 1000 * GIGABYTE)
    monkeypatch.setattr(lane_plan, "read_gpu_memory", lambda: 1000 * GIGABYTE)


@pytest.fixture
def build_tasks(config):
    """A function that builds a number of tasks with the same overrides, with consecutive numbers."""

    def build(count, *overrides, first=0, **fields):
        loaded = load_experiment(config(), ["epochs=100", *overrides])
        task = Task(0, loaded, Path("runs"), compute_network_digest(loaded.experiment), **fields)
        return [replace(task, number=number) for number in range(first, first + count)]

    return build


def list_programs(plan):
    """The number of lanes and the numbers of the tasks of each program; 1 lane for a single task."""
    assert all({task.lanes for task in item.tasks} == {1} for item in plan.tasks if isinstance(item, Task))
    return [(item.tasks[0].lanes, [task.number for task in item.tasks]) for item in plan.tasks]


def count_widths(plan):
    """The number of programs by their numbers of lanes."""
    return Counter(width for width, _ in list_programs(plan))


@pytest.mark.parametrize(
    ("count", "widths"),
    [(16, {16: 1}), (17, {16: 2}), (63, {16: 4}), (64, {64: 1}), (256, {256: 1}), (300, {256: 2})],
)
def test_auto_on_a_cpu_has_no_more_lanes_than_runs(build_tasks, count, widths):
    tasks = build_tasks(count)
    plan = plan_lanes(tasks, "auto", gpu=False)
    assert count_widths(plan) == widths
    assert sorted(task.number for item in plan.tasks for task in item.tasks) == list(range(count))
    ((width, programs),) = widths.items()
    empty = width * programs - count
    suffix = f" ({empty} empty lane{'s' * (empty > 1)})" if empty else ""
    assert plan.line == f"{count} runs in {programs} program{'s' * (programs > 1)} of {width} lanes{suffix}"


@pytest.mark.parametrize(
    ("count", "overrides", "reason"),
    [
        (1, [], "fewer than 2 runs have the same network and data"),
        (4, [], "on a CPU, lanes are faster from 500 epochs of all runs, and these runs have 400"),
        (16, [LARGE], "on a CPU, single runs are faster for networks of this size"),
        (16, [CONVOLUTION], "Conv2D layers cannot be trained in lanes"),
    ],
    ids=["a single run", "too few epochs", "too large a network", "a layer without lanes"],
)
def test_auto_on_a_cpu_leaves_runs_alone_with_a_reason(build_tasks, count, overrides, reason):
    tasks = build_tasks(count, *overrides)
    plan = plan_lanes(tasks, "auto", gpu=False)
    assert (plan.tasks, plan.line) == (tasks, f"no lanes: {reason}")


@pytest.mark.parametrize(
    ("count", "widths"), [(2, {4: 1}), (4, {4: 1}), (5, {16: 1}), (16, {16: 1}), (17, {64: 1}), (65, {256: 1})]
)
@pytest.mark.parametrize("overrides", [[], [LARGE]], ids=["small", "large"])
def test_auto_on_a_gpu_has_enough_lanes_for_all_runs(build_tasks, overrides, count, widths):
    assert count_widths(plan_lanes(build_tasks(count, *overrides), "auto", gpu=True)) == widths


def test_auto_on_a_gpu_leaves_one_run_alone(build_tasks):
    tasks = build_tasks(1)
    plan = plan_lanes(tasks, "auto", gpu=True)
    assert (plan.tasks, plan.line) == (tasks, "no lanes: fewer than 2 runs have the same network and data")


@pytest.mark.parametrize(("gpu", "function"), [(False, "get_usable_memory"), (True, "read_gpu_memory")])
@pytest.mark.parametrize(
    ("gigabytes", "widths"), [(320, {256: 2}), (319, {64: 5}), (79, {16: 19}), (19, {4: 75}), (4, {1: 300})]
)
def test_memory_limits_the_number_of_lanes(build_tasks, monkeypatch, gpu, function, gigabytes, widths):
    monkeypatch.setattr(lane_plan, function, lambda: gigabytes * GIGABYTE)
    monkeypatch.setattr(lane_plan, "estimate_lane_bytes", lambda experiment: GIGABYTE)
    plan = plan_lanes(build_tasks(300), "auto", gpu=gpu)
    assert count_widths(plan) == widths
    assert (plan.line == "no lanes: 4 lanes need more memory than the processor has") == (gigabytes == 4)


def test_gpu_without_nvidia_smi_counts_as_a_small_gpu(build_tasks, monkeypatch):
    monkeypatch.setattr(lane_plan, "read_gpu_memory", lambda: None)
    monkeypatch.setattr(lane_plan, "estimate_lane_bytes", lambda experiment: GIGABYTE)
    assert count_widths(plan_lanes(build_tasks(5), "auto", gpu=True)) == {4: 2}


@pytest.mark.parametrize("gpu", [False, True], ids=["cpu", "gpu"])
def test_off_leaves_all_runs_alone_without_a_line(build_tasks, gpu):
    tasks = build_tasks(100)
    plan = plan_lanes(tasks, "off", gpu=gpu)
    assert (plan.tasks, plan.line) == (tasks, "")


@pytest.mark.parametrize(
    ("count", "line"), [(1, "1 run in 1 program of 4 lanes"), (9, "9 runs in 3 programs of 4 lanes")]
)
def test_chosen_number_of_lanes_counts_for_few_runs_and_large_networks(build_tasks, count, line):
    plan = plan_lanes(build_tasks(count, LARGE), "4", gpu=False)
    programs = -(-count // 4)
    # Programs take turns, so that each has runs of all settings of a sweep.
    numbers = [list(range(start, count, programs)) for start in range(programs)]
    assert list_programs(plan) == [(4, part) for part in numbers]
    assert all(isinstance(item, TaskGroup) for item in plan.tasks)
    assert plan.line == f"{line} (3 empty lanes)"


OBSTACLES = {
    "a layer": ([CONVOLUTION], False, "Conv2D layers cannot be trained in lanes"),
    "an optimizer": (
        ["optimizer=schedule_free_adamw"], False,
        "schedule_free_adamw cannot be trained in lanes: on TensorFlow, Keras reads its momentum after the update",
    ),
    "a callback": (
        [*AVERAGES, "swap_ema_weights={}"], False,
        "swap_ema_weights cannot be used in lanes: validation in lanes uses the weights, not their averages",
    ),
    "the engine of Keras": (["engine=keras"], False, "engine: keras trains each run by itself"),
    "no XLA": (["jit=false"], False, "lanes need XLA, and jit is false"),
    "random results on a GPU": (
        [DROPOUT], True,
        "lanes need XLA, and equal results of XLA on a GPU are unverified for Dropout; "
        "deterministic: false allows them",
    ),
}  # fmt: skip
"""Overrides with which lanes are impossible, whether the processor is a GPU, and the reason."""


@pytest.mark.parametrize(("overrides", "gpu", "reason"), OBSTACLES.values(), ids=OBSTACLES)
def test_impossible_lanes_are_refused_with_reason_and_remedy(build_tasks, overrides, gpu, reason):
    tasks = build_tasks(20, *overrides)
    with pytest.raises(UsageError) as caught:
        plan_lanes(tasks, "16", gpu=gpu)
    assert caught.value.message == f"digits cannot be trained with --lanes 16: {reason}"
    assert caught.value.suggestion == "use --lanes auto"
    plan = plan_lanes(tasks, "auto", gpu=gpu)
    assert (plan.tasks, plan.line) == (tasks, f"no lanes: {reason}")


def test_runs_that_differ_in_a_callback_have_own_obstacles(build_tasks):
    """A sweep of `swap_ema_weights` has equal networks with and without the callback."""
    tasks = [*build_tasks(16, *AVERAGES), *build_tasks(16, *AVERAGES, "swap_ema_weights={}", first=16)]
    plan = plan_lanes(tasks, "auto", gpu=False)
    assert list_programs(plan) == [(16, [*range(16)]), *((1, [number]) for number in range(16, 32))]
    assert "; the other runs without lanes: swap_ema_weights cannot be used in lanes: " in plan.line


def test_obstacles_of_a_gpu_depend_on_determinism(build_tasks):
    assert count_widths(plan_lanes(build_tasks(4, DROPOUT, "deterministic=false"), "auto", gpu=True)) == {4: 1}


def test_random_layers_have_no_lanes_on_a_cpu_by_default(build_tasks):
    """XLA computes random numbers slowly on a CPU, for each lane by itself."""
    assert count_widths(plan_lanes(build_tasks(16, DROPOUT), "auto", gpu=False)) == {1: 16}
    assert count_widths(plan_lanes(build_tasks(16, DROPOUT), "4", gpu=False)) == {4: 4}


@pytest.mark.parametrize(
    ("gpu", "count", "workers", "widths"),
    [(False, 16, 2, {4: 4}), (False, 60, 2, {16: 4}), (True, 256, 4, {64: 4}), (True, 4, 4, {4: 1})],
)
def test_workers_share_the_runs(build_tasks, gpu, count, workers, widths):
    assert count_widths(plan_lanes(build_tasks(count), "auto", gpu=gpu, workers=workers)) == widths


@pytest.mark.parametrize(
    ("gigabytes", "message", "suggestion"),
    [
        (79, "--lanes 64 needs more memory for digits than the processor has", "use --lanes 16"),
        (4, "digits cannot be trained with --lanes 64: 4 lanes need more memory than the processor has",
         "use --lanes auto"),
    ],
)  # fmt: skip
def test_lanes_without_memory_are_refused_with_a_number_that_fits(
    build_tasks, monkeypatch, gigabytes, message, suggestion
):
    monkeypatch.setattr(lane_plan, "read_gpu_memory", lambda: gigabytes * GIGABYTE)
    monkeypatch.setattr(lane_plan, "estimate_lane_bytes", lambda experiment: GIGABYTE)
    tasks = build_tasks(64)
    with pytest.raises(UsageError) as caught:
        plan_lanes(tasks, "64", gpu=True)
    assert (caught.value.message, caught.value.suggestion) == (message, suggestion)
    # The remedy is right when followed literally.
    assert plan_lanes(tasks, suggestion.split()[-1], gpu=True).tasks


@pytest.mark.parametrize("choice", ["auto", "off", "4"])
def test_resumed_runs_keep_their_number_of_lanes(build_tasks, choice):
    tasks = build_tasks(17, run_directory=Path("runs/lanes"), lanes=16)
    tasks += build_tasks(17, first=17, run_directory=Path("runs/alone"))
    plan = plan_lanes(tasks, choice, gpu=False)
    programs = [(16, list(range(0, 17, 2))), (16, list(range(1, 17, 2)))]
    assert list_programs(plan) == [*programs, *((1, [number]) for number in range(17, 34))]
    line = "17 runs in 2 programs of 16 lanes (15 empty lanes); runs to continue keep their number of lanes"
    assert plan.line == line


def test_resumed_runs_and_new_runs_share_no_program(build_tasks):
    tasks = [*build_tasks(2), *build_tasks(2, first=2, run_directory=Path("runs/lanes"), lanes=16)]
    plan = plan_lanes(tasks, "4", gpu=False)
    assert list_programs(plan) == [(4, [0, 1]), (16, [2, 3])]
    programs = "4 runs in 1 program of 4 lanes, 1 program of 16 lanes (16 empty lanes)"
    assert plan.line == f"{programs}; runs to continue keep their number of lanes"


@pytest.mark.parametrize(
    ("overrides", "is_together"),
    [
        (["seed=7"], True),
        (["epochs=9", "optimizer.learning_rate=0.5"], True),
        (["early_stopping={monitor: val_loss, patience: 3}", "diagnostics=false"], True),
        (["data.split_seed=7"], False),
        (["data.validation_size=0.3"], False),
        (["batch_size=64"], False),
        (["layers.hidden.units=17"], False),
        (["optimizer=sgd"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_equal_networks_with_equal_data_share_a_program(build_tasks, overrides, is_together):
    plan = plan_lanes([*build_tasks(2), *build_tasks(2, *overrides, first=2)], "4", gpu=False)
    assert list_programs(plan) == ([(4, [0, 1, 2, 3])] if is_together else [(4, [0, 1]), (4, [2, 3])])


def test_line_names_all_reasons_for_single_runs_once(build_tasks):
    tasks = [
        *build_tasks(16),
        *build_tasks(16, CONVOLUTION, first=16),
        *build_tasks(16, CONVOLUTION, "batch_size=16", first=32),
        *build_tasks(2, "batch_size=16", first=48),
    ]
    plan = plan_lanes(tasks, "auto", gpu=False)
    assert plan.tasks[1:] == tasks[16:]
    assert plan.line == (
        "16 runs in 1 program of 16 lanes; the other runs without lanes: Conv2D layers cannot be trained in lanes; "
        "on a CPU, lanes are faster from 500 epochs of all runs, and these runs have 200"
    )


def find_obstacles(*, gpu):
    """The obstacles of the shipped configs, by the names of their files."""
    configs = sorted((ROOT / "configs").glob("*.yaml"))
    obstacles = {path.stem: find_lane_obstacle(load_experiment(str(path)).experiment, gpu=gpu) for path in configs}
    return {name: obstacle for name, obstacle in obstacles.items() if obstacle}


def test_most_shipped_configs_can_be_trained_in_lanes():
    on_cpu = {
        "augmented_cnn": "RandomFlip layers cannot be trained in lanes",
        "best_dense": "RandomFlip layers cannot be trained in lanes",
        "cnn_100k": "RandomFlip layers cannot be trained in lanes",
        "cnn_500k": "RandomFlip layers cannot be trained in lanes",
        "small_cnn": "Conv2D layers cannot be trained in lanes",
    }
    assert find_obstacles(gpu=False) == on_cpu
    assert find_obstacles(gpu=True) == on_cpu


def test_batch_normalization_needs_deterministic_false_on_a_gpu(experiment):
    layers = "layers=[Flatten, {type: Dense, units: 8}, BatchNormalization, {type: Dense, units: 10}]"
    assert not find_lane_obstacle(experiment(layers), gpu=False)
    assert find_lane_obstacle(experiment(layers), gpu=True) == (
        "lanes need XLA, and equal results of XLA on a GPU are unverified for BatchNormalization; "
        "deterministic: false allows them"
    )
