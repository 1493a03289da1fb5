"""Tuning noise: how far the true scores of chosen settings differ because trials were scored with few seeds.

A test over final seeds finds differences between chosen settings. Two equally good methods have different settings if
the seeds of their trials chose them (Bouthillier et al. 2021, arXiv 2103.03098). The functions of this module estimate
this difference, and add its variance to that of the test.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.exact_tests import FloatArray
from dnn_cli.compare.group import Group
from dnn_cli.compare.significance import MeanDifference
from dnn_cli.compare.verdicts import judge_groups

_RESAMPLES = 500
"""Number of simulated repetitions of the choice. The estimated spread then has an error of 3%."""

_ROUNDING_ERROR = 1e-9
"""Relative error of a mean difference by rounding."""

SPREAD_MARGIN = 1.2
"""Factor of the estimated spread in verdicts.

The estimate leaves out that other trials could have become finalists. `tests/stress/study_error_rate.py` measures false
verdicts with this factor."""


def estimate_tuning_spread(finalists: Sequence[FloatArray]) -> float:
    """Return the standard deviation of the true score of the chosen setting over repetitions of the choice.

    The finalists of a value are its best trials, trained again with tuning seeds. The best mean is chosen. The noise of
    one score is the pooled variance over the seeds of a finalist. The true scores are the means, drawn together by the
    share of noise in their variance (James and Stein, 1961). The choice is then repeated with random means around the
    true scores. The result is the root of the mean variance over all values.

    Args:
        finalists: The scores on the tuning half of the finalists of each value, of shape (finalists, seeds), with at
            least two seeds. Scores are finite; a finalist that failed with a seed is left out.
    """
    usable = [scores for scores in finalists if len(scores) > 1 and scores.shape[1] > 1]
    if not usable:
        return 0.0
    noise = float(np.mean([scores.var(-1, ddof=1).mean() / scores.shape[1] for scores in usable]))
    between = max(0.0, float(np.mean([scores.mean(-1).var(ddof=1) for scores in usable])) - noise)
    if not between or not noise:
        return 0.0
    rng, variances = np.random.default_rng(0), []
    for scores in usable:
        means = scores.mean(-1)
        true_scores = means.mean() + between / (between + noise) * (means - means.mean())
        repeated = true_scores + rng.normal(0.0, math.sqrt(noise), (_RESAMPLES, len(means)))
        variances.append(true_scores[repeated.argmax(-1)].var())
    return math.sqrt(float(np.mean(variances)))


def judge_with_tuning_noise(comparison: Comparison, tuning_spread: float) -> Comparison:
    """Return a comparison whose verdicts count tuning noise as noise. Means and scores stay unchanged.

    The mean difference from the best value has the variance s²/n over n seeds, and the variance 2t² of two chosen
    settings. A test of the seeds knows the first alone. The mean of each value is therefore drawn to the mean of the
    best value by the factor √(s²/n / (s²/n + 2t²)) before the test. The difference and its interval are then divided by
    this factor. Each pair has its own s: pairs without a bad seed have a small s, and their verdicts would be too sure
    with the mean s of all pairs.

    Args:
        comparison: The comparison of the final runs, with any verdicts.
        tuning_spread: The standard deviation of the true score of a chosen setting, from `estimate_tuning_spread`.
    """
    groups = comparison.groups
    if len(groups) < 2:
        return comparison
    # The reference of judge_groups, which judges the same groups below.
    best = next((group for group in groups if len(group.averaged_scores) > 1), groups[0])
    factors = [_compute_factor(group, best, tuning_spread) for group in groups]
    drawn = [
        group if group is best else _shift_group(group, (1 - factor) * (best.mean - group.mean))
        for group, factor in zip(groups, factors, strict=True)
    ]
    judged = judge_groups(
        drawn,
        comparison.metric,
        is_final=True,
        lower_is_better=comparison.lower_is_better,
        resolution=comparison.resolution,
        max_groups=None,
    )
    originals = {id(group): pair for group, pair in zip(drawn, zip(groups, factors, strict=True), strict=True)}
    verdicts = []
    for verdict in judged.verdicts:
        group, factor = originals[id(verdict.group)]
        difference = _rescale_difference(verdict.difference, factor, group.mean - best.mean)
        verdicts.append(replace(verdict, group=group, difference=difference))
    return replace(comparison, verdict_set=replace(judged, reference=best, verdicts=tuple(verdicts)))


def _compute_factor(group: Group, best: Group, tuning_spread: float) -> float:
    """Return the factor by which the mean of a group is drawn to the mean of the best group; 1 without tuning noise.

    If the difference of the two groups does not vary, the factor is 1 or 0: it is 1 for a difference above two standard
    deviations of the tuning noise.
    """
    ours: dict[Any, float] = dict(group.fold_means or group.seed_means)
    theirs: dict[Any, float] = dict(best.fold_means or best.seed_means)
    common = sorted(ours.keys() & theirs.keys())
    if group is best or len(common) < 2 or not tuning_spread:
        return 1.0
    variance = float(np.var([ours[replicate] - theirs[replicate] for replicate in common], ddof=1))
    # Folds share training examples, as in the corrected t-test of folds.
    overlap = 1 / (max(fold.folds for fold in group.fold_means) - 1) if group.fold_means else 0.0
    variance *= 1 / len(common) + overlap
    tuning_variance = 2 * (SPREAD_MARGIN * tuning_spread) ** 2
    difference = group.mean - best.mean
    if variance <= (_ROUNDING_ERROR * difference) ** 2:
        # Without variance over seeds, the test of the seeds ignores the size of the difference.
        return 1.0 if abs(difference) > 2 * math.sqrt(tuning_variance) else 0.0
    return math.sqrt(variance / (variance + tuning_variance))


def _shift_group(group: Group, shift: float) -> Group:
    """Return a group whose scores are all shifted by a number."""
    return replace(
        group,
        run_scores=tuple(replace(run_score, score=run_score.score + shift) for run_score in group.run_scores),
        scores={combination: score + shift for combination, score in group.scores.items()},
    )


def _rescale_difference(difference: MeanDifference | None, factor: float, mean: float) -> MeanDifference | None:
    """Return a difference of drawn means as a difference of the means, with a wider interval.

    Args:
        difference: The difference of the drawn means.
        factor: The factor by which the means were drawn together.
        mean: The difference of the means.
    """
    if difference is None or not factor:
        return None if difference is None else replace(difference, mean=mean, interval=None)
    interval = (
        None if difference.interval is None else (difference.interval[0] / factor, difference.interval[1] / factor)
    )
    return replace(
        difference,
        mean=difference.mean / factor,
        interval=interval,
        spread=difference.spread / factor,
        min_spread=difference.min_spread / factor,
    )
