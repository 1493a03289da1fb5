"""Pair records: the pairs of sequential comparisons, which `dnn settle` writes into the directory of runs.

The record decides which pairs a sequential test counts, and their order. A pair stays in the record with its scores if
its runs are removed or trained again, so that no pair is left out because of its result.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnn_cli.config.identifiers import make_slug
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.atomic_write import write_text

COMPARISONS_DIRECTORY = "comparisons"
"""Name of the directory within a directory of runs that holds pair records."""


class _RecordModel(BaseModel):
    """Part of a pair record: an immutable pydantic model that refuses unknown keys and infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RecordedPair(_RecordModel):
    """Pair: two runs of equal seeds, one of each group, with their scores."""

    seed: int
    runs: tuple[str, str]
    """Ids of the runs."""

    scores: tuple[float | None, float | None]
    """Scores of the saved models; `None` for a run that diverged."""

    def swap(self) -> "RecordedPair":
        """Return the pair with its runs in the other order."""
        return RecordedPair(seed=self.seed, runs=self.runs[::-1], scores=self.scores[::-1])


class PairRecord(_RecordModel):
    """Pairs of a sequential comparison, in their order, and the seeds that are planned after them."""

    schema_version: Literal[1] = 1
    metric: str
    variants: tuple[str, str]
    """Variant digests of the two groups."""

    names: tuple[str, str]
    """Names of the two experiments."""

    fingerprint: str | None = None
    """Fingerprint of the data of all runs; `None` before the first pair."""

    margin: float | None = Field(None, gt=0)
    """Difference within which the groups count as equivalent; `None` without a test of equivalence."""

    pairs: tuple[RecordedPair, ...] = ()
    planned_seeds: tuple[int, ...] = ()
    """Seeds of the next pairs, which were fixed before their training. A pair counts after all pairs before it."""

    @property
    def id(self) -> str:
        """Id of the comparison: eight hex digits from the two variants and the metric."""
        return compute_comparison_id(self.variants, self.metric)

    def swap(self) -> "PairRecord":
        """Return the record with its groups in the other order."""
        return self.model_copy(
            update={
                "variants": self.variants[::-1],
                "names": self.names[::-1],
                "pairs": tuple(pair.swap() for pair in self.pairs),
            }
        )

    def orient(self, first_variant: str) -> "PairRecord":
        """Return the record with the group of a variant digest as its first group."""
        return self if self.variants[0] == first_variant else self.swap()

    def list_differences(self, *, lower_is_better: bool) -> list[float]:
        """Return the score of the first group minus that of the second for each pair, in their order.

        A pair in which one run diverged has an infinite difference in favour of the other run. A pair of two diverged
        runs has the difference 0.

        Args:
            lower_is_better: Whether a smaller score is better.
        """
        worst = float("inf") if lower_is_better else float("-inf")
        differences = []
        for pair in self.pairs:
            first, second = (worst if score is None else score for score in pair.scores)
            differences.append(0.0 if first == second else first - second)
        return differences


def compute_comparison_id(variants: Sequence[str], metric: str) -> str:
    """Return the id of a sequential comparison, which is the same for both orders of its groups.

    Args:
        variants: The variant digests of the two groups.
        metric: The compared metric.
    """
    return hashlib.sha256(json.dumps([sorted(variants), metric]).encode()).hexdigest()[:8]


def find_pair_record(root: Path, comparison_id: str) -> tuple[Path, PairRecord] | None:
    """Return the pair record with an id and its path; `None` without such a record.

    Args:
        root: The directory of runs.
        comparison_id: The id of the sequential comparison.

    Raises:
        UsageError: the file is not a pair record.
    """
    path = next(iter(sorted((root / COMPARISONS_DIRECTORY).glob(f"*-{comparison_id}.json"))), None)
    if path is None:
        return None
    try:
        return path, PairRecord.model_validate_json(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "check the permissions of the file") from None
    except (ValidationError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text"
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            reason = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
        raise UsageError(
            f"{path} is not a pair record: {reason}", "delete the file; dnn settle then starts with all pairs of runs"
        ) from None


def iter_pair_records(root: Path) -> Iterator[PairRecord]:
    """Yield the pair records of a directory of runs. Files that are not pair records are left out."""
    for path in sorted((root / COMPARISONS_DIRECTORY).glob("*-*.json")):
        try:
            yield PairRecord.model_validate_json(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue


def choose_record_path(root: Path, record: PairRecord) -> Path:
    """Return the path of a new pair record."""
    return root / COMPARISONS_DIRECTORY / f"{make_slug(record.names[0])}-{record.id}.json"


def write_pair_record(path: Path, record: PairRecord) -> None:
    """Write a pair record.

    Raises:
        RunError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}", "use --runs-dir DIRECTORY") from None
    write_text(path, json.dumps(record.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
