"""Execution of a sequential comparison: rounds of further pairs of equal seeds, until a verdict or a limit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Literal

from dnn_cli.compare.pair_scores import SideScores, build_pair, list_common_seeds, read_side_scores
from dnn_cli.compare.run_scores import has_different_data
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.sequential_tests import SequentialTest
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.errors import RunError, UsageError
from dnn_cli.execution.settle_sides import Side
from dnn_cli.execution.sweep_execution import SweepExecution, find_existing_runs
from dnn_cli.execution.sweep_plan import PlannedRun
from dnn_cli.runs.address import find_membership
from dnn_cli.runs.lock import hold_lock
from dnn_cli.runs.pair_record import (
    PairRecord,
    choose_record_path,
    compute_comparison_id,
    find_pair_record,
    write_pair_record,
)
from dnn_cli.runs.store import Store

_FIRST_SEED = 1
"""First seed of new pairs if neither experiment has runs."""

_EndReason = Literal["decided", "limit", "incomplete"]


class SettleExecution:
    """Execution of a sequential comparison: its pair record, and the planned runs of the next round."""

    def __init__(
        self, sides: tuple[Side, Side], store: Store, metric: str, *, margin: float | None, max_pairs: int
    ) -> None:
        self.sides, self.store, self.metric = sides, store, metric
        self.margin, self.max_pairs = margin, max_pairs
        self.id = compute_comparison_id([side.variant_digest for side in sides], metric)
        self._read()

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold the lock on the comparison while the block runs, so that one process at a time adds pairs.

        Raises:
            UsageError: another process adds pairs to the comparison.
            RunError: the directory of pair records cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with hold_lock(self.path.with_suffix(".lock")):
                yield
        except BlockingIOError:
            raise UsageError(
                f"another process compares {self.sides[0].label} and {self.sides[1].label}",
                "wait for its end, and repeat the command",
            ) from None
        except OSError as error:
            raise RunError(
                f"{self.path.parent} cannot be written: {error.strerror}", "use --runs-dir DIRECTORY"
            ) from None

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller score is better."""
        return lower_is_better(self.metric)

    @property
    def test(self) -> SequentialTest:
        """The sequential test of the recorded pairs: the scores of the first side minus those of the second."""
        run_scores = [*self.scores[0].run_scores, *self.scores[1].run_scores]
        resolution = compute_resolution(
            [run_score.score for run_score in run_scores], [run_score.curve.examples for run_score in run_scores]
        )
        differences = tuple(self.record.list_differences(lower_is_better=self.lower_is_better))
        return SequentialTest(differences, self.margin, resolution.tolerance)

    @property
    def end_reason(self) -> _EndReason | None:
        """The reason why no round follows: a verdict, the limit, or a run that is not finished; `None` to continue."""
        if self.test.decided_pairs is not None:
            return "decided"
        return "limit" if len(self.record.pairs) >= self.max_pairs else None

    @property
    def unfinished_reasons(self) -> list[str]:
        """Texts about runs of the planned pairs that failed, such as `seed 7 of adam failed: out of memory`."""
        return [
            f"seed {seed} of {side.label} failed: {scores.failed[seed]}"
            for seed in self.record.planned_seeds
            for side, scores in zip(self.sides, self.scores, strict=True)
            if seed in scores.failed
        ]

    def update(self) -> None:
        """Read the scores of new runs, and add the pairs that are complete to the record on disk.

        Raises:
            UsageError: the runs have different data, or the record on disk is damaged.
            RunError: the record cannot be written.
        """
        self._read()
        self._write(self.record)

    def record_memberships(self) -> None:
        """Record the runs of all pairs as members of a sweep with the id of the comparison, as `sweep:ID` names them.

        Raises:
            DataError: the user's data cannot be read to compare it with the data of the runs.
        """
        others = {
            run_score.seed
            for scores in self.scores
            for run_score in scores.run_scores
            if find_membership(run_score.run_info, self.id) is None
        }
        seeds = [pair.seed for pair in self.record.pairs if pair.seed in others]
        if seeds:
            self._build_execution(self._plan_runs(seeds)).record_existing_runs()

    def plan_round(self, workers: int) -> SweepExecution:
        """Record the seeds of the next round, and return its planned runs.

        A round has the smallest number of pairs with which a verdict is possible, or as many as the workers train at
        once. Pairs of an interrupted round come first.

        Args:
            workers: The number of worker processes.

        Raises:
            ConfigError: this machine cannot train an experiment.
            DataError: the user's data cannot be read to compare it with the data of existing runs.
            RunError: the record cannot be written.
        """
        if not self.record.planned_seeds:
            size = max(self.test.count_pairs_to_verdict(), -(-workers // 2))
            size = min(size, self.max_pairs - len(self.record.pairs))
            self._write(self.record.model_copy(update={"planned_seeds": self._choose_seeds(size)}))
        return self._build_execution(self._plan_runs(self.record.planned_seeds))

    def _plan_runs(self, seeds: Sequence[int]) -> list[PlannedRun]:
        """Return the planned runs of some seeds, one for each side."""
        with cache_dataset_info():
            return [self.sides[number].plan_run(number, seed) for seed in seeds for number in (0, 1)]

    def _build_execution(self, planned: list[PlannedRun]) -> SweepExecution:
        """Return the execution of planned runs, which are members of a sweep with the id of the comparison."""
        sweep = self.sides[0].build_sweep()
        existing = find_existing_runs(self.store, planned)
        # With the id, the number of lanes follows from all runs of the round, also after an interruption.
        return SweepExecution(
            sweep, self.store, planned, existing, self.sides[0].experiment.name, study_id=self.id,
            has_several_tasks=self.sides[0].experiment.name != self.sides[1].experiment.name,
        )  # fmt: skip

    def _read(self) -> None:
        """Read the record and the scores of all runs, and add the pairs that are complete to the record."""
        first, second = self.sides
        record = PairRecord(
            metric=self.metric,
            variants=(first.variant_digest, second.variant_digest),
            names=(first.experiment.name, second.experiment.name),
        )
        existing = find_pair_record(self.store.root, self.id)
        self.path: Path = existing[0] if existing else choose_record_path(self.store.root, record)
        record = existing[1].orient(first.variant_digest) if existing else record
        self.record, self.scores = record.model_copy(update={"margin": self.margin}), self._read_scores()
        self._check_data()
        self.record = self._extend_record()

    def _read_scores(self) -> tuple[SideScores, SideScores]:
        """Read the scores of all runs of both sides."""
        runs = self.store.with_details(self.store.list_runs())
        first, second = (read_side_scores(runs, side.variant_digest, self.metric) for side in self.sides)
        return first, second

    def _check_data(self) -> None:
        """Check that all runs of both sides, and the recorded pairs, have the same data.

        Raises:
            UsageError: the data differs.
        """
        run_scores = [*self.scores[0].run_scores, *self.scores[1].run_scores]
        labels = " and ".join(side.label for side in self.sides)
        splits = {run_score.record.data.get("split") for run_score in run_scores} - {None}
        if has_different_data(run_scores) or len(splits) > 1:
            raise UsageError(
                f"runs of {labels} were trained on different data, so that their scores cannot be compared",
                "use another directory of runs for the current data: --runs-dir DIRECTORY",
            )
        fingerprints = {run_score.record.data.get("fingerprint") for run_score in run_scores} - {None}
        if self.record.pairs and fingerprints and self.record.fingerprint not in (None, *fingerprints):
            raise UsageError(
                f"the data of {labels} has changed since {self.path} was written",
                "delete this file to start with the current runs, or use another directory: --runs-dir DIRECTORY",
            )

    def _extend_record(self) -> PairRecord:
        """Return the record with all pairs that are complete.

        Planned pairs are added in their order up to the first incomplete pair. If all of them are complete, other
        pairs that exist follow, in the order of their seeds.
        """
        pairs, planned = list(self.record.pairs), list(self.record.planned_seeds)
        while planned and (pair := build_pair(planned[0], self.scores)) is not None:
            pairs.append(pair)
            del planned[0]
        if not planned:
            recorded = {pair.seed for pair in pairs}
            others = (build_pair(seed, self.scores) for seed in list_common_seeds(self.scores) if seed not in recorded)
            pairs += [pair for pair in others if pair is not None]
        run_scores = [*self.scores[0].run_scores, *self.scores[1].run_scores]
        fingerprint = run_scores[0].record.data.get("fingerprint") if run_scores else None
        return self.record.model_copy(
            update={
                "pairs": tuple(pairs),
                "planned_seeds": tuple(planned),
                "fingerprint": self.record.fingerprint or (None if fingerprint is None else str(fingerprint)),
            }
        )

    def _choose_seeds(self, size: int) -> tuple[int, ...]:
        """Return the seeds of new pairs: the smallest that are not recorded, from the smallest seed of all runs on."""
        recorded = {pair.seed for pair in self.record.pairs}
        seeds = [seed for scores in self.scores for seed in (*scores.scores, *scores.failed)]
        first = min([*recorded, *seeds], default=_FIRST_SEED)
        return tuple(islice((seed for seed in count(first) if seed not in recorded), size))

    def _write(self, record: PairRecord) -> None:
        """Write a record, which then counts."""
        write_pair_record(self.path, record)
        self.record = record
