"""Performance profiles: how often each value is nearly the fastest, over several tasks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

MIN_PROFILE_TASKS = 3
"""Smallest number of tasks for which a study shows profiles. Of two tasks, the shares are only 0, 1/2 and 1."""

MAX_TIME_RATIO = 4.0
"""Largest ratio to the time of the best value that counts, as in AlgoPerf (Dahl et al. 2023, arXiv 2306.07179)."""


@dataclass(frozen=True)
class PerformanceProfile:
    """Performance profile of one value: the share of tasks by the ratio to the time of the best value."""

    steps: tuple[tuple[float, float], ...]
    """Ratios at which the share grows, in increasing order, each with the share of tasks up to this ratio.

    The first ratio is 1, and no ratio is above the largest that counts."""

    score: float
    """Integral of the profile from ratio 1 to the largest ratio, divided by the difference of both.

    The score is 1 for a value that is the fastest on all tasks, and 0 for a value that solves none in time."""


def compute_performance_profiles(
    times: Mapping[str, Mapping[str, float]], max_ratio: float = MAX_TIME_RATIO
) -> dict[str, PerformanceProfile]:
    """Return the performance profile of every value (Dolan and Moré, Mathematical Programming 91, 2002).

    A profile at ratio r is the share of tasks that the value solves within r times the time of the best value. The
    score is the integral of the profile, as in AlgoPerf. All values with the best time of a task have ratio 1. A task
    that no value solves counts for no value, and stays in the number of tasks.

    Args:
        times: The time to the target by value and task, in epochs, steps or seconds; infinite for a miss. A task that a
            value lacks counts as a miss.
        max_ratio: The largest ratio that counts, above 1.
    """
    tasks = {task for by_task in times.values() for task in by_task}
    best = {task: min(by_task.get(task, math.inf) for by_task in times.values()) for task in tasks}
    profiles = {}
    for value, by_task in times.items():
        ratios = sorted(_compute_ratio(by_task.get(task, math.inf), best[task]) for task in tasks)
        counted = [ratio for ratio in ratios if ratio <= max_ratio]
        shares = {1.0: 0.0} | {ratio: number / len(ratios) for number, ratio in enumerate(counted, 1)}
        area = math.fsum(max_ratio - ratio for ratio in counted) / max(1, len(ratios))
        profiles[value] = PerformanceProfile(tuple(shares.items()), area / (max_ratio - 1))
    return profiles


def _compute_ratio(time: float, best: float) -> float:
    """Return the ratio of a time to the best time; infinite for a miss, and 1 for the best time itself."""
    if not math.isfinite(time):
        return math.inf
    return 1.0 if time == best else time / best if best > 0 else math.inf
