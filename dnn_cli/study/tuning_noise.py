"""Tuning noise: how far the true scores of chosen settings differ because trials were scored with few seeds.

A test over final seeds finds differences between chosen settings. Two equally good methods have different settings if
the seeds of their trials chose them (Bouthillier et al. 2021, arXiv 2103.03098). The functions of this module estimate
this difference, and add its variance to that of the test.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.exact_tests import FloatArray
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.significance import MeanDifference
from dnn_cli.compare.verdicts import judge_groups

_RESAMPLES = 500
"""Number of simulated repetitions of the choice. The estimated spread then has an error of 3%."""


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

    The mean difference of two values has the variance s²/n over n seeds, and the variance 2t² of two chosen settings.
    A test of the seeds knows the first alone. The means are therefore drawn together by the factor
    √(s²/n / (s²/n + 2t²)) before the test. Differences and intervals are then divided by this factor.

    Args:
        comparison: The comparison of the final runs, with any verdicts.
        tuning_spread: The standard deviation t of the true score of a chosen setting.
    """
    groups = comparison.groups
    if len(groups) < 2:
        return comparison
    factor = _compute_factor(groups, tuning_spread)
    centre = fmean(group.mean for group in groups)
    drawn = [_shift_group(group, (1 - factor) * (centre - group.mean)) for group in groups]
    judged = judge_groups(
        drawn,
        comparison.metric,
        is_final=True,
        lower_is_better=comparison.lower_is_better,
        resolution=comparison.resolution,
        max_groups=None,
    )
    originals = dict(zip(map(id, drawn), groups, strict=True))
    reference = originals[id(judged.reference or drawn[0])]
    verdicts = []
    for verdict in judged.verdicts:
        group = originals[id(verdict.group)]
        difference = _rescale_difference(verdict.difference, factor, group.mean - reference.mean)
        verdicts.append(replace(verdict, group=group, difference=difference))
    return replace(comparison, verdict_set=replace(judged, reference=reference, verdicts=tuple(verdicts)))


def _compute_factor(groups: Sequence[Group], tuning_spread: float) -> float:
    """Return the factor by which the means of groups are drawn together; 1 without tuning noise.

    The factor is 0 if the scores do not differ between seeds.
    """
    replicates: list[dict[Any, float]] = [dict(group.fold_means or group.seed_means) for group in groups]
    common = sorted(set.intersection(*map(set, replicates)))
    if len(common) < 2 or not tuning_spread:
        return 1.0
    scores = np.array([[by_replicate[replicate] for replicate in common] for by_replicate in replicates])
    centred = scores - scores.mean(0)
    # The mean variance of a paired difference over all pairs of groups.
    variance = 2 * float(centred.var(-1, ddof=1).sum()) / (len(groups) - 1)
    # Folds share training examples, as in the corrected t-test of folds.
    overlap = 1 / (max(fold.folds for fold in groups[0].fold_means) - 1) if groups[0].fold_means else 0.0
    variance *= 1 / len(common) + overlap
    return math.sqrt(variance / (variance + 2 * tuning_spread**2))


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
