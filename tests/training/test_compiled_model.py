"""A compiled model that is reused gives the bits of a new one."""

import pytest

from dnn_cli.training.compiled_model import CompiledModelCache
from dnn_cli.training.stop_request import Interrupted
from tests.helpers.digits import DIVERGING_OVERRIDES
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resume_cases import CALLBACKS, OPTIMIZERS, PARTS, SMALL

CASES = {
    **{name: [*SMALL, "epochs=1", f"optimizer={name}"] for name in OPTIMIZERS},
    **PARTS,
    **{name: [*SMALL, *overrides] for name, overrides in CALLBACKS.items()},
}


@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES.keys())
def test_reused_model_gives_same_bits_after_another_seed(experiment, trained, overrides):
    model_cache = CompiledModelCache()
    first, record, _ = trained(experiment(*overrides, "seed=1"), networks=model_cache)
    assert record.status == "completed"
    (network,) = model_cache.models.values()
    other, _, _ = trained(experiment(*overrides, "seed=2", "epochs=1"), networks=model_cache)
    again, _, _ = trained(experiment(*overrides, "seed=1"), networks=model_cache)
    assert list(model_cache.models.values()) == [network], "nothing was compiled again"
    assert_same_run(first, again)
    assert first.read_record().results.weights != other.read_record().results.weights


def test_reused_model_gives_same_bits_after_another_rate(experiment, trained):
    model_cache = CompiledModelCache()
    slow, _, _ = trained(experiment("optimizer.learning_rate=0.0001"), networks=model_cache)
    fast, _, _ = trained(experiment("optimizer.learning_rate=0.01"), networks=model_cache)
    assert len(model_cache.models) == 1
    assert_same_run(trained(experiment("optimizer.learning_rate=0.01"), networks=CompiledModelCache())[0], fast)
    assert slow.read_metrics()[0]["learning_rate"] == 0.0001
    assert fast.read_metrics()[0]["learning_rate"] == 0.01


def test_other_compiled_settings_get_their_own_model(experiment, trained):
    model_cache = CompiledModelCache()
    trained(experiment(*SMALL, "epochs=1"), networks=model_cache)
    changed, _, _ = trained(experiment(*SMALL, "epochs=1", "optimizer.beta_1=0.8"), networks=model_cache)
    assert len(model_cache.models) == 2
    new, _, _ = trained(experiment(*SMALL, "epochs=1", "optimizer.beta_1=0.8"), networks=CompiledModelCache())
    assert_same_run(new, changed)


def test_model_of_failed_training_is_not_reused(experiment, trained):
    model_cache = CompiledModelCache()
    assert trained(experiment(*DIVERGING_OVERRIDES), networks=model_cache)[1].status == "diverged"
    with pytest.raises(Interrupted):
        trained(experiment(), networks=model_cache, stop=lambda: "enough")
    assert not model_cache.models


def test_cache_is_limited_and_models_share_examples(experiment, trained):
    model_cache = CompiledModelCache(max_models=2)
    for units in (3, 4, 5):
        trained(experiment("jit=false", f"layers.hidden.units={units}", "epochs=1"), networks=model_cache)
    first, second = model_cache.models.values()
    assert first.pipeline.held_inputs is second.pipeline.held_inputs
    trained(experiment("jit=false", "layers.hidden.units=6", "epochs=1"), networks=model_cache)
    assert len(model_cache.models) == 2
