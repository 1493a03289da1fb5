"""Every finding is made where it is true, and nowhere else; what it proposes is a valid experiment."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import ConfigError, RunError
from dnn_cli.explain.explanation import explain_run
from dnn_cli.runs.diagnostics_csv import LayerState
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.explained_runs import build_layer_states

SIGMOIDS = (
    "layers=[Flatten, {repeat: 6, name: body, layers: [{type: Dense, units: 20, activation: sigmoid, name: hidden}]}, "
    "{type: Dense, units: 10, activation: softmax}]"
)
FELL = {"loss": (1.0, 0.5, 0.4, 0.35, 0.34, 0.339), "val_loss": (0.9, 0.5, 0.42, 0.39, 0.39, 0.389)}
"""Curves of a training that has settled, on what it was shown a little better than on what it was not."""

COMMON = np.repeat([0, 1, 2], [800, 100, 100])


def build_uncertain_outputs(accuracy):
    """Outputs for `COMMON` with an accuracy, and right ones that are no more certain than wrong ones."""
    right = np.arange(1000) < 1000 * accuracy
    return np.eye(10, dtype=np.float32)[np.where(right, COMMON, (COMMON + 1) % 3)] * 0.7 + 0.03


HEALTHY = [*build_layer_states(0, 0.01, 0.02), *build_layer_states(6, 0.002, 0.006, update=0.1, since=0, dead=0.05)]

CASES = {
    "all is well": ({**FELL, "states": HEALTHY}, set()),
    "no layer was measured": (FELL, set()),
    "a gradient that vanishes": ({**FELL, "states": build_layer_states(6, 1e-6, 0.01)}, {"vanishing_gradient"}),
    "no gradient at all": ({**FELL, "states": build_layer_states(6, 0.0, 0.01)}, {"vanishing_gradient"}),
    "a gradient that is smaller": ({**FELL, "states": build_layer_states(6, 0.0011, 0.01)}, set()),
    "one look of three that was small": (
        {
            **FELL,
            "states": [
                *build_layer_states(0, 0.01, 0.01),
                *build_layer_states(3, 1e-6, 0.01),
                *build_layer_states(6, 0.01, 0.01),
            ],
        },
        set(),
    ),
    "a gradient that explodes": ({**FELL, "states": build_layer_states(6, 5.0, 0.01)}, {"exploding_gradient"}),
    "a network of one layer": ({**FELL, "states": build_layer_states(6, 0.01)[:1]}, set()),
    "dead units": ({**FELL, "states": build_layer_states(6, 0.01, 0.01, dead=0.9)}, {"dead_relu"}),
    "dead units that came back": (
        {
            **FELL,
            "states": [*build_layer_states(0, 0.01, 0.01, dead=0.9), *build_layer_states(6, 0.01, 0.01, dead=0.1)],
        },
        set(),
    ),
    "saturated outputs": ({**FELL, "states": build_layer_states(6, 0.01, 0.01, saturated=0.9)}, {"saturation"}),
    "outputs half of which are saturated": (
        {**FELL, "states": build_layer_states(6, 0.01, 0.01, saturated=0.5)},
        set(),
    ),
    "weights that barely move": (
        {**FELL, "states": build_layer_states(6, 0.01, 0.01, update=0.006, since=0)},
        {"barely_moving"},
    ),
    "weights that have arrived": (
        {
            **FELL,
            "rate": [1.0, 1.0, 1.0, 0.5, 0.1, 0.01],
            "states": build_layer_states(6, 0.01, 0.01, update=1e-4, since=5),
        },
        set(),
    ),
    "weights that are thrown about": (
        {**FELL, "states": build_layer_states(6, 0.01, 0.01, update=2.0, since=5)},
        {"thrown_about"},
    ),
    "weights that went far at first": (
        {**FELL, "states": build_layer_states(1, 0.01, 0.01, update=2.0, since=0)},
        set(),
    ),
    "over-fitting": (
        {"loss": (1.0, 0.5, 0.3, 0.2, 0.1, 0.05), "val_loss": (0.9, 0.5, 0.4, 0.5, 0.55, 0.6)},
        {"over_fitting"},
    ),
    "a validation loss that went up once": (
        {"loss": (1.0, 0.5, 0.4, 0.36, 0.35, 0.348), "val_loss": (0.9, 0.5, 0.42, 0.40, 0.46, 0.401)},
        set(),
    ),
    "still getting better": (
        {"loss": (1.0, 0.8, 0.7, 0.6, 0.5), "val_loss": (1.0, 0.8, 0.7, 0.6, 0.5)},
        {"under_training"},
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
        {"loss": (1.0, 0.5, 0.7, 0.48, 0.479, 0.478), "val_loss": (1.0, 0.6, 0.6, 0.6, 0.6, 0.6)},
        {"unstable"},
    ),
    "a training loss that rises a little, late": (
        {"loss": (1.2, 0.5, 0.2, 0.23, 0.19, 0.188), "val_loss": (1.0, 0.6, 0.55, 0.55, 0.55, 0.55)},
        set(),
    ),
    "guessing, surer and surer": (
        {
            "loss": (500.0, 450.0, 440.0, 430.0),
            "val_loss": (400.0, 300.0, 500.0, 510.0),
            "accuracy": (0.1, 0.1, 0.1, 0.1),
        },
        {"no_better_than_guessing"},
    ),
    "guessing": (
        {"loss": (2.31, 2.305, 2.304), "val_loss": (2.31, 2.31, 2.305), "accuracy": (0.1, 0.09, 0.11)},
        {"no_better_than_guessing"},
    ),
    "guessing among classes of which one is common": (
        {
            "loss": (0.5, 0.5, 0.5),
            "val_loss": (0.5, 0.5, 0.5),
            "accuracy": (0.8, 0.8, 0.8),
            "labels": COMMON,
            "outputs": build_uncertain_outputs(0.8),
        },
        {"no_better_than_guessing"},
    ),
    "better than guessing among such": (
        {
            "loss": (0.5, 0.5, 0.5),
            "val_loss": (0.6, 0.6, 0.6),
            "accuracy": (0.9, 0.93, 0.95),
            "labels": COMMON,
            "outputs": build_uncertain_outputs(0.95),
        },
        set(),
    ),
    "diverged": (
        {"loss": (1.0,), "val_loss": (0.9,), "status": "diverged", "reason": "the loss was no longer a number"},
        {"divergence"},
    ),
    "interrupted": ({**FELL, "status": "interrupted", "reason": "stopped by a signal"}, {"interrupted"}),
    "failed": ({**FELL, "status": "failed", "reason": "out of memory"}, {"failed"}),
    "no epoch": ({"status": "failed", "reason": "out of memory"}, {"failed"}),
}


@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES.keys())
def test_findings_of_known_cases(make_run_info, options, expected):
    explained = explain_run(make_run_info(f"epochs={max(1, len(options.get('loss', ())))}", **options))
    assert {finding.kind for finding in explained.findings} == (expected or {"healthy"})
    for finding in explained.findings:
        assert finding.observation
        assert finding.meaning.endswith(".")
        for remedy in finding.suggestions:
            assert load_experiment(str(explained.run.config), remedy.overrides).experiment is not None


def list_suggestions(explained, kind):
    (finding,) = [finding for finding in explained.findings if finding.kind == kind]
    return [(remedy.verb, *remedy.overrides) for remedy in finding.suggestions]


def test_vanishing_gradient_has_figures_and_suggestions(make_run_info):
    gradients = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-2, 1e-2)
    explained = explain_run(
        make_run_info(SIGMOIDS, **FELL, states=[*build_layer_states(0, *gradients), *build_layer_states(6, *gradients)])
    )
    finding = explained.findings[0]
    assert (finding.kind, finding.since_epoch, finding.severity) == ("vanishing_gradient", 0, "trouble")
    assert finding.observation == "the gradient of hidden is 1/10,000 of that of output (1e-06 and 0.01 after epoch 6)"
    assert finding.figures == {"ratio": pytest.approx(1e-4), "first": 1e-6, "last": 1e-2}
    assert list_suggestions(explained, "vanishing_gradient") == [
        ("train", "layers.hidden.activation=relu"),
        ("train", "layers.hidden.activation=relu", "layers.hidden.kernel_initializer=he_normal"),
    ]


def test_unnamed_layers_are_changed_by_index(make_run_info):
    same = "layers=[Flatten, {type: Dense, units: 16, activation: tanh}, {type: Dense, units: 10, activation: softmax}]"
    explained = explain_run(make_run_info(same, **FELL, states=build_layer_states(6, 1e-6, 0.01)))
    assert list_suggestions(explained, "vanishing_gradient")[0] == ("train", "layers.1.activation=relu")


def test_relu_layers_get_a_slope_by_their_own_key(make_run_info):
    layers = (
        "{type: Dense, units: 16}, ReLU, {type: Dense, units: 16, activation: relu}, "
        "{type: SpectralNormalization, layer: {type: Dense, units: 16, activation: relu}}"
    )
    network = f"layers=[Flatten, {layers}, {{type: Dense, units: 10, activation: softmax}}]"
    states = [LayerState(6, "re_lu", 100, dead=0.9)]
    explained = explain_run(make_run_info(network, **FELL, states=states))
    assert list_suggestions(explained, "dead_relu")[-1] == (
        "train",
        "layers.3.activation=leaky_relu",
        "layers.4.layer.activation=leaky_relu",
        "layers.2.negative_slope=0.2",
    )


RATES = {
    "a usual rate": (["optimizer={type: sgd, learning_rate: 0.1}"], "optimizer.learning_rate=0.01"),
    "a rate far from usual": (["optimizer={type: sgd, learning_rate: 1000}"], "optimizer.learning_rate=0.01"),
    "Keras's own": (["optimizer=adam"], "optimizer.learning_rate=0.0001"),
    "a schedule": (
        ["optimizer={type: adam, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}"],
        "optimizer.clipnorm=1",
    ),
    "a warm-up": (
        ["optimizer={type: sgd, learning_rate: {type: Warmup, learning_rate: 0.1, warmup_steps: 9}}"],
        "optimizer.learning_rate.learning_rate=0.01",
    ),
    "adafactor": (["optimizer=adafactor"], "optimizer.epsilon_1=1e-7"),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "expected"), RATES.values(), ids=RATES.keys())
def test_divergence_suggests_a_lower_learning_rate(make_run_info, overrides, expected):
    explained = explain_run(
        make_run_info(*overrides, loss=(1.0,), status="diverged", reason="the loss was no longer a number")
    )
    assert list_suggestions(explained, "divergence") == [("train", expected), ("lr-find",)]
    assert explained.findings[0].since_epoch == 2


def test_over_fitting_begins_after_the_lowest_loss(make_run_info):
    curves = {"loss": (1.0, 0.5, 0.3, 0.2, 0.1, 0.05), "val_loss": (0.9, 0.5, 0.4, 0.5, 0.55, 0.6)}
    explained = explain_run(make_run_info("epochs=6", **curves))
    (finding,) = [finding for finding in explained.findings if finding.kind == "over_fitting"]
    assert finding.since_epoch == 4
    assert finding.observation.startswith("val_loss was lowest in epoch 3 (0.4) and is 38% higher at the end")
    stopping = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
    assert list_suggestions(explained, "over_fitting")[0] == ("train", stopping)
    handled = explain_run(make_run_info("epochs=20", stopping, **curves, digits="00000002"))
    assert [(finding.kind, finding.severity) for finding in handled.findings] == [
        ("healthy", "good"),
        ("over_fitting", "good"),
    ]


def test_more_epochs_resume_or_train_again_with_a_schedule(make_run_info):
    curves = {"loss": (1.0, 0.8, 0.7), "val_loss": (1.0, 0.8, 0.7)}
    assert list_suggestions(explain_run(make_run_info("epochs=3", **curves)), "under_training")[0] == (
        "resume",
        "epochs=6",
    )
    cosine = "optimizer={type: adam, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 90}}"
    explained = explain_run(make_run_info("epochs=3", cosine, **curves, digits="00000002"))
    new_training = ("train", "epochs=6", "optimizer.learning_rate.decay_steps=180")
    assert list_suggestions(explained, "under_training")[0] == new_training
    decay = "{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 125}"
    warm_up = f"optimizer.learning_rate={{type: Warmup, warmup_steps: 10, learning_rate: {decay}}}"
    explained = explain_run(make_run_info("epochs=3", warm_up, **curves, digits="00000003"))
    new_training = ("train", "epochs=6", "optimizer.learning_rate.learning_rate.decay_steps=260")
    assert list_suggestions(explained, "under_training")[0] == new_training


def test_regression_is_compared_with_the_mean(make_run_info):
    text = "data: {dataset: diabetes}\nloss: mse\nmetrics: []\nmodel: {layers: [{type: Dense, units: 1}]}\nepochs: 3\n"
    labels = np.linspace(0, 100, 50)[:, None]
    curves = {"loss": (900.0, 899.0, 898.0), "val_loss": (900.0, 899.0, 899.0), "labels": labels, "text": text}
    nothing = explain_run(make_run_info(**curves, outputs=np.full_like(labels, 50)))
    assert nothing.findings[0].kind == "no_better_than_guessing"
    assert nothing.findings[0].observation.endswith("R² is 0.00, and predicting the mean results in 0")
    assert "the same for every input" in nothing.findings[0].meaning
    something = explain_run(make_run_info(**curves, outputs=0.7 * labels + 15, digits="00000002"))
    assert "no_better_than_guessing" not in {finding.kind for finding in something.findings}


def test_only_causes_have_suggestions(make_run_info):
    guessing = {"loss": (2.31, 2.305, 2.304), "val_loss": (2.31, 2.31, 2.305), "accuracy": (0.1, 0.09, 0.11)}
    alone = explain_run(make_run_info("epochs=3", **guessing))
    assert list_suggestions(alone, "no_better_than_guessing") == [("lr-find",)]
    explained = explain_run(
        make_run_info("epochs=3", **guessing, states=build_layer_states(3, 1e-6, 0.01), digits="00000002")
    )
    assert [finding.kind for finding in explained.findings] == ["vanishing_gradient", "no_better_than_guessing"]
    assert list_suggestions(explained, "no_better_than_guessing") == []


UNSEEN = {
    "switched off": (["diagnostics=false"], {}, "the config contains diagnostics: false"),
    "an older run": ([], {}, "an older version of dnn trained the run"),
    "still running": ([], {"status": "running"}, "no epoch has been measured yet"),
}


@pytest.mark.parametrize(("overrides", "more", "expected"), UNSEEN.values(), ids=UNSEEN.keys())
def test_unmeasured_layers_have_a_reason_and_a_suggestion(make_run_info, overrides, more, expected):
    run_info = make_run_info("epochs=6", *overrides, **FELL)
    if more:
        run_info = type(run_info)(run_info.run, run_info.record.model_copy(update=more))
    explained = explain_run(run_info)
    assert expected in explained.unmeasured_reason
    assert (explained.measuring_suggestion.verb, explained.measuring_suggestion.overrides) == (
        "train",
        ("diagnostics=true",),
    )
    assert not explained.layers


def test_damaged_diagnostics_file_is_reported(make_run_info):
    run_info = make_run_info("epochs=6", **FELL)
    run_info.run.diagnostics.write_text("nonsense")
    explained = explain_run(run_info)
    assert "damaged" in explained.unmeasured_reason
    assert explained.findings[0].kind == "healthy"


def test_run_with_damaged_predictions_is_explained(make_run_info):
    run_info = make_run_info("epochs=3", loss=(2.3, 2.3, 2.3), val_loss=(2.3, 2.3, 2.3), accuracy=(0.1, 0.1, 0.1))
    run_info.run.predictions.write_bytes(b"PK nonsense")
    assert explain_run(run_info).findings[0].kind == "cannot_judge"
    assert "inputs.npz has no targets" in explain_run(run_info).findings[0].observation


def test_a_broken_run_is_an_error(make_run_info):
    run_info = make_run_info("epochs=6", **FELL)
    run_info.run.config.write_text("model: {layers: [Flat]}")
    with pytest.raises(ConfigError):
        explain_run(run_info)
    run_info.run.record.write_text("nonsense")
    with pytest.raises(RunError, match="cannot be explained"):
        explain_run(read_run_info(run_info.run))


def test_unknown_layer_names_are_accepted(make_run_info):
    strange = [LayerState(3, "\x1b[31mother", 256, gradient=1e-9), LayerState(3, "another", 256, gradient=1.0)]
    assert explain_run(make_run_info("epochs=6", **FELL, states=strange)).findings[0].kind == "vanishing_gradient"


def test_run_without_its_data_is_explained(make_run_info, tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 20)
    text = "data: {dataset: csv, path: own.csv}\nmodel: {layers: [{type: Dense, units: 2, activation: softmax}]}\n"
    run_info = make_run_info(
        "epochs=3", loss=(0.7, 0.7, 0.7), val_loss=(0.7, 0.7, 0.7), accuracy=(0.5, 0.5, 0.5), text=text
    )
    assert {finding.kind for finding in explain_run(run_info).findings} == {"cannot_judge", "large_batch"}
    file.unlink()
    assert explain_run(run_info).findings
