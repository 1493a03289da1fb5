"""Tests of cross-validated scores, whose variance is corrected for training sets that overlap.

The scores of folds are correlated, because each two training sets share examples. A t-test without correction takes
them for independent scores and reaches far too many verdicts: `tests/stress/folds.py` measures both.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from dnn_cli.compare.group import Group
from dnn_cli.compare.significance import Interval, MeanDifference, ScoreResolution
from dnn_cli.compare.t_tests import run_paired_t_test
from dnn_cli.config.cross_validation import Fold

MIN_FOLDS = 3
"""Number of scores that a test of folds needs."""


def measure_fold_difference(
    ours: Group, theirs: Group, folds: Sequence[Fold], resolution: ScoreResolution
) -> MeanDifference:
    """Measure the difference between two groups over the folds of one or several cross-validations.

    Scores of the same fold are paired. A fold with several seeds counts once, with the mean of the seeds that both
    groups have.

    Args:
        ours: The first group.
        theirs: The second group.
        folds: The folds that both groups have, at least one.
        resolution: The resolution of the scores.
    """
    differences = np.array([[_pair_seeds(ours.fold_scores[fold], theirs.fold_scores[fold]) for fold in folds]])
    count, mean = len(folds), float(differences.mean())
    test = _run_corrected_test(differences, _compute_test_ratio(ours, folds), resolution.step**2 / 6)
    return MeanDifference(
        design="paired",
        test="corrected" if test else "none",
        mean=mean,
        interval=test[1] if test else None,
        span=(float(differences.min()), float(differences.max())),
        p_value=test[0] if test else None,
        min_p_value=0.0,
        seed_counts=(count, count),
        spread=float(differences.std(ddof=1)) if count > 1 else 0.0,
    )


def _pair_seeds(ours: Mapping[int, float], theirs: Mapping[int, float]) -> float:
    """Return the difference between two groups in one fold: the mean over their common seeds, or over all seeds."""
    common = ours.keys() & theirs.keys()
    return fmean(ours[seed] for seed in common or ours) - fmean(theirs[seed] for seed in common or theirs)


def compute_fold_interval(group: Group, resolution: ScoreResolution) -> Interval | None:
    """Return the 95% interval of the mean of a cross-validated group; `None` for fewer than three folds.

    Folds by time have no interval, because their training sets have different sizes.
    """
    if any(fold.by_time for fold in group.fold_means):
        return None
    values = np.array([list(group.fold_means.values())])
    test = _run_corrected_test(values, _compute_test_ratio(group, list(group.fold_means)), resolution.step**2 / 12)
    return test[1] if test else None


def _compute_test_ratio(group: Group, folds: Sequence[Fold]) -> float:
    """Return the number of validation examples divided by the number of training examples, as a mean over folds.

    Both halves of a validation set count, because the examples outside the training set determine how much training
    sets overlap. Without these numbers in the run records, the ratio is that of folds of equal size.
    """
    ratios = []
    for run_score in group.run_scores:
        train, validation = (run_score.record.data.get(key) for key in ("train", "validation"))
        if run_score.fold in folds and isinstance(train, int) and isinstance(validation, int) and train > 0:
            reporting = run_score.record.data.get("reporting")
            ratios.append((validation + (reporting if isinstance(reporting, int) else 0)) / train)
    return fmean(ratios) if ratios else 1 / (folds[0].folds - 1)


def _run_corrected_test(
    values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", ratio: float, min_variance: float
) -> tuple[float, Interval] | None:
    """Test whether scores of folds have mean 0, and return the p-value and the 95% interval of the mean.

    The squared standard error of the mean of n values is (1/n + ratio) · variance, and the t distribution has n - 1
    degrees of freedom: the corrected resampled t-test (Nadeau and Bengio, Machine Learning 52, 2003). For repetitions,
    it is the corrected repeated k-fold test (Bouckaert and Frank, PAKDD 2004).

    Args:
        values: The scores or differences of all folds, of shape (1, n).
        ratio: The number of validation examples divided by the number of training examples.
        min_variance: The lower limit of the variance.

    Returns:
        The p-value and the interval; `None` for fewer than `MIN_FOLDS` values.
    """
    if values.shape[-1] < MIN_FOLDS:
        return None
    p_values, intervals = run_paired_t_test(values, min_variance, overlap=ratio)
    low, high = intervals[0].tolist()
    return float(p_values[0]), (low, high)
