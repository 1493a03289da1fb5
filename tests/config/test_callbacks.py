"""Every callback declares its traits, and configs, digests, messages and suggestions follow the declarations."""

import json
from typing import ClassVar

import pytest

from dnn_cli.config.callbacks import CALLBACK_CLASSES, MonitorCallback
from dnn_cli.config.digests import compute_network_digest, compute_outcome_digest, compute_variant_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.keras_names import KEY_SUGGESTIONS
from dnn_cli.errors import ConfigError

TRAITS = ("key", "is_compiled", "changes_training", "can_end_training", "state_attributes")
KEYS = list(CALLBACK_CLASSES)
AVERAGES = "optimizer.use_ema=true"
"""Override that `swap_ema_weights` needs."""


def test_every_callback_has_a_field_of_its_key():
    assert {key: Experiment.model_fields[key].annotation for key in KEYS} == {
        key: cls | None for key, cls in CALLBACK_CLASSES.items()
    }


@pytest.mark.parametrize("forgotten", TRAITS)
def test_callback_without_a_declaration_fails_at_import(forgotten):
    declared = {"key": "x", "is_compiled": False, "changes_training": True, "can_end_training": False,
                "state_attributes": ()}  # fmt: skip
    assert set(declared) == set(TRAITS)
    del declared[forgotten]
    namespace = {"__module__": __name__, "keras_name": "callbacks.TerminateOnNaN", **declared}
    namespace["__annotations__"] = dict.fromkeys([*declared, "keras_name"], ClassVar[object])
    with pytest.raises(TypeError, match=rf"the callback Forgetful must declare {forgotten}$"):
        type(MonitorCallback)("Forgetful", (MonitorCallback,), namespace)
    assert list(CALLBACK_CLASSES) == KEYS


def test_stored_checkpoints_keep_their_keys_and_attributes():
    assert {cls.checkpoint_key: cls.state_attributes for cls in CALLBACK_CLASSES.values()} == {
        "SwapEMAWeights": ("swapped_epoch",),
        "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
        "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch"),
        "KeepBest": ("best", "best_epoch"),
    }


@pytest.mark.parametrize("key", KEYS)
def test_digests_follow_the_declarations(experiment, key):
    cls, (without, with_callback) = CALLBACK_CLASSES[key], (experiment(AVERAGES), experiment(AVERAGES, f"{key}={{}}"))
    assert [type(callback) for callback in with_callback.callbacks] == [cls]
    networks, variants, outcomes = (
        {digest(each) for each in (without, with_callback)}
        for digest in (
            compute_network_digest,
            lambda each: compute_variant_digest(each.model_dump(mode="json")),
            compute_outcome_digest,
        )
    )
    assert len(networks) == 1 + cls.is_compiled
    assert len(variants) == 1 + cls.changes_training
    assert len(outcomes) == 2


@pytest.mark.parametrize("key", KEYS)
def test_messages_know_the_callback(experiment, key):
    cls = CALLBACK_CLASSES[key]
    assert KEY_SUGGESTIONS[key] == cls.key_suggestions
    assert key in KEY_SUGGESTIONS[""]["callbacks"]
    with pytest.raises(ConfigError, match=f"{key}.patiense  is not a key of {key}"):
        experiment(f"{key}={json.dumps({'patiense': 1})}")
    if issubclass(cls, MonitorCallback):
        with pytest.raises(ConfigError, match=f"{key}.monitor  val_los is not a score .*did you mean val_loss"):
            experiment(f"{key}.monitor=val_los")
