"""Every finding is made where it is true, and nowhere else; what it proposes is a valid experiment."""

import numpy as np
import pytest

from dnn_cli.errors import ConfigError, RunError
from dnn_cli.explain.explanation import explain
from dnn_cli.runs.diagnostics import LayerState
from dnn_cli.runs.entry import read_entry
from dnn_cli.spec.load import load
from tests.explain.conftest import look

SIGMOIDS = (
    "layers=[Flatten, {repeat: 6, name: body, layers: [{type: Dense, units: 20, activation: sigmoid, name: hidden}]}, "
    "{type: Dense, units: 10, activation: softmax}]"
)
FELL = {"loss": (1.0, 0.5, 0.4, 0.35, 0.34, 0.339), "val_loss": (0.9, 0.5, 0.42, 0.39, 0.39, 0.389)}
"""Curves of a training that has settled, on what it was shown a little better than on what it was not."""

COMMON = np.repeat([0, 1, 2], [800, 100, 100])


def uncertain(accuracy):
    """Outputs for `COMMON` with an accuracy, and right ones that are no more certain than wrong ones."""
    right = np.arange(1000) < 1000 * accuracy
    return np.eye(10, dtype=np.float32)[np.where(right, COMMON, (COMMON + 1) % 3)] * 0.7 + 0.03


HEALTHY = [*look(0, 0.01, 0.02), *look(6, 0.002, 0.006, update=0.1, since=0, dead=0.05)]

CASES = {
    "all is well": ({**FELL, "states": HEALTHY}, set()),
    "nobody looked inside": (FELL, set()),
    "a gradient that vanishes": ({**FELL, "states": look(6, 1e-6, 0.01)}, {"vanishing_gradient"}),
    "no gradient at all": ({**FELL, "states": look(6, 0.0, 0.01)}, {"vanishing_gradient"}),
    "a gradient that is smaller": ({**FELL, "states": look(6, 0.0011, 0.01)}, set()),
    "one look of three that was small": (
        {**FELL, "states": [*look(0, 0.01, 0.01), *look(3, 1e-6, 0.01), *look(6, 0.01, 0.01)]}, set(),
    ),
    "a gradient that explodes": ({**FELL, "states": look(6, 5.0, 0.01)}, {"exploding_gradient"}),
    "a network of one layer": ({**FELL, "states": look(6, 0.01)[:1]}, set()),
    "dead units": ({**FELL, "states": look(6, 0.01, 0.01, dead=0.9)}, {"dead_relu"}),
    "dead units that came back": (
        {**FELL, "states": [*look(0, 0.01, 0.01, dead=0.9), *look(6, 0.01, 0.01, dead=0.1)]}, set(),
    ),
    "saturated outputs": ({**FELL, "states": look(6, 0.01, 0.01, saturated=0.9)}, {"saturation"}),
    "outputs half of which are saturated": ({**FELL, "states": look(6, 0.01, 0.01, saturated=0.5)}, set()),
    "weights that barely move": ({**FELL, "states": look(6, 0.01, 0.01, update=0.006, since=0)}, {"barely_moving"}),
    "weights that have arrived": (
        {**FELL, "rate": [1.0, 1.0, 1.0, 0.5, 0.1, 0.01], "states": look(6, 0.01, 0.01, update=1e-4, since=5)}, set(),
    ),
    "weights that are thrown about": ({**FELL, "states": look(6, 0.01, 0.01, update=2.0, since=5)}, {"thrown_about"}),
    "weights that went far at first": ({**FELL, "states": look(1, 0.01, 0.01, update=2.0, since=0)}, set()),
    "over-fitting": (
        {"loss": (1.0, 0.5, 0.3, 0.2, 0.1, 0.05), "val_loss": (0.9, 0.5, 0.4, 0.5, 0.55, 0.6)}, {"over_fitting"},
    ),
    "a validation loss that went up once": (
        {"loss": (1.0, 0.5, 0.4, 0.36, 0.35, 0.348), "val_loss": (0.9, 0.5, 0.42, 0.40, 0.46, 0.401)}, set(),
    ),
    "still getting better": (
        {"loss": (1.0, 0.8, 0.7, 0.6, 0.5), "val_loss": (1.0, 0.8, 0.7, 0.6, 0.5)}, {"under_training"},
    ),
    "still getting better, but its rate is down": (
        {"loss": (1.0, 0.8, 0.7, 0.6, 0.5), "val_loss": (1.0, 0.8, 0.7, 0.6, 0.5), "rate": [1.0, 1.0, 0.5, 0.1, 0.01]},
        set(),
    ),
    "one epoch": ({"loss": (1.0,), "val_loss": (0.9,)}, {"under_training"}),
    "flat, and as good on what it was not shown": (
        {"loss": (1.0, 0.6, 0.5, 0.499, 0.499, 0.498, 0.498), "val_loss": (1.0, 0.6, 0.51, 0.51, 0.51, 0.51, 0.51)},
        {"healthy", "under_fitting"},
    ),
    "a training loss that rises": (
        {"loss": (1.0, 0.5, 0.7, 0.48, 0.479, 0.478), "val_loss": (1.0, 0.6, 0.6, 0.6, 0.6, 0.6)}, {"unstable"},
    ),
    "a training loss that rises a little, late": (
        {"loss": (1.2, 0.5, 0.2, 0.23, 0.19, 0.188), "val_loss": (1.0, 0.6, 0.55, 0.55, 0.55, 0.55)}, set(),
    ),
    "guessing, surer and surer": (
        {"loss": (500.0, 450.0, 440.0, 430.0), "val_loss": (400.0, 300.0, 500.0, 510.0),
         "accuracy": (0.1, 0.1, 0.1, 0.1)},
        {"no_better_than_guessing"},
    ),
    "guessing": (
        {"loss": (2.31, 2.305, 2.304), "val_loss": (2.31, 2.31, 2.305), "accuracy": (0.1, 0.09, 0.11)},
        {"no_better_than_guessing"},
    ),
    "guessing among classes of which one is common": (
        {"loss": (0.5, 0.5, 0.5), "val_loss": (0.5, 0.5, 0.5), "accuracy": (0.8, 0.8, 0.8),
         "labels": COMMON, "outputs": uncertain(0.8)},
        {"no_better_than_guessing"},
    ),
    "better than guessing among such": (
        {"loss": (0.5, 0.5, 0.5), "val_loss": (0.6, 0.6, 0.6), "accuracy": (0.9, 0.93, 0.95),
         "labels": COMMON, "outputs": uncertain(0.95)},
        set(),
    ),
    "diverged": (
        {"loss": (1.0,), "val_loss": (0.9,), "status": "diverged", "reason": "the loss was no longer a number"},
        {"divergence"},
    ),
    "interrupted": ({**FELL, "status": "interrupted", "reason": "stopped by a signal"}, {"interrupted"}),
    "failed": ({**FELL, "status": "failed", "reason": "out of memory"}, {"failed"}),
    "no epoch": ({"status": "failed", "reason": "out of memory"}, {"failed"}),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "expected"), CASES.values(), ids=CASES.keys())
def test_findings_are_made_where_they_are_true(made, facts, expected):
    explained = explain(made(f"epochs={max(1, len(facts.get('loss', ())))}", **facts))
    assert {finding.kind for finding in explained.findings} == (expected or {"healthy"})
    for finding in explained.findings:
        assert finding.seen
        assert finding.meaning.endswith(".")
        for remedy in finding.remedies:
            assert load(str(explained.run.config), remedy.overrides).experiment is not None


def remedies(explained, kind):
    (finding,) = [one for one in explained.findings if one.kind == kind]
    return [(remedy.verb, *remedy.overrides) for remedy in finding.remedies]


def test_the_vanishing_gradient_of_sigmoids_is_told_with_its_figures_and_relu(made):
    gradients = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-2, 1e-2)
    explained = explain(made(SIGMOIDS, **FELL, states=[*look(0, *gradients), *look(6, *gradients)]))
    finding = explained.findings[0]
    assert (finding.kind, finding.since, finding.weight) == ("vanishing_gradient", 0, "trouble")
    assert finding.seen == "the gradient in hidden is 1/10,000 of that in output: 1e-06 against 0.01 after epoch 6"
    assert finding.figures == {"ratio": pytest.approx(1e-4), "first": 1e-6, "last": 1e-2}
    assert remedies(explained, "vanishing_gradient") == [
        ("train", "layers.hidden.activation=relu"),
        ("train", "layers.hidden.activation=relu", "layers.hidden.kernel_initializer=he_normal"),
    ]


def test_what_is_common_to_a_name_and_a_place_is_told_by_the_place(made):
    same = "layers=[Flatten, {type: Dense, units: 16, activation: tanh}, {type: Dense, units: 10, activation: softmax}]"
    explained = explain(made(same, **FELL, states=look(6, 1e-6, 0.01)))
    assert remedies(explained, "vanishing_gradient")[0] == ("train", "layers.1.activation=relu")


RATES = {
    "a usual rate": (["optimizer={type: sgd, learning_rate: 0.1}"], "optimizer.learning_rate=0.01"),
    "a rate far from usual": (["optimizer={type: sgd, learning_rate: 1000}"], "optimizer.learning_rate=0.01"),
    "Keras's own": (["optimizer=adam"], "optimizer.learning_rate=0.0001"),
    "a schedule": (
        ["optimizer={type: adam, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}"],
        "optimizer.clipnorm=1",
    ),
    "adafactor": (["optimizer=adafactor"], "optimizer.epsilon_1=1e-7"),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "expected"), RATES.values(), ids=RATES.keys())
def test_what_diverged_is_tried_more_gently(made, overrides, expected):
    explained = explain(made(*overrides, loss=(1.0,), status="diverged", reason="the loss was no longer a number"))
    assert remedies(explained, "divergence") == [("train", expected), ("lr-find",)]
    assert explained.findings[0].since == 2


def test_over_fitting_is_told_from_the_epoch_after_the_lowest_loss(made):
    curves = {"loss": (1.0, 0.5, 0.3, 0.2, 0.1, 0.05), "val_loss": (0.9, 0.5, 0.4, 0.5, 0.55, 0.6)}
    explained = explain(made("epochs=6", **curves))
    (finding,) = [finding for finding in explained.findings if finding.kind == "over_fitting"]
    assert finding.since == 4
    assert finding.seen.startswith("val_loss was lowest in epoch 3 (0.4) and is 38% higher at the end")
    stopping = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
    assert remedies(explained, "over_fitting")[0] == ("train", stopping)
    handled = explain(made("epochs=20", stopping, **curves, digits="00000002"))
    assert [(one.kind, one.weight) for one in handled.findings] == [("healthy", "good"), ("over_fitting", "good")]


def test_more_epochs_go_on_with_the_run_but_a_schedule_begins_anew(made):
    curves = {"loss": (1.0, 0.8, 0.7), "val_loss": (1.0, 0.8, 0.7)}
    assert remedies(explain(made("epochs=3", **curves)), "under_training")[0] == ("resume", "epochs=6")
    cosine = "optimizer={type: adam, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 90}}"
    explained = explain(made("epochs=3", cosine, **curves, digits="00000002"))
    anew = ("train", "epochs=6", "optimizer.learning_rate.decay_steps=180")
    assert remedies(explained, "under_training")[0] == anew


def test_a_regression_is_held_against_the_mean(made):
    text = "data: {dataset: diabetes}\nloss: mse\nmetrics: []\nmodel: {layers: [{type: Dense, units: 1}]}\nepochs: 3\n"
    labels = np.linspace(0, 100, 50)[:, None]
    curves = {"loss": (900.0, 899.0, 898.0), "val_loss": (900.0, 899.0, 899.0), "labels": labels, "text": text}
    nothing = explain(made(**curves, outputs=np.full_like(labels, 50)))
    assert nothing.findings[0].kind == "no_better_than_guessing"
    assert nothing.findings[0].seen.endswith("R² is 0.00, and 0 is predicting the mean")
    assert "the same for every input" in nothing.findings[0].meaning
    something = explain(made(**curves, outputs=0.7 * labels + 15, digits="00000002"))
    assert "no_better_than_guessing" not in {finding.kind for finding in something.findings}


def test_a_cause_has_the_remedies_and_what_follows_from_it_has_none(made):
    guessing = {"loss": (2.31, 2.305, 2.304), "val_loss": (2.31, 2.31, 2.305), "accuracy": (0.1, 0.09, 0.11)}
    alone = explain(made("epochs=3", **guessing))
    assert remedies(alone, "no_better_than_guessing") == [("lr-find",)]
    explained = explain(made("epochs=3", **guessing, states=look(3, 1e-6, 0.01), digits="00000002"))
    assert [finding.kind for finding in explained.findings] == ["vanishing_gradient", "no_better_than_guessing"]
    assert remedies(explained, "no_better_than_guessing") == []


UNSEEN = {
    "switched off": (["diagnostics=false"], {}, "diagnostics: false"),
    "an older run": ([], {}, "trained by an older dnn"),
    "still running": ([], {"status": "running"}, "no epoch has been measured yet"),
}


@pytest.mark.parametrize(("overrides", "more", "expected"), UNSEEN.values(), ids=UNSEEN.keys())
def test_why_nothing_was_seen_inside_and_how_to_see_it(made, overrides, more, expected):
    entry = made("epochs=6", *overrides, **FELL)
    if more:
        entry = type(entry)(entry.run, entry.record.model_copy(update=more))
    explained = explain(entry)
    assert expected in explained.unseen
    assert (explained.measure.verb, explained.measure.overrides) == ("train", ("diagnostics=true",))
    assert not explained.layers


def test_a_damaged_file_of_layers_hides_no_curve(made):
    entry = made("epochs=6", **FELL)
    entry.run.diagnostics.write_text("nonsense")
    explained = explain(entry)
    assert "damaged" in explained.unseen
    assert explained.findings[0].kind == "healthy"


def test_a_run_whose_predictions_are_damaged_is_explained(made):
    entry = made("epochs=3", loss=(2.3, 2.3, 2.3), val_loss=(2.3, 2.3, 2.3), accuracy=(0.1, 0.1, 0.1))
    entry.run.predictions.write_bytes(b"PK nonsense")
    assert explain(entry).findings[0].kind == "cannot_judge"
    assert "inputs.npz has no labels" in explain(entry).findings[0].seen


def test_a_broken_run_is_an_error(made):
    entry = made("epochs=6", **FELL)
    entry.run.config.write_text("model: {layers: [Flat]}")
    with pytest.raises(ConfigError):
        explain(entry)
    entry.run.record.write_text("nonsense")
    with pytest.raises(RunError, match="cannot be explained"):
        explain(read_entry(entry.run))


def test_layers_that_are_not_of_the_config_hurt_nothing(made):
    strange = [LayerState(3, "\x1b[31mother", 256, gradient=1e-9), LayerState(3, "another", 256, gradient=1.0)]
    assert explain(made("epochs=6", **FELL, states=strange)).findings[0].kind == "vanishing_gradient"


def test_a_run_whose_own_data_is_gone_is_explained(made, tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 20)
    text = "data: {dataset: csv, path: own.csv}\nmodel: {layers: [{type: Dense, units: 2, activation: softmax}]}\n"
    entry = made("epochs=3", loss=(0.7, 0.7, 0.7), val_loss=(0.7, 0.7, 0.7), accuracy=(0.5, 0.5, 0.5), text=text)
    assert {finding.kind for finding in explain(entry).findings} == {"cannot_judge", "large_batch"}
    file.unlink()
    assert explain(entry).findings
