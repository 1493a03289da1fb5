"""The range test suggests a rate that trains well, the same every time, and knows when to suggest none."""

import numpy as np
import pytest

from dnn_cli.data.examples import split_examples
from dnn_cli.training import lr_find
from dnn_cli.training.job import prepare
from dnn_cli.training.lr_find import judged, range_test
from tests.training.conftest import examples_of

RATES = [float(rate) for rate in np.logspace(-7, 1, lr_find.STEPS)]


def curve(falls_at, rises_at, start=2.3, low=0.5):
    """A loss that falls around one rate and rises around another."""
    log = np.log10(RATES)
    fall = 1 / (1 + np.exp(-4 * (log - np.log10(falls_at))))
    rise = 1 / (1 + np.exp(-8 * (log - np.log10(rises_at))))
    return list(start - (start - low) * fall + 5 * start * rise)


CURVES = {
    "far from the cliff": (curve(1e-3, 1), 1e-3, 1.3),
    "near the cliff": (curve(1e-2, 2e-2), 0.002, 1.3),
    "small rates": (curve(1e-5, 1e-3), 1e-5, 1.3),
    "losses below zero": ([loss - 100 for loss in curve(1e-3, 1, start=2.3, low=-9)], 1e-3, 1.3),
}


@pytest.mark.parametrize(("losses", "expected", "factor"), CURVES.values(), ids=CURVES.keys())
def test_suggested_is_where_the_loss_falls_fastest_away_from_the_cliff(losses, expected, factor):
    start = losses[0]
    found = judged(start, RATES, losses, 512, None)
    assert expected / factor < found.suggestion < expected * factor
    assert found.suggestion <= found.lowest / lr_find.SAFE * 1.05
    noisy = [
        loss + 0.02 * chance for loss, chance in zip(losses, np.random.default_rng(1).normal(size=150), strict=True)
    ]
    again = judged(start, RATES, noisy, 512, None)
    assert found.suggestion / 2.5 < again.suggestion < found.suggestion * 2.5


NONE = {
    "a loss that only rises": curve(1e9, 1e-3),
    "a loss that stays": [2.3] * lr_find.STEPS,
    "a loss that hardly falls": [2.3 - 0.0002 * step for step in range(lr_find.STEPS)],
    "too few steps": [2.3, 2.0, 1.0],
    "no step at all": [],
}


@pytest.mark.parametrize("losses", NONE.values(), ids=NONE.keys())
def test_nothing_is_suggested_where_no_rate_helps(losses):
    found = judged(2.3, RATES[: len(losses)], losses, 512, None)
    assert found.suggestion is None
    assert found.lowest is None


def job_of(wanted):
    examples = examples_of(wanted.data)
    return prepare(wanted, examples, split_examples(wanted.data, examples))


def test_the_suggestion_trains_and_is_the_same_every_time(experiment, trained):
    told = []
    found = range_test(job_of(experiment()), lambda *said: told.append(said))
    assert found == range_test(job_of(experiment("optimizer.learning_rate=0.5", "epochs=9")), lambda *_: None)
    assert found != range_test(job_of(experiment("seed=7")), lambda *_: None)
    assert 1e-3 < found.suggestion < 5e-2
    assert found.ended or found.rates[-1] == pytest.approx(lr_find.HIGHEST)
    assert told[0] == ("trying learning rates", 0, lr_find.STEPS)
    scores = []
    for rate in (found.suggestion, found.suggestion / 100):
        _, record, _ = trained(experiment("jit=false", f"optimizer.learning_rate={rate}"))
        scores.append(record.results.last["val_accuracy"] if record.status == "completed" else 0)
    assert scores[0] > 0.85
    assert scores[1] < scores[0] - 0.1


PARTS = {
    "a schedule": [
        "optimizer={type: sgd, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}",
    ],
    "fewer batches than steps, and a short one": ["batch_size=1000"],
    "classes that do not count alike, and noise": [
        "class_weight=balanced",
        "layers=[Flatten, BatchNormalization, {type: Dropout, rate: 0.2}, "
        "{type: Dense, units: 10, activation: softmax}]",
    ],
    "16 bits": ["mixed_precision=true"],
    "a regression": [
        "data.dataset=diabetes", "metrics=[]", "loss=mean_squared_error", "layers=[{type: Dense, units: 1}]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("overrides", PARTS.values(), ids=PARTS.keys())
def test_whatever_can_be_trained_can_be_tested(experiment, overrides):
    found = range_test(job_of(experiment(*overrides)), lambda *_: None)
    assert found.suggestion is not None
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    assert np.isfinite(found.losses).all()
