"""Warm-up of the learning rate: the rates of its formula, also compiled and vectorised, and models of Keras alone."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras.optimizers import schedules

from dnn_cli.training.model_builder import build_model
from dnn_cli.training.warmup_schedule import Warmup

RATES = {
    "constant": 0.1,
    "cosine": schedules.CosineDecay(0.1, 20),
    "restarts": schedules.CosineDecayRestarts(0.1, 7),
    "exponential": schedules.ExponentialDecay(0.1, 7, 0.5, staircase=True),
    "inverse time": schedules.InverseTimeDecay(0.1, 7, 0.5),
    "polynomial": schedules.PolynomialDecay(0.1, 13, cycle=True),
    "piecewise": schedules.PiecewiseConstantDecay([3, 9], [0.1, 0.03, 0.01]),
}
STEPS = np.arange(40)


def compute_rates(schedule, steps=STEPS):
    """Return the rates of steps, float32 of shape (steps,). Each is computed alone, as in a training."""
    return np.array([keras.ops.convert_to_numpy(schedule(keras.ops.array(step, "int64"))) for step in steps])


@given(
    st.floats(1e-6, 1000),
    st.integers(0, 2**30),
    st.floats(0, 1, exclude_max=True, allow_subnormal=False),
    st.integers(0, 2**31 - 1),
)
def test_rates_are_those_of_the_formula(rate, warmup_steps, start_factor, step):
    share = np.float32(step) / np.float32(max(warmup_steps, 1))
    factor = np.float32(start_factor) + np.float32(1 - start_factor) * share
    expected = np.float32(rate) * (factor if step < warmup_steps else np.float32(1))
    (ours,) = compute_rates(Warmup(warmup_steps, rate, start_factor), [step])
    assert ours.dtype == np.float32
    np.testing.assert_array_max_ulp(ours, expected, 1)


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_schedule_begins_after_the_warm_up(rate):
    before, after = np.split(compute_rates(Warmup(8, rate, 0.25)), [8])
    expected = np.full(40, 0.1, np.float32) if rate == 0.1 else compute_rates(rate)
    assert np.array_equal(after, expected[:32])
    assert before == pytest.approx(0.1 * np.linspace(0.25, 1, 8, endpoint=False))
    assert np.array_equal(compute_rates(Warmup(0, rate, 0.25)), expected)


def test_warm_up_before_a_cosine_equals_that_of_keras():
    theirs = schedules.CosineDecay(0.0, 20, alpha=0.1, warmup_target=0.2, warmup_steps=9)
    ours = Warmup(9, schedules.CosineDecay(0.2, 20, alpha=0.1))
    assert np.array_equal(compute_rates(ours), compute_rates(theirs))


@pytest.mark.parametrize("rate", [RATES["constant"], RATES["cosine"]], ids=["constant", "cosine"])
def test_compiled_and_vectorised_rates_are_equal(rate):
    schedule = Warmup(8, rate, 0.25)
    compiled = tf.function(schedule, jit_compile=True, autograph=False)
    vectorised = tf.vectorized_map(schedule, tf.constant(STEPS), fallback_to_while_loop=False)
    expected = compute_rates(schedule)
    np.testing.assert_allclose(vectorised, expected, rtol=2e-7, atol=2e-8)
    np.testing.assert_allclose(compute_rates(compiled), expected, rtol=2e-7, atol=2e-8)


def test_optimizer_is_built_again_from_its_config():
    optimizer = keras.optimizers.SGD(Warmup(8, RATES["cosine"], 0.25))
    rebuilt = keras.optimizers.SGD.from_config(optimizer.get_config())
    assert np.array_equal(compute_rates(rebuilt._learning_rate), compute_rates(optimizer._learning_rate))


COSINE = "{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 20}"


@pytest.mark.parametrize(
    ("rate", "warmup_steps", "expected"),
    [("0.1", 8, Warmup(8, 0.1, 0.25)), ("0.1", 0, Warmup(0, 0.1)), (COSINE, 8, RATES["cosine"])],
)
def test_saved_model_is_loaded_by_keras_alone(experiment, tmp_path, rate, warmup_steps, expected):
    warm_up = f"{{type: Warmup, learning_rate: {rate}, warmup_steps: {warmup_steps}, start_factor: 0.25}}"
    model = build_model(experiment(f"optimizer={{type: adam, learning_rate: {warm_up}}}"))
    model.save(tmp_path / "model.keras")
    assert "dnn>" not in zipfile.ZipFile(tmp_path / "model.keras").read("config.json").decode()
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    assert compute_rates(loaded.optimizer._learning_rate) == pytest.approx(compute_rates(expected), rel=1e-6)
