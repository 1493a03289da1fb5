"""The comparison of runs on several datasets: one comparison for each dataset, and a ranking of setups over them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.compare.comparison import Comparison, compare_runs
from dnn_cli.compare.dataset_ranking import MIN_DATASETS, DatasetRanking, rank_setups
from dnn_cli.compare.fold_verdicts import find_fold_conflict
from dnn_cli.compare.ranking_notes import find_ranking_caveats, find_ranking_notes
from dnn_cli.compare.run_datasets import DatasetRuns, choose_independent, split_by_dataset
from dnn_cli.compare.setups import Setup, match_setups
from dnn_cli.compare.verdicts import resolve_group
from dnn_cli.errors import UsageError
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class DatasetPart:
    """Part of a comparison: the runs on one dataset."""

    dataset: DatasetRuns
    comparison: Comparison

    @property
    def label(self) -> str:
        """The label of the dataset, which is unique within the comparison."""
        return self.dataset.label


@dataclass(frozen=True)
class DatasetComparison:
    """Comparison of runs on one or several datasets."""

    parts: tuple[DatasetPart, ...]
    """Parts in the order of their labels, at least one. With a single dataset, the part has all runs."""

    ranking: DatasetRanking | None = None
    """Ranking of setups over the datasets; `None` for too few datasets or setups."""

    no_ranking_reason: str = ""
    """Reason why several datasets have no ranking; empty for a single dataset."""

    notes: tuple[str, ...] = ()
    """Notes on the ranking: datasets and setups that do not count, and failed runs."""

    caveats: tuple[str, ...] = ()
    """Reasons to doubt the ranking."""

    left_out: tuple[RunInfo, ...] = ()
    """Runs without a score that belong to no part."""

    @property
    def has_several_parts(self) -> bool:
        return len(self.parts) > 1

    @property
    def all_left_out(self) -> list[RunInfo]:
        """All runs without a score."""
        return [*(run_info for part in self.parts for run_info in part.comparison.left_out), *self.left_out]


def compare_by_dataset(
    runs: Sequence[RunInfo], metric: str | None = None, *, baseline: str | None = None, **options: Any
) -> DatasetComparison:
    """Return the comparison of runs, with a part for each dataset.

    Without `metric`, each part has the metric that most of its runs monitor. A dataset without the metric or without a
    key of `--by` has no part.

    Args:
        runs: The runs.
        metric: The compared metric; `None` for the usual metric of each dataset.
        baseline: The reference, as in `compare_runs`. It is searched on every dataset. Datasets on which the text names
            no group have the group of the same setup as the reference, or else their best group.
        options: Other arguments of `compare_runs`.

    Raises:
        UsageError: an argument is wrong on every dataset, or the baseline does not exist on any dataset.
    """
    datasets, others = split_by_dataset(runs)
    if len(datasets) < 2:
        dataset = DatasetRuns("", None, "", tuple(runs)) if not datasets else replace(datasets[0], runs=tuple(runs))
        comparison = compare_runs(runs, metric, baseline=baseline, **options)
        return DatasetComparison((DatasetPart(dataset, comparison),))
    parts, left_out = _compare_datasets(datasets, metric, options)
    setups = match_setups([part.comparison for part in parts])
    reference = None
    if baseline is not None:
        parts, reference = _judge_against(parts, setups, baseline, metric, options)
        # The groups of the new comparisons are other objects.
        setups = match_setups([part.comparison for part in parts])
        reference = next((setup for setup in setups if reference and setup.label == reference.label), None)
    left_out += others
    if len(parts) == 1:
        comparison = replace(parts[0].comparison, left_out=(*parts[0].comparison.left_out, *left_out))
        return DatasetComparison((replace(parts[0], comparison=comparison),))
    return _add_ranking(DatasetComparison(tuple(parts), left_out=tuple(left_out)), setups, reference)


def _compare_datasets(
    datasets: Sequence[DatasetRuns], metric: str | None, options: dict[str, Any]
) -> tuple[list[DatasetPart], list[RunInfo]]:
    """Return a part for each dataset with scores, and the runs on other datasets. At least one part is returned.

    Raises:
        UsageError: no dataset has the metric, or another argument is wrong.
    """
    parts: list[DatasetPart] = []
    empty_parts: list[DatasetPart] = []
    left_out: list[RunInfo] = []
    errors: list[UsageError] = []
    for dataset in datasets:
        try:
            part = DatasetPart(dataset, compare_runs(dataset.runs, metric, **options))
        except UsageError as error:
            errors.append(error)
            left_out += [replace(item, error=item.error or error.message) for item in dataset.runs]
            continue
        (parts if part.comparison.run_scores else empty_parts).append(part)
    if not parts and not empty_parts:
        raise errors[0]
    omitted = empty_parts if parts else empty_parts[1:]
    left_out += [run_info for part in omitted for run_info in part.comparison.left_out]
    return parts or empty_parts[:1], left_out


def _judge_against(
    parts: Sequence[DatasetPart], setups: Sequence[Setup], baseline: str, metric: str | None, options: dict[str, Any]
) -> tuple[list[DatasetPart], Setup | None]:
    """Return the parts with verdicts against a baseline, and the setup of the baseline.

    The setup is `None` if the text of the baseline names several setups.

    Args:
        parts: The parts, with verdicts against their best groups.
        setups: The setups of the parts.
        baseline: The text of `--baseline`.
        metric: The text of `--metric`.
        options: Other arguments of `compare_runs`.

    Raises:
        UsageError: the text names no group on any dataset.
    """
    named, errors = {}, []
    for index, part in enumerate(parts):
        groups = part.comparison.groups
        try:
            named[index] = resolve_group(groups, baseline, [part.comparison.get_label(group) for group in groups])
        except UsageError as error:
            errors.append(error)
    if not named:
        raise errors[0]
    references = [
        setup
        for setup in setups
        if any(index in named and setup.groups[index] is named[index] for index in setup.groups)
    ]
    reference = references[0] if len(references) == 1 else None
    judged = []
    for index, part in enumerate(parts):
        group = named.get(index) or (reference.groups.get(index) if reference else None)
        if group is None:
            judged.append(part)
            continue
        run_id = group.run_scores[0].record.id
        comparison = compare_runs(part.dataset.runs, metric, baseline=run_id, **options)
        judged.append(replace(part, comparison=comparison))
    return judged, reference


def _add_ranking(compared: DatasetComparison, setups: Sequence[Setup], reference: Setup | None) -> DatasetComparison:
    """Return the comparison with the ranking of its setups, or with the reason why there is none.

    Args:
        compared: The comparison without a ranking.
        setups: The setups of its parts.
        reference: The setup of the baseline that the user named; `None` without such a setup.
    """
    comparisons = [part.comparison for part in compared.parts]
    usable = [
        index
        for index, comparison in enumerate(comparisons)
        if comparison.run_scores and not find_fold_conflict(comparison.groups)
    ]
    independent = choose_independent([part.dataset for part in compared.parts], usable)
    if len(independent) < MIN_DATASETS:
        count = len(compared.parts)
        more = f", and {len(independent)} of {count} count" if len(independent) < count else f", and there are {count}"
        reason = f"no ranking over datasets: its test needs at least {MIN_DATASETS} datasets{more}"
        notes = find_ranking_notes([part.label for part in compared.parts], usable, independent, None)
        return replace(compared, no_ranking_reason=reason, notes=tuple(notes))
    ranking = rank_setups(comparisons, setups, independent, reference)
    notes = find_ranking_notes([part.label for part in compared.parts], usable, independent, ranking)
    if ranking is None:
        reason = (
            f"no ranking over datasets: no two setups were trained on {MIN_DATASETS} datasets; --by KEY "
            "matches groups by the values of one key"
        )
        return replace(compared, no_ranking_reason=reason, notes=tuple(notes))
    caveats = find_ranking_caveats(ranking, comparisons[0].keys)
    return replace(compared, ranking=ranking, notes=tuple(notes), caveats=tuple(caveats))
