"""The setting of determinism of a process."""

import os
from dataclasses import replace

import pytest
import tensorflow as tf

from dnn_cli.errors import UsageError
from dnn_cli.training import determinism
from dnn_cli.training.determinism import DeterminismConflict, get_user_flags, set_determinism, set_initial_determinism
from dnn_cli.training.execution_plan import choose_plan

OVERLAP = [
    "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: MaxPooling2D, pool_size: 3, strides: 2}, Flatten, "
    "{type: Dense, units: 10}]"
]


@pytest.fixture
def op_determinism(monkeypatch):
    """A process without a setting, and a list of calls that turn on TensorFlow's op determinism."""
    calls = []
    monkeypatch.setattr(determinism, "_process_settings", [])
    monkeypatch.setattr(determinism, "_user_flags", "--xla_dump_to=x")
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: calls.append("on"))
    return calls


@pytest.fixture
def apply_plan(experiment):
    """A function that applies the plan of an experiment to the process."""

    def apply(*overrides, gpu=True):
        loaded = experiment(*overrides)
        plan = choose_plan(loaded, 1437, gpu=gpu)
        set_determinism(loaded, plan)
        return plan.determinism

    return apply


@pytest.mark.parametrize(
    ("overrides", "gpu", "setting", "flags", "calls"),
    [
        ([], False, "cpu", "--xla_dump_to=x", []),
        ([], True, "xla", "--xla_dump_to=x --xla_gpu_autotune_level=0", []),
        (OVERLAP, True, "operations", "--xla_dump_to=x", ["on"]),
        ([*OVERLAP, "deterministic=false"], True, "none", "--xla_dump_to=x", []),
    ],
    ids=["cpu", "xla", "operations", "none"],
)
def test_setting_configures_the_libraries(apply_plan, op_determinism, overrides, gpu, setting, flags, calls):
    assert apply_plan(*overrides, gpu=gpu) == setting
    assert os.environ["XLA_FLAGS"] == flags
    assert op_determinism == calls
    assert get_user_flags() == ({"XLA_FLAGS": "--xla_dump_to=x"} if setting == "xla" else {})


def test_flag_of_the_user_takes_precedence(apply_plan, op_determinism, monkeypatch):
    monkeypatch.setattr(determinism, "_user_flags", "--xla_gpu_autotune_level=4")
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=4")
    apply_plan()
    assert os.environ["XLA_FLAGS"] == "--xla_gpu_autotune_level=4"


def test_process_keeps_its_setting(apply_plan, op_determinism):
    apply_plan()
    apply_plan("optimizer=sgd")
    with pytest.raises(DeterminismConflict, match="digits cannot be trained in this process") as caught:
        apply_plan(*OVERLAP)
    assert "operations, and the process has trained with xla" in caught.value.message
    assert op_determinism == []


def test_evaluation_keeps_the_setting_of_a_training(apply_plan, experiment, op_determinism):
    apply_plan()
    set_initial_determinism(choose_plan(experiment(*OVERLAP), 1437, gpu=True))
    assert op_determinism == []
    assert apply_plan("optimizer=sgd") == "xla"


def test_jit_that_is_not_deterministic_is_refused(apply_plan, op_determinism):
    with pytest.raises(
        UsageError, match="on a GPU, XLA adds the gradients of MaxPooling2D in a random order"
    ) as caught:
        apply_plan(*OVERLAP, "jit=true")
    assert caught.value.suggestion.startswith("use jit=auto, or deterministic=false")
    assert apply_plan(*OVERLAP, "jit=true", "deterministic=false") == "none"


def test_plan_of_a_cpu_is_deterministic_in_any_case(experiment):
    for value in ("true", "false"):
        plan = choose_plan(experiment(f"deterministic={value}"), 1437, gpu=False)
        assert replace(plan, why="") == replace(choose_plan(experiment(), 1437, gpu=False), why="")
