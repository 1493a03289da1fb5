"""Reports on classes, held against scikit-learn's figures."""

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, precision_recall_fscore_support

from dnn_cli.errors import RunError
from dnn_cli.metrics.classification import (
    build_classification_report,
    compute_class_probabilities,
    compute_predicted_classes,
    list_misclassifications,
)


def build_outputs_and_labels(classes, examples, never_true=(), never_taken=()):
    rng = np.random.default_rng(classes)
    labels = rng.choice([c for c in range(classes) if c not in never_true], examples).astype(np.uint8)
    outputs = rng.random((examples, classes)).astype(np.float32)
    outputs[np.arange(examples), labels] += 0.5
    outputs[:, list(never_taken)] = 0
    return outputs / outputs.sum(-1, keepdims=True), labels


@pytest.mark.parametrize(
    ("classes", "never_true", "never_taken"),
    [(2, (), ()), (10, (), ()), (30, (), ()), (4, (1,), ()), (4, (), (2,)), (4, (1,), (1,))],
    ids=["two", "ten", "thirty", "a class without examples", "a class never predicted", "a class without both"],
)
def test_scores_equal_scikit_learn(classes, never_true, never_taken):
    outputs, labels = build_outputs_and_labels(classes, 500, never_true, never_taken)
    report = build_classification_report(outputs, labels, [f"c{i}" for i in range(classes)])
    class_numbers = np.arange(classes)
    predicted = outputs.argmax(-1)
    np.testing.assert_array_equal(report.confusion, confusion_matrix(labels, predicted, labels=class_numbers))
    expected = precision_recall_fscore_support(labels, predicted, labels=class_numbers, zero_division=0)
    scores = [[getattr(s, part) for s in report.scores] for part in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    averages = classification_report(
        labels, predicted, labels=class_numbers, target_names=report.class_names, zero_division=0, output_dict=True
    )
    for ours in (report.macro_average, report.weighted_average):
        theirs = averages[ours.name]
        assert (ours.precision, ours.recall, ours.f1, ours.support) == pytest.approx(
            (theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"])
        )
    assert report.accuracy == pytest.approx((predicted == labels).mean())


@pytest.mark.parametrize(("logits", "middle"), [(False, 0.5), (True, 0.0)], ids=["a sigmoid unit", "a logit"])
def test_threshold_of_a_single_output_unit(logits, middle):
    outputs = np.array([[middle - 0.1], [middle + 0.1], [middle + 0.2], [middle - 0.2]], np.float32)
    report = build_classification_report(outputs, np.array([0, 1, 0, 0]), ["no", "yes"], logits=logits)
    assert report.confusion.tolist() == [[2, 1], [0, 1]]
    assert report.confusion.dtype == np.int64


def test_misclassifications_are_sorted_by_probability():
    outputs = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.05, 0.95]], np.float32)
    misclassifications = list_misclassifications(outputs, np.array([0, 1, 0, 0]), 2)
    assert [(m.position, m.true, m.predicted) for m in misclassifications] == [(3, 0, 1), (2, 0, 1)]
    assert [m.probability for m in misclassifications] == pytest.approx([0.95, 0.8])


def test_probability_of_a_misclassification_by_a_single_unit():
    (misclassification,) = list_misclassifications(np.array([[0.1]], np.float32), np.array([1]), 5)
    assert (misclassification.predicted, misclassification.probability) == (0, pytest.approx(0.9))


def test_probabilities_of_large_logits_do_not_overflow():
    outputs = np.array([[1000.0, -1000.0, 999.0]], np.float32)
    shares = compute_class_probabilities(outputs, logits=True)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == compute_predicted_classes(outputs, logits=True)[0]
    assert compute_class_probabilities(np.array([[-1000.0], [1000.0]], np.float32), logits=True)[:, 1].tolist() == [
        0,
        1,
    ]


def test_confused_pairs_are_sorted_by_count():
    outputs, labels = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 2]], np.array([0, 1, 2, 2, 0])
    assert build_classification_report(outputs, labels, "abc").list_confused_pairs(5) == [(2, 1, 2), (0, 2, 1)]


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        (np.ones((3, 2), np.float32), np.zeros(3, int)),
        (np.ones((3, 3), np.float32), np.zeros(2, int)),
        (np.ones((3, 3), np.float32), np.array([0, 1, 3])),
        (np.ones((3, 3), np.float32), np.array([0.0, 1.0, 2.0])),
        (np.full((3, 3), np.nan, np.float32), np.array([0, 1, 2])),
        (np.ones((0, 3), np.float32), np.zeros(0, int)),
    ],
    ids=["too few outputs", "too few labels", "no such class", "numbers to predict", "no numbers", "nothing"],
)
def test_invalid_classification_arrays_are_refused(outputs, labels):
    with pytest.raises(RunError):
        build_classification_report(outputs, labels, "abc")
