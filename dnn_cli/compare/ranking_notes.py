"""Notes and caveats on a ranking of setups over datasets."""

from collections import Counter
from collections.abc import Iterator, Sequence

from dnn_cli.compare.dataset_ranking import DatasetRanking
from dnn_cli.compare.setups import list_differing_settings
from dnn_cli.compare.text_lists import format_list

_MAX_LISTED = 6
"""Largest number of names that a note lists; further names are counted."""


def find_ranking_notes(
    labels: Sequence[str], usable: Sequence[int], independent: Sequence[int], ranking: DatasetRanking | None
) -> Iterator[str]:
    """Yield notes on datasets and setups that do not count in a ranking, and on setups whose runs failed.

    Args:
        labels: The labels of all datasets.
        usable: The indices of the datasets whose groups can be compared.
        independent: The indices of the usable datasets with different sources.
        ranking: The ranking; `None` without a ranking.
    """
    unusable = [label for index, label in enumerate(labels) if index not in usable]
    if unusable:
        yield f"not counted in the ranking, because their groups are not compared: {format_list(unusable, _MAX_LISTED)}"
    if same := [labels[index] for index in usable if index not in independent]:
        yield (
            "of datasets from one source, only the one with most runs counts in the ranking, not "
            f"{format_list(same, _MAX_LISTED)}"
        )
    if ranking is None:
        return
    if omitted := [labels[index] for index in independent if index not in ranking.datasets]:
        yield f"not counted in the ranking, because setups lack runs there: {format_list(omitted, _MAX_LISTED)}"
    if ranking.left_out:
        names = format_list([setup.label for setup in ranking.left_out], _MAX_LISTED)
        yield f"left out of the ranking, because they lack runs on some of its datasets: {names}"
    for ranked in ranking.setups:
        setup = ranked.setup
        if failed := [labels[index] for index in ranking.datasets if index not in setup.groups]:
            yield f"all runs of {setup.label} failed on {format_list(failed, _MAX_LISTED)}, where its rank is the last"


def find_ranking_caveats(ranking: DatasetRanking, keys: Sequence[str]) -> Iterator[str]:
    """Yield a caveat if runs of one setup have other settings on other datasets.

    Args:
        ranking: The ranking.
        keys: The keys of `--by`.
    """
    if differing := list_differing_settings([ranked.setup for ranked in ranking.setups], keys):
        yield (
            f"the setups have other settings on other datasets ({format_list(differing, _MAX_LISTED)}): a verdict is "
            "about each setup with these settings"
        )
    seeds = Counter(len(group.averaged_scores) for ranked in ranking.setups for group in ranked.setup.groups.values())
    if set(seeds) == {1}:
        yield "each score is that of one seed: more seeds make the ranks less random"
