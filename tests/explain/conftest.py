"""Runs whose curves and layers are made up."""

import numpy as np
import pytest

from dnn_cli.runs.diagnostics import LayerState, csv_text
from dnn_cli.runs.entry import read_entry


@pytest.fixture
def made(make_run):
    """Makes a run with given curves and looks into its layers; as an entry."""

    def make(
        *overrides, loss=(), val_loss=None, accuracy=None, rate=0.001, states=(), labels=None, outputs=None, **more
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
            run.diagnostics.write_text(csv_text(states), encoding="utf-8")
        if labels is not None:
            np.savez(run.predictions, labels=labels, outputs=labels if outputs is None else outputs)
        return read_entry(run)

    return make


def look(epoch, *gradients, **facts):
    """A look at layers `hidden`, `hidden_2`, … and `output` with these gradients; facts are those of the first."""
    names = ["hidden", *(f"hidden_{number}" for number in range(2, len(gradients))), "output"][: len(gradients)]
    return [
        LayerState(epoch, name, 256, gradient=gradient, weight=0.1, **(facts if index == 0 else {}))
        for index, (name, gradient) in enumerate(zip(names, gradients, strict=True))
    ]
