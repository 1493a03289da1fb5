"""Reports on classes, held against scikit-learn's figures."""

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, precision_recall_fscore_support

from dnn_cli.compare.classification import classify, mistakes, predicted_classes, probabilities
from dnn_cli.errors import RunError


def made(classes, examples, never_true=(), never_taken=()):
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
def test_figures_are_scikit_learns(classes, never_true, never_taken):
    outputs, labels = made(classes, 500, never_true, never_taken)
    report = classify(outputs, labels, [f"c{i}" for i in range(classes)])
    known = np.arange(classes)
    taken = outputs.argmax(-1)
    np.testing.assert_array_equal(report.confusion, confusion_matrix(labels, taken, labels=known))
    expected = precision_recall_fscore_support(labels, taken, labels=known, zero_division=0)
    found = [[getattr(s, part) for s in report.scores] for part in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    averages = classification_report(
        labels, taken, labels=known, target_names=report.classes, zero_division=0, output_dict=True
    )
    for ours in (report.macro, report.weighted):
        theirs = averages[ours.name]
        assert (ours.precision, ours.recall, ours.f1, ours.support) == pytest.approx(
            (theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"])
        )
    assert report.accuracy == pytest.approx((taken == labels).mean())


@pytest.mark.parametrize(("logits", "middle"), [(False, 0.5), (True, 0.0)], ids=["a sigmoid unit", "a logit"])
def test_one_unit_decides_on_its_middle(logits, middle):
    outputs = np.array([[middle - 0.1], [middle + 0.1], [middle + 0.2], [middle - 0.2]], np.float32)
    report = classify(outputs, np.array([0, 1, 0, 0]), ["no", "yes"], logits=logits)
    assert report.confusion.tolist() == [[2, 1], [0, 1]]
    assert report.confusion.dtype == np.int64


def test_mistakes_are_the_surest_first_and_know_their_place():
    outputs = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.05, 0.95]], np.float32)
    found = mistakes(outputs, np.array([0, 1, 0, 0]), 2)
    assert [(m.position, m.true, m.predicted) for m in found] == [(3, 0, 1), (2, 0, 1)]
    assert [m.probability for m in found] == pytest.approx([0.95, 0.8])


def test_a_mistake_of_one_unit_has_the_probability_of_the_class_it_was_taken_for():
    (found,) = mistakes(np.array([[0.1]], np.float32), np.array([1]), 5)
    assert (found.predicted, found.probability) == (0, pytest.approx(0.9))


def test_probabilities_of_logits_neither_overflow_nor_change_the_order():
    outputs = np.array([[1000.0, -1000.0, 999.0]], np.float32)
    found = probabilities(outputs, logits=True)
    assert found.sum() == pytest.approx(1)
    assert found.argmax() == predicted_classes(outputs, logits=True)[0]
    assert probabilities(np.array([[-1000.0], [1000.0]], np.float32), logits=True)[:, 1].tolist() == [0, 1]


def test_the_most_confused_pairs_first_and_only_those_that_are():
    outputs, labels = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 2]], np.array([0, 1, 2, 2, 0])
    assert classify(outputs, labels, "abc").confused(5) == [(2, 1, 2), (0, 2, 1)]


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
def test_what_is_no_classification_is_refused(outputs, labels):
    with pytest.raises(RunError):
        classify(outputs, labels, "abc")
