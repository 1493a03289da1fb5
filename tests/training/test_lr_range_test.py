"""The range test suggests a rate that trains well, the same every time, and knows when to suggest none."""

import numpy as np
import pytest

from dnn_cli.data.examples import split_examples
from dnn_cli.training import lr_range_test
from dnn_cli.training.lr_range_test import build_range_test, run_range_test
from dnn_cli.training.training_job import prepare_job
from tests.helpers.training_runs import load_cached_examples

RATES = [float(rate) for rate in np.logspace(-7, 1, lr_range_test.STEPS)]


def build_loss_curve(falls_at, rises_at, start=2.3, low=0.5):
    """A loss that falls around one rate and rises around another."""
    log = np.log10(RATES)
    fall = 1 / (1 + np.exp(-4 * (log - np.log10(falls_at))))
    rise = 1 / (1 + np.exp(-8 * (log - np.log10(rises_at))))
    return list(start - (start - low) * fall + 5 * start * rise)


CURVES = {
    "far from the cliff": (build_loss_curve(1e-3, 1), 1e-3, 1.3),
    "near the cliff": (build_loss_curve(1e-2, 2e-2), 0.002, 1.3),
    "small rates": (build_loss_curve(1e-5, 1e-3), 1e-5, 1.3),
    "losses below zero": ([loss - 100 for loss in build_loss_curve(1e-3, 1, start=2.3, low=-9)], 1e-3, 1.3),
}


@pytest.mark.parametrize(("losses", "expected", "factor"), CURVES.values(), ids=CURVES.keys())
def test_suggested_rate_is_steepest_below_divergence(losses, expected, factor):
    start = losses[0]
    result = build_range_test(start, RATES, losses, 512, None)
    assert expected / factor < result.suggestion < expected * factor
    assert result.suggestion <= result.lowest / lr_range_test.SAFETY_FACTOR * 1.05
    noisy = [
        loss + 0.02 * chance for loss, chance in zip(losses, np.random.default_rng(1).normal(size=150), strict=True)
    ]
    noisy_result = build_range_test(start, RATES, noisy, 512, None)
    assert result.suggestion / 2.5 < noisy_result.suggestion < result.suggestion * 2.5


UNHELPFUL_CURVES = {
    "a loss that only rises": build_loss_curve(1e9, 1e-3),
    "a loss that stays": [2.3] * lr_range_test.STEPS,
    "a loss that hardly falls": [2.3 - 0.0002 * step for step in range(lr_range_test.STEPS)],
    "too few steps": [2.3, 2.0, 1.0],
    "no step at all": [],
}


@pytest.mark.parametrize("losses", UNHELPFUL_CURVES.values(), ids=UNHELPFUL_CURVES.keys())
def test_no_rate_is_suggested_without_improvement(losses):
    result = build_range_test(2.3, RATES[: len(losses)], losses, 512, None)
    assert result.suggestion is None
    assert result.lowest is None


def build_job(experiment):
    examples = load_cached_examples(experiment.data)
    return prepare_job(experiment, examples, split_examples(experiment.data, examples))


SMALL = [
    "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "jit=false", "data.validation_size=0.2163",
]  # fmt: skip
"""A network of one layer. The 1,408 training examples fill 44 batches, so that a short batch needs no program."""


def test_suggested_rate_trains_well(experiment, trained):
    reports = []
    result = run_range_test(build_job(experiment(*SMALL)), lambda *report: reports.append(report))
    assert 1e-3 < result.suggestion < 5e-2
    assert result.ended or result.rates[-1] == pytest.approx(lr_range_test.MAX_RATE)
    assert reports[0] == ("trying learning rates", 0, lr_range_test.STEPS)
    scores = []
    for rate in (result.suggestion, result.suggestion / 100):
        _, record, _ = trained(experiment(*SMALL, f"optimizer.learning_rate={rate}", "diagnostics=false"))
        scores.append(record.results.last["val_accuracy"] if record.status == "completed" else 0)
    assert scores[0] > 0.85
    assert scores[1] < scores[0] - 0.1


def test_range_test_depends_on_the_seed_alone(experiment, monkeypatch):
    monkeypatch.setattr(lr_range_test, "STEPS", 2)
    changes = ["seed=1"], ["seed=1", "optimizer.learning_rate=0.5", "epochs=9"], ["seed=2"]
    first, again, other = (
        run_range_test(build_job(experiment(*SMALL, *overrides)), lambda *_: None) for overrides in changes
    )
    assert again == first
    assert other.rates == first.rates
    assert other.losses != first.losses


PARTS = {
    "classes, with a schedule, short batches, weights, noise and 16 bits": [
        "optimizer={type: sgd, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}",
        "batch_size=1000",
        "class_weight=balanced",
        "layers=[Flatten, BatchNormalization, {type: Dropout, rate: 0.2}, "
        "{type: Dense, units: 10, activation: softmax}]",
        "mixed_precision=true",
    ],
    "a regression": [
        "data.dataset=diabetes", "metrics=[]", "loss=mean_squared_error", "layers=[{type: Dense, units: 1}]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("overrides", PARTS.values(), ids=PARTS.keys())
def test_every_trainable_config_can_be_range_tested(experiment, overrides, monkeypatch):
    monkeypatch.setattr(lr_range_test, "STEPS", 40)
    result = run_range_test(build_job(experiment(*overrides)), lambda *_: None)
    assert result.suggestion is not None
    assert len(result.rates) == len(result.losses) == len(result.smoothed)
    assert np.isfinite(result.losses).all()
