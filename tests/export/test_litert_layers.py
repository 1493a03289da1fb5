"""Digits of inputs far from 0 in LiteRT."""

import keras
import numpy as np
import pytest

from dnn_cli.export.export_formats import EXPORT_FORMATS


def test_years_keep_their_digits(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="pip install -e '.[litert]'")
    keras.utils.set_random_seed(0)
    mean, deviation = np.array([0.0, 2023.4, 5.0]), np.array([1.0, 0.25, 2.0])
    inputs = (np.random.default_rng(0).normal(size=(200, 3)) * deviation + mean).astype(np.float32)
    layers = [
        keras.layers.Rescaling(1.0, -mean),
        keras.layers.Rescaling(1 / deviation),
        keras.layers.Dense(8, "relu", bias_initializer="normal"),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential([keras.Input((3,), name="inputs"), *layers])
    form, path = EXPORT_FORMATS["litert"], tmp_path / "years.tflite"
    form.write(model, path)
    np.testing.assert_allclose(form.compute(path, inputs), model.predict(inputs, verbose=0), atol=2e-6)
