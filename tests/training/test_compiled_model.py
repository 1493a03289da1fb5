"""A compiled model that is reused gives the bits of a new one."""

import numpy as np
import pytest

from dnn_cli.data.examples import split_examples
from dnn_cli.data.pipeline import count_batches
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.training.chunked_engine import build_dataset
from dnn_cli.training.compiled_model import CompiledModelCache
from dnn_cli.training.stop_request import Interrupted
from dnn_cli.training.training_job import prepare_job
from tests.helpers.digits import DIVERGING_OVERRIDES
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resume_cases import CALLBACKS, IMAGE, LAST, OPTIMIZERS, PARTS, SMALL
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import load_cached_examples


def build_job(experiment):
    examples = load_cached_examples(experiment.data)
    return prepare_job(experiment, examples, split_examples(experiment.data, examples))


def fit_cached_model(model_cache, job, epochs=1):
    """Fit a model of the cache on 96 examples, and return all its variables."""
    with model_cache.use_model(job) as compiled_model:
        batch_size, pipeline = job.experiment.batch_size, compiled_model.pipeline
        order = pipeline.build_shuffled_order(job.split.train[:96], job.experiment.seed)
        compiled_model.model.fit(
            build_dataset(pipeline, job.plan, order, range(epochs), weighted=True),
            epochs=epochs, steps_per_epoch=count_batches(96, batch_size), verbose=0, shuffle=False,
        )  # fmt: skip
        return [np.array(v) for v in [*compiled_model.model.variables, *compiled_model.model.optimizer.variables]]


ADAM = (
    "optimizer={type: adam, learning_rate: {type: CosineDecay, initial_learning_rate: 0.01, decay_steps: 9}, "
    "use_ema: true, ema_momentum: 0.9, gradient_accumulation_steps: 2}"
)
STATES = {
    "random and normalised layers, options of adam": [
        f"layers=[{IMAGE}, RandomFlip, {{type: RandomRotation, factor: 0.1}}, {{type: Conv2D, filters: 3, "
        f"kernel_size: 3}}, Flatten, BatchNormalization, {{type: GaussianNoise, stddev: 0.1}}, "
        f"{{type: Dropout, rate: 0.3}}, {LAST}]",
        ADAM,
    ],
    "plain fit, 16 bits, muon": [*PARTS["16 bits"], "engine=keras", "optimizer=muon"],
    **({"options of adam alone": [*SMALL, ADAM]} if RUN_ALL_CASES else {}),
    **({name: [*SMALL, f"optimizer={name}"] for name in OPTIMIZERS} if RUN_ALL_CASES else {}),
    **({f"{name} alone": overrides for name, overrides in PARTS.items()} if RUN_ALL_CASES else {}),
}


@pytest.mark.parametrize("overrides", STATES.values(), ids=STATES)
def test_reused_model_gives_same_bits_after_another_seed(experiment, overrides):
    model_cache = CompiledModelCache()
    job, other_job = (build_job(experiment(*overrides, f"seed={seed}")) for seed in (1, 2))
    first = fit_cached_model(model_cache, job, epochs=2)
    (compiled_model,) = model_cache.models.values()
    other = fit_cached_model(model_cache, other_job)
    again = fit_cached_model(model_cache, job, epochs=2)
    assert list(model_cache.models.values()) == [compiled_model], "nothing was compiled again"
    assert all(np.array_equal(left, right) for left, right in zip(first, again, strict=True))
    assert not all(np.array_equal(left, right) for left, right in zip(first, other, strict=True))


RUNS = {
    "XLA, every callback": [
        SMALL[0],
        "jit=true",
        "batch_size=479",
        "class_weight=balanced",
        "data.standardize=true",
        "diagnostics=false",
        "reduce_lr_on_plateau={monitor: val_loss, patience: 1, min_delta: 0.2, factor: 0.5}",
        "early_stopping={monitor: val_loss, patience: 2, min_delta: 0.2, restore_best_weights: true}",
        "model_checkpoint={monitor: val_loss}",
        "optimizer={type: adam, learning_rate: 0.2}",
        "epochs=9",
    ],
    **({name: [*SMALL, *overrides] for name, overrides in CALLBACKS.items()} if RUN_ALL_CASES else {}),
}


@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS)
def test_reused_model_gives_same_run_after_another_seed_and_rate(experiment, trained, overrides):
    model_cache = CompiledModelCache()
    first, record, _ = trained(experiment(*overrides, "seed=1"), networks=model_cache)
    assert record.status == "completed"
    changes = ["seed=2", "epochs=1", "optimizer.learning_rate=0.0001"]
    other, _, _ = trained(experiment(*overrides, *changes), networks=model_cache)
    again, _, _ = trained(experiment(*overrides, "seed=1"), networks=model_cache)
    assert len(model_cache.models) == 1
    assert_same_run(first, again)
    assert first.read_record().results.weights != other.read_record().results.weights
    assert other.read_metrics()[0]["learning_rate"] == 0.0001


def test_other_compiled_settings_get_their_own_model(experiment):
    model_cache = CompiledModelCache()
    used_models = []
    for overrides in ([], ["optimizer.beta_1=0.8"], ["jit=false"], []):
        with model_cache.use_model(build_job(experiment(SMALL[0], *overrides))) as compiled_model:
            used_models.append(compiled_model)
    first, changed, without_xla, again = used_models
    assert again is first
    assert len(model_cache.models) == 3
    assert (first.model.optimizer.beta_1, changed.model.optimizer.beta_1) == (0.9, 0.8)
    assert (first.plan.jit, without_xla.plan.jit) == (True, False)


def fit_on_shared_examples(model_cache, session, experiment):
    """Fit a model of the cache, with data from the cache of a process."""
    examples, split = session.load_examples(experiment.data)
    return fit_cached_model(model_cache, prepare_job(experiment, examples, split))


def test_reused_model_gives_same_bits_after_another_split(experiment):
    experiments = [experiment("jit=false", "seed=1", f"data.split_seed={seed}") for seed in (1, 2, 1)]
    session, model_cache = ProcessCache(), CompiledModelCache()
    reused = [fit_on_shared_examples(model_cache, session, changed) for changed in experiments]
    assert len(model_cache.models) == 1
    (compiled_model,) = model_cache.models.values()
    assert set(compiled_model.inspector.indices) <= set(session.load_examples(experiments[0].data)[1].train)
    new_model = fit_on_shared_examples(CompiledModelCache(), ProcessCache(), experiments[1])
    for ours, theirs in [(reused[1], new_model), (reused[2], reused[0])]:
        assert all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True))
    assert not all(np.array_equal(*pair) for pair in zip(*reused[:2], strict=True))


@pytest.mark.parametrize("override", ["data.standardize=true", "class_weight=balanced"])
def test_split_with_other_preprocessing_gets_a_new_model(experiment, override):
    session, model_cache, used_models = ProcessCache(), CompiledModelCache(), []
    for seed in (1, 2, 2):
        small = ["data.dataset=iris", "layers=[{type: Dense, units: 3}]"]
        changed = experiment(*small, override, f"data.split_seed={seed}")
        examples, split = session.load_examples(changed.data)
        with model_cache.use_model(prepare_job(changed, examples, split)) as compiled_model:
            used_models.append(compiled_model)
    first, second, again = used_models
    assert first is not second
    assert second is again


def test_model_of_failed_training_is_not_reused(experiment, trained):
    model_cache = CompiledModelCache()
    diverging = experiment(*DIVERGING_OVERRIDES, "engine=keras", "batch_size=479", "diagnostics=false")
    assert trained(diverging, networks=model_cache)[1].status == "diverged"
    with pytest.raises(Interrupted), model_cache.use_model(build_job(experiment())):
        raise Interrupted("enough")
    assert not model_cache.models


def test_cache_is_limited_and_models_share_examples(experiment):
    model_cache = CompiledModelCache(max_models=2)
    used_models = []
    for units in (3, 4, 5):
        with model_cache.use_model(build_job(experiment(f"layers.hidden.units={units}"))) as compiled_model:
            used_models.append(compiled_model)
    assert list(model_cache.models.values()) == used_models[-2:]
    assert used_models[1].pipeline.held_inputs is used_models[2].pipeline.held_inputs
