"""A run gets a tick only where its predictions are better than those of a constant, by more than chance."""

import numpy as np
import pytest
from scipy import stats

from dnn_cli.config.datasets import DATASETS
from dnn_cli.explain.evidence import read_evidence
from dnn_cli.explain.explanation import explain_run
from dnn_cli.metrics.binomial import compute_confidence_interval, compute_tail_probability
from tests.helpers.explained_runs import build_input_profile, build_layer_states, build_predictions

CONVERGED = {"loss": (1.0, 0.5, 0.4, 0.35, 0.34, 0.339), "val_loss": (0.9, 0.5, 0.42, 0.39, 0.39, 0.389)}
BINARY = (
    "data: {dataset: breast_cancer, standardize: true}\nmodel: {layers: [{type: Dense, units: 8, activation: relu}, "
    "{type: Dense, units: 1, activation: sigmoid}]}\nloss: binary_crossentropy\nepochs: 3\n"
)
NUMBERS = (
    "data: {dataset: diabetes}\nloss: mse\nmetrics: [r2_score]\n"
    "model: {layers: [{type: Dense, units: 4, activation: relu}, {type: Dense, units: 1}]}\nepochs: 3\n"
)


def list_kinds(explanation):
    return [finding.kind for finding in explanation.findings]


def test_loss_above_class_entropy_is_trouble(make_run_info):
    labels, outputs = build_predictions(0.175, 3.37)
    curves = {"loss": (4.0, 3.5, 3.4, 3.37), "val_loss": (4.0, 3.5, 3.4, 3.37), "accuracy": (0.1, 0.15, 0.17, 0.175)}
    explained = explain_run(make_run_info("epochs=4", **curves, labels=labels, outputs=outputs))
    assert list_kinds(explained)[0] == "worse_than_constant"
    assert explained.findings[0].severity == "trouble"
    assert "results in 2.303" in explained.findings[0].observation
    assert "healthy" not in list_kinds(explained)


def test_a_run_without_penalties_has_at_least_its_recorded_loss(make_run_info):
    labels, outputs = build_predictions(0.9, 0.6)
    run_info = make_run_info("epochs=6", **CONVERGED, labels=labels, outputs=outputs)
    record = run_info.record.model_copy(update={"results": run_info.record.results.model_copy(
        update={"model": {"val_loss": 9.0, "val_accuracy": 0.9}})})  # fmt: skip
    assert list_kinds(explain_run(type(run_info)(run_info.run, record)))[0] == "worse_than_constant"
    assert list_kinds(explain_run(run_info)) == ["healthy"]


def test_class_weights_count_on_both_sides(make_run_info):
    """A network trained for balanced classes has a larger plain loss than the shares of the classes, and is sound."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [950, 50])
    share = 1 / (1 + np.exp(-rng.normal(np.where(labels, 1.2, -1.2), 1.0)))[:, None].astype(np.float32)
    plain = -np.log(np.where(labels == 1, share[:, 0], 1 - share[:, 0])).mean()
    assert plain > stats.entropy([0.95, 0.05])
    text = BINARY.replace("epochs: 3", "class_weight: balanced\nepochs: 6")
    curves = {name: [value + 0.1 for value in values] for name, values in CONVERGED.items()}
    judgement = read_evidence(
        make_run_info(**curves, labels=labels, outputs=share, text=text, accuracy=(0.87,) * 6)
    ).score_judgement
    assert judgement.constant_loss == pytest.approx(np.log(2), abs=1e-6)
    assert judgement.model_loss < 0.5
    assert judgement.verdict == "better"


def test_few_validation_examples_are_reported(make_run_info):
    labels = np.array([0] * 9 + [1] * 7)
    outputs = np.where(np.arange(16) % 4 == 0, 1 - labels, labels)[:, None] * 0.4 + 0.3
    explained = explain_run(make_run_info(
        text=BINARY, loss=(0.7, 0.4, 0.2), val_loss=(0.7, 0.65, 0.6), accuracy=(0.75,) * 3, labels=labels,
        outputs=outputs.astype(np.float32),
    ))  # fmt: skip
    (finding,) = [finding for finding in explained.findings if finding.kind == "too_few_examples"]
    assert "12 of 16 validation predictions are right" in finding.observation
    assert "no_better_than_guessing" not in list_kinds(explained)


def test_outputs_far_from_the_targets_are_found(make_run_info):
    rng = np.random.default_rng(2)
    labels = rng.normal(155, 77, (90, 1))
    outputs = 8 + 0.02 * (labels - 155) + rng.normal(0, 4, (90, 1))
    explained = explain_run(make_run_info(
        text=NUMBERS, loss=(3e4, 2.9e4, 2.8e4), val_loss=(3e4, 2.9e4, 2.8e4), labels=labels, outputs=outputs
    ))  # fmt: skip
    findings = {finding.kind: finding for finding in explained.findings}
    assert explained.findings[0].kind == "far_outputs"
    assert "the mean output is 7.8" in findings["far_outputs"].observation
    nothing = findings["no_better_than_guessing"]
    assert "R² is -3." in nothing.observation
    assert "depend on the inputs" in nothing.meaning
    assert "0%" not in nothing.observation


def test_loss_of_standardized_targets_is_judged_on_their_scale(make_run_info):
    rng = np.random.default_rng(2)
    labels = rng.normal(155, 77, (90, 1)).astype(np.float32)
    outputs = labels + rng.normal(0, 30, (90, 1)).astype(np.float32)
    profile = build_input_profile(DATASETS["diabetes"], target_mean=[155], target_scale=[77])
    text = NUMBERS.replace("diabetes", "diabetes, standardize_target: true")
    loss = float((((outputs - labels) / 77) ** 2).mean())
    run_info = make_run_info(
        text=text, loss=(0.5, 0.2, 0.1), val_loss=(0.5, 0.2, loss), labels=labels, outputs=outputs, inputs=profile
    )
    judgement = read_evidence(run_info).score_judgement
    assert judgement.model_loss == pytest.approx(loss, rel=1e-5)
    assert judgement.constant_loss == pytest.approx(labels.var() / 77**2, rel=1e-4)
    assert judgement.verdict == "better"
    run_info.run.inputs.unlink()
    assert read_evidence(run_info).score_judgement.startswith("inputs.npz, which has the scaling of the targets")


SPREAD = {"the same": (0.0, "the same for every input"), "different": (0.05, "depend on the inputs")}


@pytest.mark.parametrize(("spread", "text"), SPREAD.values(), ids=SPREAD.keys())
def test_dependence_of_outputs_on_inputs_is_described(make_run_info, spread, text):
    rng = np.random.default_rng(3)
    labels = np.arange(300) % 10
    outputs = (0.1 + spread * rng.uniform(-1, 1, (300, 10))).astype(np.float32)
    curves = {"loss": (2.4, 2.31, 2.305), "val_loss": (2.4, 2.35, 2.34), "accuracy": (0.1, 0.09, 0.11)}
    explained = explain_run(make_run_info("epochs=3", **curves, labels=labels, outputs=outputs))
    (finding,) = [finding for finding in explained.findings if finding.kind == "no_better_than_guessing"]
    assert text in finding.meaning


def test_predictions_of_a_single_class_are_found(make_run_info):
    labels = np.repeat([0, 1], [276, 24])
    outputs = np.full((300, 1), 0.08, np.float32)
    curves = {"loss": (0.3, 0.29, 0.28), "val_loss": (0.3, 0.285, 0.28), "accuracy": (0.92,) * 3}
    explained = explain_run(make_run_info(text=BINARY, **curves, labels=labels, outputs=outputs))
    assert list_kinds(explained)[0] == "one_class"
    assert "predicted as malignant; 92.0% have this class" in explained.findings[0].observation
    assert explained.findings[0].suggestions[0].overrides == ("class_weight=balanced",)


def test_memorized_training_examples_are_found(make_run_info):
    labels, outputs = build_predictions(0.1, 2.5)
    curves = {"loss": (2.0, 1.0, 0.2), "val_loss": (2.4, 2.5, 2.6), "accuracy": (0.3, 0.7, 0.98)}
    states = build_layer_states(3, 0.01, 0.01, loss=0.2, correct=0.98)
    explained = explain_run(make_run_info("epochs=3", **curves, labels=labels, outputs=outputs, states=states))
    assert list_kinds(explained)[0] == "memorized"
    assert (
        "the accuracy is 0.9805 on training examples and 0.1000 on validation examples"
        in explained.findings[0].observation
    )


def test_training_loss_is_judged_without_validation_set(make_run_info):
    from dnn_cli.config.datasets import DATASETS
    from tests.helpers.explained_runs import build_input_profile

    inputs = build_input_profile(DATASETS["digits"], labels=np.arange(500) % 10)
    curves = {
        "loss": (1.0, 0.5, 0.35, 0.34, 0.339, 0.339),
        "states": build_layer_states(6, 0.01, 0.01, loss=0.3, correct=0.95),
    }
    explained = explain_run(make_run_info("epochs=6", "data.validation_size=0", **curves, inputs=inputs))
    assert list_kinds(explained) == ["healthy"]
    assert explained.findings[0].observation.startswith("the training loss is 0.3")
    without = explain_run(make_run_info("epochs=6", "data.validation_size=0", **curves, digits="00000002"))
    assert list_kinds(without) == ["cannot_judge"]
    assert "no targets" in without.findings[0].observation


@pytest.mark.parametrize(("right", "examples", "share"), [(12, 16, 9 / 16), (63, 360, 0.1), (1, 5, 0.3), (0, 9, 0.2)])
def test_binomial_test_equals_scipy(right, examples, share):
    expected = stats.binomtest(right, examples, share, alternative="greater")
    assert compute_tail_probability(examples, share, slice(right, None)) == pytest.approx(expected.pvalue, rel=1e-9)
    interval = stats.binomtest(right, examples).proportion_ci(method="exact")
    assert compute_confidence_interval(right, examples)[1] == pytest.approx(interval.high, abs=1e-9)


def test_findings_do_not_depend_on_training_time(make_run_info):
    run_info = make_run_info("epochs=6", **CONVERGED)
    slow = type(run_info)(run_info.run, run_info.record.model_copy(update={"seconds": 900.0}))
    assert explain_run(run_info).findings == explain_run(slow).findings


def build_scarce_class(right_of_second, sure):
    """Return targets of which 6% are of the second class, and probabilities for it."""
    labels = np.repeat([0, 1], [282, 18])
    is_detected = np.arange(18) < right_of_second
    outputs = np.concatenate([np.full(282, 0.03), np.where(is_detected, sure, 0.3)])[:, None]
    return labels, outputs.astype(np.float32)


def test_scarce_class_is_judged_by_its_loss(make_run_info):
    labels, outputs = build_scarce_class(4, 0.7)
    curves = {name: [value / 3 for value in values] for name, values in CONVERGED.items()}
    text = BINARY.replace("epochs: 3", "epochs: 6")
    explained = explain_run(make_run_info(text=text, **curves, labels=labels, outputs=outputs, accuracy=(0.95,) * 6))
    assert list_kinds(explained)[0] == "healthy"
    assert (
        read_evidence(
            make_run_info(text=text, **curves, labels=labels, outputs=outputs, digits="00000002")
        ).hit_counts.verdict
        != "better"
    )
