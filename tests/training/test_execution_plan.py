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
OVERLAP = POOLING.replace("MaxPooling2D", "{type: MaxPooling2D, pool_size: 3, strides: 2}")
ONE_INPUT = "layers=[Flatten, {type: Dense, units: 1}, {type: Dense, units: 10}]"
FLIP = "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, Flatten, {type: Dense, units: 10}]"
ROTATION = FLIP.replace("RandomFlip", "{type: RandomRotation, factor: 0.1}")
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_run_in_chunks_with_xla_unless_slow(path):
    plan = choose_plan(load_experiment(str(path)).experiment, 48_000, gpu=False)
    without_xla = ("small_cnn", "best_dense", "augmented_cnn", "cnn_100k", "cnn_500k")
    assert (plan.engine, plan.jit) == ("chunked", path.stem not in without_xla)
    # One step of these takes as long as a call may take.
    assert (plan.steps > 1) == (path.stem not in ("best_dense", "cnn_100k", "cnn_500k"))


@pytest.mark.parametrize(
    ("overrides", "engine", "jit", "precision", "reason"),
    [
        ([], "chunked", True, "float32", "with XLA: no layer"),
        (["jit=false"], "chunked", False, "float32", "jit: false"),
        (["engine=keras"], "keras", False, "float32", "engine: keras; without XLA"),
        (["engine=keras", "jit=true"], "keras", True, "float32", "engine: keras; jit: true"),
        ([CONVOLUTION], "chunked", False, "float32", "without XLA: XLA is slow for Conv2D on a CPU"),
        ([DROPOUT], "chunked", False, "float32", "without XLA: XLA is slow for Dropout on a CPU"),
        ([DROPOUT, "jit=true"], "chunked", True, "float32", "jit: true"),
        ([POOLING], "chunked", True, "float32", "with XLA: no layer"),
        ([ONE_INPUT], "chunked", False, "float32", "without XLA: XLA sums a Dense layer with one input"),
        ([ROTATION], "chunked", False, "float32", "without XLA: XLA cannot run RandomRotation"),
        ([FLIP], "chunked", False, "float32", "without XLA: XLA is slow for RandomFlip on a CPU"),
        (["mixed_precision=true"], "chunked", True, "mixed_bfloat16", "with XLA: no layer"),
    ],
    ids=["as it is", "jit off", "plain fit", "plain fit with jit", "convolution", "dropout",
         "dropout with jit", "pooling", "one input", "augmentation", "flipping", "16 bits"],
)  # fmt: skip
def test_engine_xla_and_precision_are_chosen_with_a_reason(experiment, overrides, engine, jit, precision, reason):
    plan = choose_plan(experiment(*overrides), 1437, gpu=False)
    assert (plan.engine, plan.jit, plan.precision) == (engine, jit, precision)
    assert plan.why.startswith(reason)
    assert (plan.determinism, plan.loop) == ("cpu", "checked")


@pytest.mark.parametrize(
    ("overrides", "jit", "determinism", "reason"),
    [
        ([], True, "xla", "with XLA: the default on a GPU, deterministic for all layers"),
        (["jit=false"], False, "operations", "jit: false; with deterministic operations"),
        (["engine=keras"], False, "operations", "engine: keras; without XLA: the default of Keras"),
        (["engine=keras", "jit=true"], True, "xla", "engine: keras; jit: true, deterministic for all layers"),
        ([CONVOLUTION], False, "operations", "without XLA: equal results of XLA on a GPU are unverified for Conv2D"),
        ([OVERLAP], False, "operations", "without XLA: on a GPU, XLA adds the gradients of MaxPooling2D in a random"),
        ([POOLING], False, "operations", "without XLA: equal results of XLA on a GPU are unverified for MaxPooling2D"),
        ([ROTATION], False, "operations", "without XLA: XLA cannot run RandomRotation; with deterministic operations"),
        (["mixed_precision=true"], False, "operations", "without XLA: equal results of XLA on a GPU are unverified"),
        ([OVERLAP, "deterministic=false"], True, "none", "with XLA: the default on a GPU; deterministic: false"),
        ([OVERLAP, "jit=true"], True, "none", "jit: true; on a GPU, XLA adds the gradients of MaxPooling2D in a"),
    ],
    ids=["dense", "jit off", "plain fit", "plain fit with jit", "convolution", "overlapping windows", "pooling",
         "augmentation", "16 bits", "not deterministic", "overlapping windows with jit"],
)  # fmt: skip
def test_gpu_gets_xla_only_if_its_programs_are_deterministic(experiment, overrides, jit, determinism, reason):
    plan = choose_plan(experiment(*overrides), 1437, gpu=True)
    assert (plan.jit, plan.determinism) == (jit, determinism)
    assert plan.why.startswith(reason)
    assert plan.loop == ("checked" if plan.engine == "keras" else "counted")
    assert plan.precision == ("mixed_float16" if "mixed_precision=true" in overrides else "float32")


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
