"""Settings and seeds that all groups have, so that other settings cause no difference between the means of groups."""

from collections import Counter
from collections.abc import Sequence

from dnn_cli.compare.group import Combination, Group, Setting

_MAX_CANDIDATES = 100
"""Largest number of candidates (sets of seeds) that `find_largest_block` tries. It tries the most common sets."""


def find_balanced_combinations(groups: Sequence[Group]) -> list[set[Combination]]:
    """Find the combinations of setting and seed that count in each group, and return one set for each group.

    If the groups have common settings, the same settings count in all groups. Otherwise, the settings of each group
    are chosen separately. Only those seeds of a group count that have all these settings.

    If groups averaged over different settings, these settings could cause a difference between the means. If seeds
    had different settings, these settings would increase the standard deviation over seeds.
    """
    common = set.intersection(*(group.other_settings for group in groups)) if groups else set()
    if common:
        block = find_largest_block(common, groups)
        return [_list_complete_combinations(group, block) for group in groups]
    return [_list_complete_combinations(group, find_largest_block(group.other_settings, [group])) for group in groups]


def _list_complete_combinations(group: Group, settings: set[Setting]) -> set[Combination]:
    """Return all pairs of one of the settings and one complete seed of a group.

    A seed is complete if the group has a score of this seed for each of the settings.
    """
    seeds = [seed for seed in group.seeds if all((setting, seed) in group.scores for setting in settings)]
    return {(setting, seed) for setting in settings for seed in seeds}


def find_largest_block(settings: set[Setting], groups: Sequence[Group]) -> set[Setting]:
    """Find the block (a set of settings) for which the largest number of runs counts, and return the block.

    A run counts if its setting is in the block, and its seed was trained with all settings of the block. A candidate
    consists of the seeds that were trained with one setting, as one set for each group. The block of a candidate
    consists of all settings that were trained with at least these seeds.
    """
    seeds: dict[Setting, list[set[int]]] = {setting: [set() for _ in groups] for setting in settings}
    for index, group in enumerate(groups):
        for other, seed in group.scores:
            if other in seeds:
                seeds[other][index].add(seed)
    candidates = Counter(tuple(map(frozenset, seed_sets)) for seed_sets in seeds.values()).most_common(_MAX_CANDIDATES)

    def find_block(candidate: tuple[frozenset[int], ...]) -> set[Setting]:
        return {
            other
            for other, seed_sets in seeds.items()
            if all(
                candidate_seeds <= setting_seeds
                for candidate_seeds, setting_seeds in zip(candidate, seed_sets, strict=True)
            )
        }

    blocks = [(find_block(candidate), sum(map(len, candidate))) for candidate, _ in candidates]
    return max(blocks, key=lambda block: (len(block[0]) * block[1], len(block[0]), sorted(block[0])))[0]
