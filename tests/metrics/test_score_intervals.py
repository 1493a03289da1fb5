"""Intervals of scores: their methods, reference values, and how often they contain the true score."""

import numpy as np
import pytest
from scipy import stats

from dnn_cli.config.loading import load_experiment
from dnn_cli.metrics.binomial import compute_wilson_interval
from dnn_cli.metrics.class_intervals import compute_class_intervals, compute_f1_interval, compute_macro_intervals
from dnn_cli.metrics.classification import build_classification_report
from dnn_cli.metrics.error_intervals import compute_error_intervals, compute_median_interval
from dnn_cli.metrics.evaluation_result import EvaluationResult
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.metrics.score_intervals import compute_auc_interval, compute_score_intervals
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.interval_cases import (
    RATES,
    draw_evaluation,
    load_case_experiment,
    measure_coverage,
)
from tests.helpers.random_groups import compute_allowed_count
from tests.helpers.settings import RUN_ALL_CASES


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("intervals") / "digits.yaml"


def compute_intervals(experiment, outputs, targets, weights=None, **changes):
    scores = {**compute_scores(experiment, outputs, targets, weights), **changes}
    return scores, compute_score_intervals(experiment, EvaluationResult(scores, outputs, targets, weights))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (27, 30), (8_700, 10_000)])
def test_wilson_intervals_equal_scipy(successes, trials):
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, "wilson")
    assert compute_wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_accuracy_of_few_examples_is_less_certain(path):
    experiment = load_case_experiment("wine", path)
    widths = []
    for count in (30, 10_000):
        outputs, targets = draw_evaluation("wine", count, 0.9, np.random.default_rng(0))
        _, intervals = compute_intervals(experiment, outputs, targets)
        widths.append(intervals["accuracy"].high - intervals["accuracy"].low)
        assert (intervals["accuracy"].method, intervals["loss"].method) == ("wilson", "studentized bootstrap")
    assert widths[0] > 10 * widths[1]


@pytest.mark.parametrize("dataset", ["wine", "breast_cancer", "diabetes"])
def test_every_score_is_within_its_interval(dataset, path):
    experiment = load_case_experiment(dataset, path)
    outputs, targets = draw_evaluation(dataset, 200, 0.9, np.random.default_rng(1))
    for weights in (None, np.random.default_rng(2).uniform(0.5, 2, 200)):
        scores, intervals = compute_intervals(experiment, outputs, targets, weights)
        assert intervals.keys() == scores.keys()
        for name, interval in intervals.items():
            assert interval.low < scores[name] < interval.high, name


def test_penalties_of_weights_shift_the_interval_of_the_loss(path):
    experiment = load_case_experiment("wine", path)
    outputs, targets = draw_evaluation("wine", 100, 0.9, np.random.default_rng(3))
    scores, plain = compute_intervals(experiment, outputs, targets)
    _, shifted = compute_intervals(experiment, outputs, targets, loss=scores["loss"] + 2)
    assert shifted["loss"].low == pytest.approx(plain["loss"].low + 2)
    assert shifted["loss"].high == pytest.approx(plain["loss"].high + 2)


def test_root_mean_squared_error_has_the_root_of_the_interval_of_the_mean_square(path):
    experiment = load_case_experiment("diabetes", path)
    outputs, targets = draw_evaluation("diabetes", 100, 0.5, np.random.default_rng(4))
    _, intervals = compute_intervals(experiment, outputs, targets)
    assert intervals["root_mean_squared_error"].high ** 2 == pytest.approx(intervals["loss"].high)


@pytest.mark.parametrize("count", [1, 2])
def test_one_example_has_no_intervals(count, path):
    experiment = load_case_experiment("wine", path)
    outputs, targets = np.eye(3, dtype=np.float32)[:count], np.arange(count)
    _, intervals = compute_intervals(experiment, outputs, targets)
    assert ("accuracy" in intervals) == (count == 2)
    assert "loss" not in intervals


def test_ignored_classes_have_no_loss(path):
    path.write_text(DIGITS_YAML, encoding="utf-8")
    experiment = load_experiment(
        str(path), ["loss={type: sparse_categorical_crossentropy, ignore_class: 0}"]
    ).experiment  # fmt: skip
    outputs = np.random.default_rng(5).dirichlet(np.ones(10), 60).astype(np.float32)
    targets = np.arange(60) % 10
    scores, intervals = compute_intervals(experiment, outputs, targets)
    assert intervals["loss"].low < scores["loss"] < intervals["loss"].high


def test_newcombes_interval_of_an_area_without_errors_ends_at_1():
    low, high = compute_auc_interval(1.0, 20, 30)
    assert 0.85 < low < 0.95 and high == pytest.approx(1)
    assert compute_auc_interval(1.0, 1, 30) is None


def test_f1_of_a_class_follows_from_the_share_of_right_predictions():
    assert compute_f1_interval(0, 1, 0) is None
    low, high = compute_f1_interval(30, 40, 35)
    assert low < 2 * 30 / 75 < high
    assert compute_f1_interval(30, 30, 30)[1] == 1


def test_class_without_examples_leaves_the_mean_recall_without_interval():
    outputs, targets = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]], np.array([0, 0, 1, 1, 0, 1])
    report = build_classification_report(outputs, targets, ["a", "b", "c"])
    assert compute_class_intervals(report)[2].recall is None
    assert compute_macro_intervals(report).recall is None
    assert compute_macro_intervals(report).precision is not None


@pytest.mark.parametrize(("count", "ranks"), [(5, None), (6, (0, 5)), (10, (1, 8)), (25, (7, 17))])
def test_interval_of_the_median_lies_between_ranks(count, ranks):
    """The ranks are those of Conover, Practical Nonparametric Statistics, table A3."""
    values = np.random.default_rng(6).permutation(count).astype(float)
    assert compute_median_interval(values) == ranks


def test_errors_of_a_perfect_regression_have_no_intervals():
    numbers = np.arange(20.0)[:, None]
    (intervals,) = compute_error_intervals(numbers, numbers)
    assert (intervals.mean_absolute, intervals.root_mean_squared, intervals.median_absolute, intervals.r2) == (
        None,
    ) * 4


@pytest.mark.parametrize(
    ("count", "coverages"), [(10, (97.9, 93.0, 90.4)), (30, (95.7, 97.4, 96.4)), (300, (94.3, 95.7, 96.7))]
)
def test_wilson_intervals_cover_rates_as_documented(count, coverages):
    """The binomial distribution has the exact coverage of the accuracies 0.5, 0.9 and 0.99."""
    intervals = [compute_wilson_interval(successes, count) for successes in range(count + 1)]
    for rate, coverage in zip(RATES, coverages, strict=True):
        is_covered = [low <= rate <= high for low, high in intervals]
        share = stats.binom.pmf(range(count + 1), count, rate)[is_covered].sum()
        assert 100 * share == pytest.approx(coverage, abs=0.05)


@pytest.mark.parametrize(
    ("dataset", "part", "evaluations", "names"),
    [
        ("wine", "classes", 500, ["class recall", "class f1", "macro recall", "macro f1"]),
        ("breast_cancer", "scores", 100, ["auc", "precision", "recall", "f1_score"]),
        ("diabetes", "scores", 100, ["loss", "mean_absolute_error", "root_mean_squared_error"]),
    ],
)
def test_intervals_contain_the_true_score_as_often_as_they_say(dataset, part, evaluations, names, path):
    """The campaign `interval_coverage` has more numbers of examples, rates and scores."""
    evaluations *= 10 if RUN_ALL_CASES else 1
    coverage = measure_coverage(dataset, 300, 0.9, evaluations, path, [part], without=["r2_score"])
    for name in names:
        assert coverage[name].intervals - coverage[name].covered <= compute_allowed_count(evaluations), name
