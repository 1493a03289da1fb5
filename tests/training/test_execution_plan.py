"""What the engine chooses, without training."""

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.training.execution_plan import MAX_STEPS, choose_plan
from tests.helpers.settings import ROOT

CONVOLUTION = (
    "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: Conv2D, filters: 2, kernel_size: 3}, Flatten,"
    " {type: Dense, units: 10}]"
)
DROPOUT = "layers=[Flatten, {type: Dropout, rate: 0.5}, {type: Dense, units: 10}]"
POOLING = "layers=[{type: Reshape, target_shape: [8, 8, 1]}, MaxPooling2D, Flatten, {type: Dense, units: 10}]"
ONE_INPUT = "layers=[Flatten, {type: Dense, units: 1}, {type: Dense, units: 10}]"
FLIP = "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, Flatten, {type: Dense, units: 10}]"
ROTATION = FLIP.replace("RandomFlip", "{type: RandomRotation, factor: 0.1}")
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_run_in_chunks_with_xla_unless_slow(path):
    plan = choose_plan(load_experiment(str(path)).experiment, 48_000, gpu=False)
    assert (plan.engine, plan.jit) == ("chunked", path.stem not in ("small_cnn", "best_dense", "augmented_cnn"))
    assert plan.steps > 1


@pytest.mark.parametrize(
    ("overrides", "gpu", "engine", "jit", "precision", "reason"),
    [
        ([], False, "chunked", True, "float32", "with XLA: no layer"),
        (["jit=false"], False, "chunked", False, "float32", "jit: false"),
        (["engine=keras"], False, "keras", False, "float32", "engine: keras; without XLA"),
        (["engine=keras", "jit=true"], False, "keras", True, "float32", "engine: keras; jit: true"),
        ([CONVOLUTION], False, "chunked", False, "float32", "without XLA: XLA is slow for Conv2D on a CPU"),
        ([CONVOLUTION], True, "chunked", True, "float32", "with XLA: the default on a GPU"),
        ([DROPOUT], False, "chunked", False, "float32", "without XLA: XLA is slow for Dropout on a CPU"),
        ([DROPOUT, "jit=true"], False, "chunked", True, "float32", "jit: true"),
        ([POOLING], False, "chunked", True, "float32", "with XLA: no layer"),
        ([ONE_INPUT], False, "chunked", False, "float32", "without XLA: XLA sums a Dense layer with one input"),
        ([ROTATION], True, "chunked", False, "float32", "without XLA: XLA cannot run RandomRotation"),
        ([FLIP], False, "chunked", False, "float32", "without XLA: XLA is slow for RandomFlip on a CPU"),
        (["mixed_precision=true"], False, "chunked", True, "mixed_bfloat16", "with XLA: no layer"),
        (["mixed_precision=true"], True, "chunked", True, "mixed_float16", "with XLA: the default on a GPU"),
    ],
    ids=["as it is", "jit off", "plain fit", "plain fit with jit", "convolution", "convolution on a GPU", "dropout",
         "dropout with jit", "pooling", "one input", "augmentation on a GPU", "flipping", "16 bits",
         "16 bits on a GPU"],
)  # fmt: skip
def test_engine_xla_and_precision_are_chosen_with_a_reason(experiment, overrides, gpu, engine, jit, precision, reason):
    plan = choose_plan(experiment(*overrides), 1437, gpu=gpu)
    assert (plan.engine, plan.jit, plan.precision) == (engine, jit, precision)
    assert plan.why.startswith(reason)


@pytest.mark.parametrize(
    ("overrides", "examples", "steps"),
    [
        pytest.param([], 10, 1, id="less than a batch"),
        pytest.param([], 33, 2, id="a batch and one more"),
        pytest.param([], 48_000, MAX_STEPS, id="many batches"),
        pytest.param([], 32 * (MAX_STEPS + 2), MAX_STEPS // 2 + 1, id="calls of equal length"),
        pytest.param(["layers.hidden.units=100000", "batch_size=1000"], 48_000, 1, id="a batch that takes long"),
        pytest.param(["layers.hidden.units=1", "batch_size=500000"], 4_000_000, 2, id="a batch that is large"),
    ],
)
def test_number_of_batches_per_call(experiment, overrides, examples, steps):
    assert choose_plan(experiment(*overrides), examples, gpu=False).steps == steps


def test_plan_ignores_seed_epochs_and_name(experiment):
    plans = {choose_plan(experiment(*other), 1437, gpu=False) for other in ([], ["seed=7"], ["epochs=9"], ["name=x"])}
    assert len(plans) == 1
