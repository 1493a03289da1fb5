"""Tuning noise: how far the true scores of chosen settings differ because trials were scored with few seeds.

A test over final seeds finds differences between chosen settings. Two equally good methods have different settings if
the seeds of their trials chose them (Bouthillier et al. 2021, arXiv 2103.03098). The functions of this module estimate
this difference, and add its variance to that of the test.
"""

import math
from collections.abc import Sequence

import numpy as np

from dnn_cli.compare.exact_tests import FloatArray

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


def draw_means_together(scores: FloatArray, tuning_spread: float) -> FloatArray:
    """Return scores with smaller differences between values, so that a test counts tuning noise as noise.

    The mean difference of two values has the variance s²/n over n seeds, and the variance 2t² of two chosen settings.
    A test of the seeds knows the first alone. Differences that are multiplied by √(s²/n / (s²/n + 2t²)) have the ratio
    to the first variance that the original differences have to both.

    Args:
        scores: The scores of the final runs, of shape (values, seeds), at least two of each. Seeds are paired.
        tuning_spread: The standard deviation t of the true score of a chosen setting.
    """
    values, seeds = scores.shape
    centred = scores - scores.mean(0)
    # The mean variance of a paired difference over all pairs of values.
    variance = 2 * float(centred.var(-1, ddof=1).sum()) / (values - 1) / seeds
    total = variance + 2 * tuning_spread**2
    factor = math.sqrt(variance / total) if total else 1.0
    means = scores.mean(-1, keepdims=True)
    return np.asarray(scores - (1 - factor) * (means - means.mean()))
