"""Verdicts on groups by the sequential test of the pairs that `dnn settle` has recorded.

After a sequential comparison, a test for a fixed number of seeds would find differences by chance, because the number
of pairs depends on their scores. So these groups keep the always-valid p-value, whatever runs are compared.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dnn_cli.compare.group import Group
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.significance import ALPHA, MeanDifference, compute_standard_deviation
from dnn_cli.runs.pair_record import PairRecord, iter_pair_records

if TYPE_CHECKING:
    from dnn_cli.compare.sequential_tests import SequentialTest


@dataclass(frozen=True)
class SequentialVerdict:
    """Sequential test of a group against the reference, and the difference that a comparison shows."""

    test: "SequentialTest"
    difference: MeanDifference

    def choose_word(
        self, comparisons: int, sign: float
    ) -> Literal["better", "worse", "indistinguishable", "undecided"]:
        """Return the word of the verdict, which is `indistinguishable` for equivalent groups.

        Args:
            comparisons: The number of comparisons that are judged together, by which p-values are multiplied.
            sign: 1 if a larger score is better, -1 if a smaller score is better.
        """
        test = self.test
        is_different = test.p_value * comparisons <= ALPHA
        is_equivalent = test.equivalence_p_value is not None and test.equivalence_p_value * comparisons <= ALPHA
        if is_equivalent and (test.word == "equivalent" or not is_different):
            return "indistinguishable"
        if not is_different:
            return "undecided"
        return "better" if (test.direction == "larger") == (sign > 0) else "worse"


@dataclass(frozen=True)
class PairRecords:
    """Pair records in the directories of some runs."""

    records: tuple[PairRecord, ...]
    metric: str | None
    """Compared metric of the saved models; `None` at another comparison point, for which no scores are recorded."""

    def find_test(
        self, group: Group, reference: Group, *, lower_is_better: bool, tolerance: float
    ) -> SequentialVerdict | None:
        """Return the sequential test of a group against the reference; `None` without a record of their pairs.

        Another metric or comparison point than the recorded one also has a sequential test, with the scores of the runs
        in the recorded order of seeds. The number of pairs depends on its scores too, because scores are correlated.

        Args:
            group: The group to judge.
            reference: The reference.
            lower_is_better: Whether a smaller score is better.
            tolerance: The largest difference that counts as 0.
        """
        variants = [{run_score.variant_digest for run_score in item.run_scores} for item in (group, reference)]
        if any(len(digests) > 1 for digests in variants):
            return None
        fingerprint = group.run_scores[0].record.data.get("fingerprint")
        records = [
            record
            for record in self.records
            if record.pairs and {*record.variants} == variants[0] | variants[1] and record.fingerprint == fingerprint
        ]
        if not records:
            return None
        record = next((record for record in records if record.metric == self.metric), None)
        if record is not None:
            oriented = record.orient(variants[0].pop())
            differences = oriented.list_differences(lower_is_better=lower_is_better)
        else:
            seeds = [pair.seed for pair in max(records, key=lambda item: len(item.pairs)).pairs]
            ours, theirs = group.seed_means, reference.seed_means
            differences = [ours[seed] - theirs[seed] for seed in seeds if seed in ours and seed in theirs]
        if not differences:
            return None
        return _build_verdict(differences, record.margin if record else None, tolerance)


def read_pair_records(run_scores: Sequence[RunScore], metric: str | None) -> PairRecords | None:
    """Read the pair records in the directories of some runs; `None` without records.

    Args:
        run_scores: The compared runs.
        metric: The compared metric of the saved models; `None` at another comparison point.
    """
    roots = dict.fromkeys(os.path.dirname(run_score.run.directory) for run_score in run_scores)
    records = tuple(record for root in roots for record in iter_pair_records(Path(root)))
    return PairRecords(records, metric) if records else None


def _build_verdict(differences: Sequence[float], margin: float | None, tolerance: float) -> SequentialVerdict:
    """Build the sequential test of differences, and the difference of their means.

    Args:
        differences: The differences in the order of the pairs, at least one; infinite where one run diverged.
        margin: The difference within which groups count as equivalent; `None` without a test of equivalence.
        tolerance: The largest difference that counts as 0.
    """
    from dnn_cli.compare.sequential_tests import SequentialTest

    test = SequentialTest(tuple(differences), margin, tolerance)
    finite = test.finite_differences
    difference = MeanDifference(
        design="paired",
        test="sequential",
        mean=test.mean,
        interval=test.interval,
        span=(min(finite, default=0.0), max(finite, default=0.0)),
        p_value=test.p_value,
        min_p_value=0.0,
        seed_counts=(len(differences), len(differences)),
        spread=compute_standard_deviation(finite) or 0.0,
    )
    return SequentialVerdict(test, difference)
