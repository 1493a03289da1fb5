"""Time to a target: epochs, steps and seconds until a run of a study reaches a score, and a rule that chooses it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from dnn_cli.compare.comparison_points import find_first_epoch


@dataclass(frozen=True)
class EpochCurve:
    """Curve of one final run of the tuned arm, on the tuning half."""

    scores: tuple[float, ...]
    """Score after each epoch. NaN or infinity never reaches a target."""

    seconds: tuple[float, ...]
    """Training time of each epoch, in seconds."""

    steps_per_epoch: int
    """Number of training steps of each epoch."""


@dataclass(frozen=True)
class TargetTimes:
    """Training until one value reaches the target. A seed that misses the target counts as infinite."""

    epochs: float
    """Median over the seeds of the number of epochs; infinite if half of the seeds or more miss the target."""

    steps: float
    """Median over the seeds of the number of training steps."""

    seconds: float
    """Median over the seeds of the training time at the end of the epoch that reaches the target, in seconds."""

    reached: int
    """Number of seeds that reach the target."""

    seeds: int
    """Number of all seeds."""

    @property
    def share(self) -> float:
        """Share of the seeds that reach the target."""
        return self.reached / self.seeds


def choose_target(curves: Mapping[str, Mapping[int, EpochCurve]], *, lower_is_better: bool) -> float | None:
    """Return the target of `--target auto`: a score that at least half of the values reach by their last epoch.

    The score of a value is that of its median seed after the last epoch. Of two middle seeds, the worse is taken, so
    that at least half of the seeds end with this score or a better one. Of these scores, the target is the best that at
    least half of the values have. The result is `None` if fewer values have a finite score.

    Args:
        curves: The curves of the final runs of the tuned arm, by value and seed.
        lower_is_better: Whether a smaller score is better.
    """
    sign = -1.0 if lower_is_better else 1.0
    ends = sorted((_compute_median_end(by_seed, sign) for by_seed in curves.values() if by_seed), reverse=True)
    if not ends:
        return None
    target = ends[math.ceil(len(ends) / 2) - 1]
    return sign * target if math.isfinite(target) else None


def _compute_median_end(by_seed: Mapping[int, EpochCurve], sign: float) -> float:
    """Return the last score of the median seed, or of the worse of two middle seeds; larger is better.

    Args:
        by_seed: The curves of one value.
        sign: 1 if a larger score is better, -1 if a smaller score is better.
    """
    ends = [sign * curve.scores[-1] if curve.scores else -math.inf for curve in by_seed.values()]
    return sorted(end if math.isfinite(end) else -math.inf for end in ends)[(len(ends) - 1) // 2]


def compute_target_times(
    curves: Mapping[str, Mapping[int, EpochCurve]], target: float, *, lower_is_better: bool
) -> dict[str, TargetTimes]:
    """Return the epochs, steps and seconds that each value takes to the target.

    Args:
        curves: The curves of the final runs of the tuned arm, by value and seed. Values without a run are left out.
        target: The score to reach.
        lower_is_better: Whether a smaller score is better.
    """
    return {value: _measure_times(by_seed, target, lower_is_better) for value, by_seed in curves.items() if by_seed}


def _measure_times(by_seed: Mapping[int, EpochCurve], target: float, lower_is_better: bool) -> TargetTimes:
    """Return the median epochs, steps and seconds of one value to the target."""
    epochs, steps, seconds = [], [], []
    for curve in by_seed.values():
        epoch = find_first_epoch(
            [score if math.isfinite(score) else math.nan for score in curve.scores],
            target,
            lower_is_better=lower_is_better,
        )
        epochs.append(math.inf if epoch is None else float(epoch))
        steps.append(math.inf if epoch is None else float(epoch * curve.steps_per_epoch))
        seconds.append(math.inf if epoch is None else math.fsum(curve.seconds[:epoch]))
    reached = sum(map(math.isfinite, epochs))
    return TargetTimes(median(epochs), median(steps), median(seconds), reached, len(by_seed))
