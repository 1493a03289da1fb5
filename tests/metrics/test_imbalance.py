"""Scores of imbalanced classes and thresholds against scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from dnn_cli.metrics.classification import build_classification_report
from dnn_cli.metrics.imbalance import (
    compare_with_majority,
    compute_average_precision,
    compute_imbalance_scores,
    is_imbalanced,
)
from dnn_cli.metrics.threshold_choice import choose_threshold, compute_threshold_scores


def draw_case(classes, count=400, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.choice(classes, count, p=[0.9, *[0.1 / (classes - 1)] * (classes - 1)])
    shares = rng.dirichlet(np.ones(classes), count) + 0.5 * np.eye(classes)[targets]
    # Equal probabilities are one point of the precision-recall curve.
    shares = (shares / shares.sum(1, keepdims=True)).round(2)
    return shares, targets, build_classification_report(shares, targets, [f"c{at}" for at in range(classes)])


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_equal_scikit_learn(classes):
    shares, targets, report = draw_case(classes)
    scores = compute_imbalance_scores(report, shares, targets)
    predicted = shares.argmax(1)
    assert scores["balanced_accuracy"].value == pytest.approx(metrics.balanced_accuracy_score(targets, predicted))
    assert scores["macro_f1"].value == pytest.approx(metrics.f1_score(targets, predicted, average="macro"))
    expected = (
        metrics.average_precision_score(targets, shares[:, 1])
        if classes == 2
        else metrics.average_precision_score(np.eye(classes)[targets], shares)
    )
    assert scores["average_precision"].value == pytest.approx(expected)
    for score in scores.values():
        assert score.interval[0] < score.value < score.interval[1]


def test_average_precision_of_a_perfect_order_is_1():
    assert compute_average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, True, False])) == 1


@pytest.mark.parametrize(("counts", "expected"), [((75, 25), True), ((74, 26), False), ((50, 50), False)])
def test_classes_are_imbalanced_from_a_ratio_of_three(counts, expected):
    targets = np.repeat([0, 1], counts)
    report = build_classification_report(np.full((100, 1), 0.2, np.float32), targets, ["a", "b"])
    assert is_imbalanced(report) == expected


def test_majority_class_is_not_beaten_by_itself():
    targets = np.repeat([0, 1], (90, 10))
    constant = build_classification_report(np.full((100, 1), 0.2, np.float32), targets, ["no", "yes"])
    assert compare_with_majority(constant).is_beaten is False
    outputs = np.where(targets == 1, 0.9, 0.1).astype(np.float32)[:, None]
    majority = compare_with_majority(build_classification_report(outputs, targets, ["no", "yes"]))
    assert (majority.class_name, majority.share, majority.is_beaten) == ("no", 0.9, True)
    assert majority.p_value == pytest.approx(stats.binomtest(10, 10, alternative="greater").pvalue)


@pytest.mark.parametrize("criterion", ["f1", "balanced_accuracy"])
def test_chosen_threshold_is_the_best_of_all(criterion):
    shares, targets, _ = draw_case(2, seed=1)
    threshold, score = choose_threshold(shares[:, 1], targets, criterion)
    compute = metrics.f1_score if criterion == "f1" else metrics.balanced_accuracy_score
    scores = [compute(targets, shares[:, 1] > limit) for limit in np.linspace(0.005, 0.995, 100)]
    assert score == pytest.approx(max(scores))
    ours, predicted = compute_threshold_scores(shares[:, 1], targets, threshold), shares[:, 1] > threshold
    assert ours[criterion].value == pytest.approx(score)
    assert ours["accuracy"].value == pytest.approx(metrics.accuracy_score(targets, predicted))
    assert ours["precision"].value == pytest.approx(metrics.precision_score(targets, predicted))


def test_equally_good_thresholds_give_the_one_nearest_to_one_half():
    assert choose_threshold(np.array([0.1, 0.2, 0.7, 0.9]), np.array([0, 0, 1, 1]), "f1") == (pytest.approx(0.45), 1)
