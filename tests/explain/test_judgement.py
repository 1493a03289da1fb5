"""A run gets a tick only where its predictions are better than those of a constant, by more than chance."""

import numpy as np
import pytest
from scipy import stats

from dnn_cli.explain.explanation import explain
from dnn_cli.explain.facts import read_facts
from dnn_cli.metrics.binomial import confidence_interval, tail
from tests.explain.conftest import classified, look

CONVERGED = {"loss": (1.0, 0.5, 0.4, 0.35, 0.34, 0.339), "val_loss": (0.9, 0.5, 0.42, 0.39, 0.39, 0.389)}
BINARY = (
    "data: {dataset: breast_cancer, standardize: true}\nmodel: {layers: [{type: Dense, units: 8, activation: relu}, "
    "{type: Dense, units: 1, activation: sigmoid}]}\nloss: binary_crossentropy\nepochs: 3\n"
)
NUMBERS = (
    "data: {dataset: diabetes}\nloss: mse\nmetrics: [r2_score]\n"
    "model: {layers: [{type: Dense, units: 4, activation: relu}, {type: Dense, units: 1}]}\nepochs: 3\n"
)


def kinds(explanation):
    return [finding.kind for finding in explanation.findings]


def test_a_loss_above_the_entropy_of_the_classes_gets_no_tick(made):
    labels, outputs = classified(0.175, 3.37)
    curves = {"loss": (4.0, 3.5, 3.4, 3.37), "val_loss": (4.0, 3.5, 3.4, 3.37), "accuracy": (0.1, 0.15, 0.17, 0.175)}
    explained = explain(made("epochs=4", **curves, labels=labels, outputs=outputs))
    assert kinds(explained)[0] == "worse_than_constant"
    assert explained.findings[0].weight == "trouble"
    assert "gives 2.303" in explained.findings[0].seen
    assert "healthy" not in kinds(explained)


def test_a_run_without_penalties_has_at_least_its_recorded_loss(made):
    labels, outputs = classified(0.9, 0.6)
    entry = made("epochs=6", **CONVERGED, labels=labels, outputs=outputs)
    record = entry.record.model_copy(update={"results": entry.record.results.model_copy(
        update={"model": {"val_loss": 9.0, "val_accuracy": 0.9}})})  # fmt: skip
    assert kinds(explain(type(entry)(entry.run, record)))[0] == "worse_than_constant"
    assert kinds(explain(entry)) == ["healthy"]


def test_class_weights_count_on_both_sides(made):
    """A network trained for balanced classes has a larger plain loss than the shares of the classes, and is sound."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [950, 50])
    share = 1 / (1 + np.exp(-rng.normal(np.where(labels, 1.2, -1.2), 1.0)))[:, None].astype(np.float32)
    plain = -np.log(np.where(labels == 1, share[:, 0], 1 - share[:, 0])).mean()
    assert plain > stats.entropy([0.95, 0.05])
    text = BINARY.replace("epochs: 3", "class_weight: balanced\nepochs: 6")
    curves = {name: [value + 0.1 for value in values] for name, values in CONVERGED.items()}
    judged = read_facts(made(**curves, labels=labels, outputs=share, text=text, accuracy=(0.87,) * 6)).judged
    assert judged.constant == pytest.approx(np.log(2), abs=1e-6)
    assert judged.own < 0.5
    assert judged.verdict == "better"


def test_three_quarters_of_sixteen_are_too_few_to_tell(made):
    labels = np.array([0] * 9 + [1] * 7)
    outputs = np.where(np.arange(16) % 4 == 0, 1 - labels, labels)[:, None] * 0.4 + 0.3
    explained = explain(made(
        text=BINARY, loss=(0.7, 0.4, 0.2), val_loss=(0.7, 0.65, 0.6), accuracy=(0.75,) * 3, labels=labels,
        outputs=outputs.astype(np.float32),
    ))  # fmt: skip
    (finding,) = [finding for finding in explained.findings if finding.kind == "too_few_examples"]
    assert "12 of 16 validation examples are right" in finding.seen
    assert "no_better_than_guessing" not in kinds(explained)


def test_a_regression_at_another_level_is_not_said_to_ignore_its_inputs(made):
    rng = np.random.default_rng(2)
    labels = rng.normal(155, 77, (90, 1))
    outputs = 8 + 0.02 * (labels - 155) + rng.normal(0, 4, (90, 1))
    explained = explain(made(
        text=NUMBERS, loss=(3e4, 2.9e4, 2.8e4), val_loss=(3e4, 2.9e4, 2.8e4), labels=labels, outputs=outputs
    ))  # fmt: skip
    said = {finding.kind: finding for finding in explained.findings}
    assert explained.findings[0].kind == "far_outputs"
    assert "the outputs are 7.8" in said["far_outputs"].seen
    nothing = said["no_better_than_guessing"]
    assert "R² is -3." in nothing.seen
    assert "differ from input to input" in nothing.meaning
    assert "0%" not in nothing.seen


SPREAD = {"the same": (0.0, "the same for every input"), "different": (0.05, "differ from input to input")}


@pytest.mark.parametrize(("spread", "said"), SPREAD.values(), ids=SPREAD.keys())
def test_whether_outputs_depend_on_inputs_is_measured(made, spread, said):
    rng = np.random.default_rng(3)
    labels = np.arange(300) % 10
    outputs = (0.1 + spread * rng.uniform(-1, 1, (300, 10))).astype(np.float32)
    curves = {"loss": (2.4, 2.31, 2.305), "val_loss": (2.4, 2.35, 2.34), "accuracy": (0.1, 0.09, 0.11)}
    explained = explain(made("epochs=3", **curves, labels=labels, outputs=outputs))
    (finding,) = [one for one in explained.findings if one.kind == "no_better_than_guessing"]
    assert said in finding.meaning


def test_all_predictions_of_one_class_are_named(made):
    labels = np.repeat([0, 1], [276, 24])
    outputs = np.full((300, 1), 0.08, np.float32)
    curves = {"loss": (0.3, 0.29, 0.28), "val_loss": (0.3, 0.285, 0.28), "accuracy": (0.92,) * 3}
    explained = explain(made(text=BINARY, **curves, labels=labels, outputs=outputs))
    assert kinds(explained)[0] == "one_class"
    assert "predicted as malignant, which 92.0% of them are" in explained.findings[0].seen
    assert explained.findings[0].remedies[0].overrides == ("class_weight=balanced",)


def test_training_examples_alone_are_learned_by_heart(made):
    labels, outputs = classified(0.1, 2.5)
    curves = {"loss": (2.0, 1.0, 0.2), "val_loss": (2.4, 2.5, 2.6), "accuracy": (0.3, 0.7, 0.98)}
    states = look(3, 0.01, 0.01, loss=0.2, correct=0.98)
    explained = explain(made("epochs=3", **curves, labels=labels, outputs=outputs, states=states))
    assert kinds(explained)[0] == "memorized"
    assert "its accuracy is 0.9805 on training examples and 0.1000 on validation examples" in explained.findings[0].seen


def test_without_a_validation_set_the_training_is_judged(made):
    from dnn_cli.spec.datasets import DATASETS
    from tests.explain.conftest import described

    inputs = described(DATASETS["digits"], labels=np.arange(500) % 10)
    curves = {"loss": (1.0, 0.5, 0.35, 0.34, 0.339, 0.339), "states": look(6, 0.01, 0.01, loss=0.3, correct=0.95)}
    explained = explain(made("epochs=6", "data.validation_size=0", **curves, inputs=inputs))
    assert kinds(explained) == ["healthy"]
    assert explained.findings[0].seen.startswith("its training loss is 0.3")
    without = explain(made("epochs=6", "data.validation_size=0", **curves, digits="00000002"))
    assert kinds(without) == ["cannot_judge"]
    assert "no labels" in without.findings[0].seen


@pytest.mark.parametrize(("right", "examples", "share"), [(12, 16, 9 / 16), (63, 360, 0.1), (1, 5, 0.3), (0, 9, 0.2)])
def test_the_binomial_test_is_scipys(right, examples, share):
    found = stats.binomtest(right, examples, share, alternative="greater")
    assert tail(examples, share, slice(right, None)) == pytest.approx(found.pvalue, rel=1e-9)
    interval = stats.binomtest(right, examples).proportion_ci(method="exact")
    assert confidence_interval(right, examples)[1] == pytest.approx(interval.high, abs=1e-9)


def test_equal_findings_hold_of_runs_that_took_different_times(made):
    entry = made("epochs=6", **CONVERGED)
    slow = type(entry)(entry.run, entry.record.model_copy(update={"seconds": 900.0}))
    assert explain(entry).findings == explain(slow).findings


def scarce(right_of_second, sure):
    """Labels of which 6% are of the second class, and probabilities for it."""
    labels = np.repeat([0, 1], [282, 18])
    found = np.arange(18) < right_of_second
    outputs = np.concatenate([np.full(282, 0.03), np.where(found, sure, 0.3)])[:, None]
    return labels, outputs.astype(np.float32)


def test_probabilities_that_are_better_than_a_constant_are_enough_on_a_scarce_class(made):
    labels, outputs = scarce(4, 0.7)
    curves = {name: [value / 3 for value in values] for name, values in CONVERGED.items()}
    text = BINARY.replace("epochs: 3", "epochs: 6")
    explained = explain(made(text=text, **curves, labels=labels, outputs=outputs, accuracy=(0.95,) * 6))
    assert kinds(explained)[0] == "healthy"
    assert (
        read_facts(made(text=text, **curves, labels=labels, outputs=outputs, digits="00000002")).hits.verdict
        != "better"
    )
