"""Ensembles: the scores of the mean prediction of several runs, its gain, and the gain by the number of members.

The members are all runs, or the best runs. The best runs are chosen on other examples than those of the scores: on one
half of the validation examples, or, for scores on the test set, on all validation examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.ensemble_members import EnsembleMember, MemberSet
from dnn_cli.config.score_names import expand_score_name, lower_is_better
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.metrics.averaged_predictions import TargetExamples
from dnn_cli.metrics.ensemble_gain import Gain, compute_gains, orient_gain
from dnn_cli.runs.evaluations import Scores

_FloatArray = NDArray[np.float64]

_MAX_CURVE_SCORES = 2000
"""Largest number of scores that a curve of equal members needs. More members have fewer orders."""


@dataclass(frozen=True)
class MemberChoice:
    """Runs that form an ensemble, in the order of their choice."""

    candidates: tuple[EnsembleMember, ...]
    """Runs from which the members were chosen, the best first; without a choice, in the order of the seeds."""

    count: int
    """Number of members, which are the first candidates."""

    metric: str
    """Name of the score by which members are chosen, and whose gain by number of members is computed."""

    scores: tuple[float | None, ...] = ()
    """Score of each candidate on the examples of the choice, in the order of the choice; empty without a choice."""

    example_count: int = 0
    """Number of examples of the choice; 0 without a choice."""

    @property
    def members(self) -> tuple[EnsembleMember, ...]:
        """Chosen runs, the best first; without a choice, all runs."""
        return self.candidates[: self.count]

    @property
    def is_by_score(self) -> bool:
        """Whether the members were chosen by their scores."""
        return self.example_count > 0


@dataclass(frozen=True)
class EnsembleScore:
    """One score of an ensemble, of its members, and the gain."""

    name: str
    ensemble: float
    mean_member: float
    best_member: float
    """Score of the best member: of the member that was chosen first, or else of the best on the same examples."""

    gain: Gain
    """Gain over the mean score of the members."""

    gain_over_best: Gain | None
    """Gain over the member that was chosen first. `None` without a choice: the best on the same examples is too good,
    because its examples have chosen it."""


@dataclass(frozen=True)
class CurvePoint:
    """Score of an ensemble of some size, and its gain over a single member."""

    size: int
    score: float
    gain: float


@dataclass(frozen=True)
class EnsembleResult:
    """Scores of an ensemble on examples."""

    examples: TargetExamples
    scores: tuple[EnsembleScore, ...]
    member_scores: tuple[Scores, ...]
    """Loss and metrics of each member on the examples, in the order of the members."""

    curve: tuple[CurvePoint, ...]
    """Score and gain of ensembles of 1, 2, 3 and so on members. With a choice by score, the candidates come in
    the order of the choice. Without a choice, a point is the mean over orders."""


def select_metric(member_set: MemberSet, name: str | None) -> str:
    """Return the name of a score without its split, such as `accuracy`.

    By default, it is the score that most members monitor, or the loss if that is not a score of examples.

    Args:
        member_set: The members.
        name: The name that a user typed, such as `val_acc`; `None` for the default.

    Raises:
        UsageError: the members have no score with this name.
    """
    names = ["loss", *(metric.type for metric in member_set.experiment.metrics)]
    if name is None:
        monitors = [member.record.results.monitor.removeprefix("val_") for member in member_set.members]
        most_common = max(dict.fromkeys(monitors), key=monitors.count)
        return most_common if most_common in names else "loss"
    metric = expand_score_name(name).removeprefix("val_").removeprefix("test_")
    if metric not in names:
        raise UsageError(
            f"the runs have no score {name}",
            suggest_nearest_name(metric, names) or f"use one of {', '.join(names)}",
        )
    return metric


def list_all_members(member_set: MemberSet, metric: str) -> MemberChoice:
    """Return all runs as the members of an ensemble."""
    return MemberChoice(member_set.members, len(member_set.members), metric)


def choose_best_members(member_set: MemberSet, metric: str, count: int, positions: NDArray[np.int64]) -> MemberChoice:
    """Choose the runs with the best scores on some of the validation examples. Of equal scores, the first run wins.

    Args:
        member_set: The runs.
        metric: The name of the score.
        count: The number of chosen runs.
        positions: The positions of the examples that the choice uses, of shape (m,).

    Raises:
        UsageError: the runs are fewer than `count`, or the examples are too few.
    """
    candidates = member_set.members
    if count > len(candidates):
        raise UsageError(
            f"--best {count} is more than the {len(candidates)} runs", f"use --best {len(candidates)} at most"
        )
    if not len(positions):
        raise UsageError("the validation set has too few examples for --best", "omit --best")
    examples = member_set.examples.select(positions)
    scores = [examples.compute_score(member.quantities[positions], metric) for member in candidates]
    sign = 1 if lower_is_better(metric) else -1
    order = sorted(range(len(scores)), key=lambda at: float("inf") if (s := scores[at]) is None else sign * s)
    return MemberChoice(
        tuple(candidates[at] for at in order),
        count,
        metric,
        tuple(scores[at] for at in order),
        len(positions),
    )


def divide_examples(member_set: MemberSet) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide the validation examples at random, and return the positions for the choice and those for the scores.

    `data.split_seed` decides the halves, so that they are equal for all ensembles of runs with equal data. An odd
    example belongs to the half of the choice.
    """
    count = len(member_set.indices)
    order = np.random.default_rng(member_set.experiment.data.split_seed).permutation(count)
    first = (count + 1) // 2
    return np.sort(order[:first]), np.sort(order[first:])


def score_ensemble(examples: TargetExamples, quantities: Sequence[_FloatArray], choice: MemberChoice) -> EnsembleResult:
    """Compute the scores of an ensemble on examples.

    Args:
        examples: The examples, which did not choose the members.
        quantities: The averaged quantities of the members, or of all candidates, in the order of the choice.
        choice: The members and the metric of the curve.

    Raises:
        UsageError: there are no examples.
    """
    if not len(examples):
        raise UsageError("no validation examples remain for the scores", "omit --best")
    members = [(part, examples.compute_scores(part)) for part in quantities[: choice.count]]
    mean = np.mean(quantities[: choice.count], axis=0)
    ensemble = mean, examples.compute_scores(mean)
    gains = compute_gains(examples, ensemble, members)
    over_best = compute_gains(examples, ensemble, members[:1]) if choice.is_by_score else {}
    scores = []
    for name, gain in gains.items():
        of_members = [member_scores[name] for _, member_scores in members]
        best = of_members[0] if choice.is_by_score else (min if lower_is_better(name) else max)(of_members)
        mean_score = float(np.mean(of_members))
        scores.append(EnsembleScore(name, ensemble[1][name], mean_score, best, gain, over_best.get(name)))
    curve = _compute_curve(examples, quantities, choice.metric, is_ordered=choice.is_by_score)
    return EnsembleResult(examples, tuple(scores), tuple(of_member for _, of_member in members), curve)


def _compute_curve(
    examples: TargetExamples, quantities: Sequence[_FloatArray], metric: str, *, is_ordered: bool
) -> tuple[CurvePoint, ...]:
    """Return the score of ensembles of 1, 2, 3 and so on members, and the gain over one member.

    The curve is empty if an ensemble lacks the score.

    Args:
        examples: The examples.
        quantities: The averaged quantities of each member.
        metric: The name of the score.
        is_ordered: Whether members are added in their order. Otherwise, members are equal, and a score is the mean over
            rotations of a fixed random order, in which each member is the first once.
    """
    count = len(quantities)
    orders = [list(range(count))]
    if not is_ordered:
        shuffled = np.random.default_rng(0).permutation(count)
        starts = np.unique(np.linspace(0, count, min(count, max(1, _MAX_CURVE_SCORES // count)), False, dtype=int))
        orders = [np.roll(shuffled, -start).tolist() for start in starts]
    sums = np.zeros(count)
    for order in orders:
        total = np.zeros_like(quantities[0])
        for size, at in enumerate(order, 1):
            total = total + quantities[at]
            score = examples.compute_score(total / size, metric)
            if score is None:
                return ()
            sums[size - 1] += score
    scores = (sums / len(orders)).tolist()
    return tuple(CurvePoint(size, score, orient_gain(metric, score, scores[0])) for size, score in enumerate(scores, 1))
