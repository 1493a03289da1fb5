"""Importance of the tuned keys of a value, by PED-ANOVA of Optuna."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

MIN_IMPORTANCE_TRIALS = 20
"""Smallest number of trials with a finite score.

Optuna advises at least 5 trials among the best. These are the best quarter here."""

_TOP_SHARE = 0.25
"""Share of the trials that count as good. PED-ANOVA compares their settings with the search space."""


@dataclass(frozen=True)
class TunedRange:
    """Range of a tuned key of one value, with all decades that were added."""

    low: float
    high: float
    is_log: bool = True
    """Whether points are uniform on a logarithmic scale."""


@dataclass(frozen=True)
class KeyImportance:
    """Importance of the tuned keys of one value, or the reason why it is unknown."""

    shares: Mapping[str, float] | None
    """Importance of each key, the most important first. The sum is 1. `None` if the importance is unknown."""

    reason: str = ""
    """Reason why the importance is unknown, such as `too few trials: 12 finite scores, 20 needed`."""


def compute_importance(
    trials: Sequence[tuple[Mapping[str, float], float | None]],
    ranges: Mapping[str, TunedRange],
    *,
    lower_is_better: bool,
) -> KeyImportance:
    """Return the importance of each tuned key of a value for being among the best quarter of trials.

    PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255) measures how far the distribution of a key among the good trials
    is from the distribution over its range. Failed trials are never good.

    Args:
        trials: The number of each tuned key, and the score on the tuning half, of each trial; `None`, infinity or NaN
            for a failed trial. For momentum with a logarithmic range of 1 - momentum, the number is 1 - momentum.
        ranges: The range of each tuned key, in the same numbers.
        lower_is_better: Whether a smaller score is better.
    """
    finite = [(numbers, score) for numbers, score in trials if score is not None and isfinite(score)]
    if len(ranges) < 2:
        return KeyImportance(None, "a single key is tuned")
    if len(finite) < MIN_IMPORTANCE_TRIALS:
        return KeyImportance(None, f"too few trials: {len(finite)} finite scores, {MIN_IMPORTANCE_TRIALS} needed")
    if len({score for _, score in finite}) == 1:
        return KeyImportance(None, "all trials have the same score")
    try:
        import optuna
    except ImportError:
        return KeyImportance(None, "Optuna is not installed: pip install 'dnn-cli[optuna]'")
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        key: optuna.distributions.FloatDistribution(limits.low, limits.high, log=limits.is_log)
        for key, limits in ranges.items()
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Optuna 4 calls the argument baseline_quantile.
    evaluator = optuna.importance.PedAnovaImportanceEvaluator
    names = inspect.signature(evaluator).parameters
    quantile = "target_quantile" if "target_quantile" in names else "baseline_quantile"
    with warnings.catch_warnings():
        # The evaluator is marked as experimental, and says so at each use.
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="minimize" if lower_is_better else "maximize")
        study.add_trials(
            [
                optuna.trial.create_trial(
                    value=score,
                    params={key: _clip_number(numbers[key], limits) for key, limits in ranges.items()},
                    distributions=distributions,
                )
                for numbers, score in finite
            ]
        )
        # The reference is the whole range, because trials in an added decade make the trials themselves uneven.
        shares = optuna.importance.get_param_importances(
            study, evaluator=evaluator(**{quantile: _TOP_SHARE}, evaluate_on_local=False)
        )
    if not sum(shares.values()):
        return KeyImportance(None, "the good trials do not differ from the others")
    return KeyImportance(dict(sorted(shares.items(), key=lambda item: -item[1])))


def _clip_number(number: float, limits: TunedRange) -> float:
    """Return a number of a key inside its range, from which rounding to a text can move the number."""
    return min(max(number, limits.low), limits.high)
