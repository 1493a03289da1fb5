"""Caveats of comparisons of final runs of a study, whose values differ in their tuned keys by design."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dnn_cli.compare.run_scores import RunScore
from dnn_cli.runs.record import Record


@dataclass(frozen=True)
class ComparedStudy:
    """Study whose final runs are compared: the compared arms, and the names of the compared tasks."""

    arms: frozenset[str]
    tasks: frozenset[str]

    @property
    def has_one_arm(self) -> bool:
        """Whether all runs belong to one arm, so that all values were tuned alike."""
        return len(self.arms) == 1


def find_compared_study(run_scores: Sequence[RunScore]) -> ComparedStudy | None:
    """Return the study of which all runs are final runs under one plan; `None` if other runs are compared."""
    # Most comparisons have a run that belongs to no study.
    if not all(run_score.record.sweeps for run_score in run_scores):
        return None
    plans = [_list_final_plans(run_score.record) for run_score in run_scores]
    common = frozenset.intersection(*plans) if plans else frozenset()
    if not common:
        return None
    study_id, plan = min(common)
    memberships = [
        [
            (item.study.arm, item.name)
            for item in run_score.record.sweeps
            if item.id == study_id and item.study is not None
            and item.study.plan == plan and item.study.phase == "final"
        ]
        for run_score in run_scores
    ]  # fmt: skip
    arms = [frozenset(arm for arm, _ in pairs) for pairs in memberships]
    # A run that belongs to both arms has tuned settings that equal the defaults.
    shared = frozenset.intersection(*arms)
    return ComparedStudy(
        arms=frozenset({max(shared)}) if shared else frozenset.union(*arms),
        tasks=frozenset(name for pairs in memberships for _, name in pairs),
    )


def _list_final_plans(record: Record) -> frozenset[tuple[str, str]]:
    """Return the id and the digest of the plan of each study of which a run is a final run."""
    return frozenset(
        (item.id, item.study.plan)
        for item in record.sweeps
        if item.study is not None and item.study.phase == "final"
    )  # fmt: skip


def find_study_caveats(study: ComparedStudy | None, metric: str) -> Iterator[str]:
    """Yield a caveat if settings were chosen by the compared scores, or if only some values were tuned.

    Args:
        study: The study of the compared runs; `None` for other runs.
        metric: The compared metric.
    """
    if study is None:
        return
    if not study.has_one_arm:
        yield (
            "the settings of some runs were tuned, and those of others are defaults: --where 'study.arm = tuned' "
            "compares tuned settings alone"
        )
    elif study.arms == {"tuned"} and metric.startswith("val_"):
        yield (
            "the settings were chosen by scores of the tuning half, which is compared here: dnn study judges the "
            "reporting half"
        )
