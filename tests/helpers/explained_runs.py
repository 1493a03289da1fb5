"""Runs with given curves, layer states, predictions and inputs, made without training."""

import math

import numpy as np
import pytest

from dnn_cli.runs.diagnostics_csv import LayerState, format_diagnostics_csv
from dnn_cli.runs.input_profile import InputProfile, write_input_profile
from dnn_cli.runs.run_info import read_run_info


@pytest.fixture
def make_run_info(make_run):
    """Return a function that makes a run with these curves and layer states, and reads it."""

    def make(
        *overrides,
        loss=(),
        val_loss=None,
        accuracy=None,
        rate=0.001,
        states=(),
        labels=None,
        outputs=None,
        inputs=None,
        predicted=True,
        **more,
    ):
        run = make_run(*overrides, curve=(), **{"epochs": len(loss), **more})
        rates = [rate] * len(loss) if isinstance(rate, float) else rate
        rows = [
            {
                "epoch": epoch,
                "loss": loss[epoch - 1],
                "accuracy": accuracy[epoch - 1] if accuracy else 1 - loss[epoch - 1] / 3,
                **({"val_loss": val_loss[epoch - 1]} if val_loss else {}),
                **({"val_accuracy": accuracy[epoch - 1] if accuracy else 0.8} if val_loss else {}),
                "learning_rate": rates[epoch - 1],
                "seconds": 1.0,
            }
            for epoch in range(1, len(loss) + 1)
        ]
        if rows:
            run.write_metrics(rows)
        if states:
            run.diagnostics.write_text(format_diagnostics_csv(states), encoding="utf-8")
        if labels is None and predicted and val_loss and run.read_record().status == "completed":
            labels, outputs = build_predictions(accuracy[-1] if accuracy else 0.8, val_loss[-1])
        if labels is not None:
            np.savez(run.predictions, labels=labels, outputs=labels if outputs is None else outputs)
        if inputs is not None:
            write_input_profile(run, inputs)
        return read_run_info(run)

    return make


def build_predictions(accuracy, loss, examples=400, classes=10):
    """Return targets with equally large classes, and probabilities with this accuracy and about this loss."""
    labels = np.arange(examples) % classes
    right = np.arange(examples) < round(accuracy * examples)
    chosen = np.where(right, labels, (labels + 1 + np.arange(examples) % (classes - 1)) % classes)
    best = min(range(1, 100), key=lambda p: abs(compute_mean_loss(p / 100, accuracy, classes) - loss)) / 100
    outputs = np.full((examples, classes), (1 - best) / (classes - 1))
    outputs[np.arange(examples), chosen] = best
    return labels, outputs.astype(np.float32)


def compute_mean_loss(best, accuracy, classes):
    """Compute the cross-entropy of outputs that give the chosen class the probability `best`."""
    return -accuracy * np.log(best) - (1 - accuracy) * np.log((1 - best) / (classes - 1))


def build_input_profile(dataset_info, labels=None, **arrays):
    """Build the statistics of training data with inputs of size 1, except for the given arrays."""
    size = math.prod(dataset_info.input_shape)
    zeros, ones = np.zeros(size, np.float32), np.ones(size, np.float32)
    usual = {"scale": np.float32(1) * ones, "mean": None, "minimum": -ones, "maximum": ones, "average": zeros,
             "deviation": ones, "looks": None}  # fmt: skip
    given_arrays = {
        name: np.asarray(array, np.uint8 if name == "numbering" else np.float32) for name, array in arrays.items()
    }
    kind = np.int32 if dataset_info.classes else np.float32
    return InputProfile(
        dataset_info, **{**usual, **given_arrays}, labels=None if labels is None else np.asarray(labels, kind)
    )


def build_layer_states(epoch, *gradients, **first_layer_values):
    """Return states of `hidden`, `hidden_2`, … and `output` with these gradients; the other values are of the first."""
    names = ["hidden", *(f"hidden_{number}" for number in range(2, len(gradients))), "output"][: len(gradients)]
    return [
        LayerState(epoch, name, 256, gradient=gradient, weight=0.1, **(first_layer_values if index == 0 else {}))
        for index, (name, gradient) in enumerate(zip(names, gradients, strict=True))
    ]
