"""Examples with equal inputs: within a split, across splits, and with different targets."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import SPLIT_ADJECTIVES, TEST, TRAINING, VALIDATION, AllExamples
from dnn_cli.data.data_issues import DataIssue, format_number, get_example_noun, list_members
from dnn_cli.data.data_leakage import compute_match_chance, sample_training_rows
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.row_hashes import hash_rows

_MIN_CHANCE_RATIO = 2.0
"""Equal inputs are reported if their pairs are at least this number of times as many as chance is expected to give."""

_MAX_HASHED_BYTES = 200_000_000
"""Maximum size of the inputs that a training searches for duplicates, in bytes. Hashing 47 MB takes 20 ms."""

_MIN_SHARED_COUNT, _MIN_SHARED_SHARE = 5, 0.01
"""A training advises on duplicates if they are at least this number and this share of the validation examples.

Fewer duplicates change an accuracy by less than its standard error: at 1,000 examples, an accuracy of 90% has a
standard error of 0.9 percentage points."""

_MAX_CHANCE_SHARE = 0.02
"""Maximum share of validation examples that are expected to be duplicates by chance, for advice of a training."""


@dataclass(frozen=True)
class Duplicates:
    """Groups of examples with equal inputs. Each member has the number of its group, and groups ascend."""

    members: NDArray[np.int64]
    """Numbers of the examples in `AllExamples`; those of one group ascend."""

    groups: NDArray[np.int64]
    """Number of the group of each member, from 0."""

    @property
    def pair_count(self) -> int:
        """Number of pairs of examples with equal inputs."""
        counts = np.bincount(self.groups)
        return int((counts * (counts - 1) // 2).sum())

    def select_groups(self, is_selected: NDArray[np.bool_]) -> "Duplicates":
        """Return the selected groups, by a flag for each group."""
        is_kept = is_selected[self.groups]
        return Duplicates(self.members[is_kept], np.unique(self.groups[is_kept], return_inverse=True)[1].reshape(-1))

    def mark_groups(self, is_marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a flag for each group: whether at least one of its members is marked."""
        return np.bincount(self.groups, is_marked, minlength=self.group_count) > 0

    @property
    def group_count(self) -> int:
        return int(self.groups[-1]) + 1 if len(self.groups) else 0


def find_duplicates(all_examples: AllExamples) -> Duplicates:
    """Find all examples whose input is equal to the input of another example."""
    _, groups, counts = np.unique(all_examples.hashes, return_inverse=True, return_counts=True)
    groups = groups.reshape(-1)
    members = np.flatnonzero(counts[groups] > 1)
    members = members[np.lexsort((members, groups[members]))]
    # Groups are numbered in the order of their first example.
    first = _get_first_members(members, groups[members])
    members = members[np.lexsort((members, first))]
    first = np.sort(first)
    # Equal hashes are nearly always a sign of equal inputs, and the comparison makes sure.
    is_equal = _compare_inputs(all_examples, members, first)
    members, first = members[is_equal], first[is_equal]
    _, groups, counts = np.unique(first, return_inverse=True, return_counts=True)
    groups = groups.reshape(-1)
    return Duplicates(members, groups).select_groups(counts > 1) if len(members) else Duplicates(members, groups)


def _get_first_members(members: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first member of the group of each member. Members are sorted by group."""
    if not len(members):
        return members
    is_start = np.r_[True, np.diff(groups) != 0]
    first: NDArray[np.int64] = members[np.flatnonzero(is_start)[np.cumsum(is_start) - 1]]
    return first


def _compare_inputs(
    all_examples: AllExamples, members: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return whether the input of each member is equal to that of another example; missing values are equal."""
    is_equal = np.ones(len(members), np.bool_)
    for start in range(0, len(members), 1000):
        part = slice(start, start + 1000)
        left, right = all_examples.get_rows(members[part]), all_examples.get_rows(others[part])
        is_equal[part] = ((left == right) | ((left != left) & (right != right))).all(1)
    return is_equal


def list_duplicate_issues(data: Data, all_examples: AllExamples) -> list[DataIssue]:
    """List issues of equal inputs: shared by splits, repeated in a split, and with different targets.

    The list is empty if chance is expected to give a similar number of equal inputs.
    """
    duplicates = find_duplicates(all_examples)
    if not len(duplicates.members) or duplicates.pair_count < _MIN_CHANCE_RATIO * _compute_chance_pairs(all_examples):
        return []
    noun = get_example_noun(data)
    differs = _find_different_targets(all_examples, duplicates)
    return [
        *_list_shared_issues(all_examples, duplicates, differs, noun),
        *_list_repeat_issues(all_examples, duplicates, noun),
        *_list_target_issues(duplicates, differs, noun),
    ]


def _compute_chance_pairs(all_examples: AllExamples) -> float:
    """Compute the number of pairs of equal inputs that are expected by chance."""
    inputs, count = all_examples.examples.inputs, len(all_examples)
    chance = compute_match_chance(sample_training_rows(inputs.reshape(len(inputs), -1), all_examples.split.train))
    return chance * count * (count - 1) / 2


def _find_different_targets(all_examples: AllExamples, duplicates: Duplicates) -> NDArray[np.bool_]:
    """Return for each group whether its members have different targets."""
    targets = all_examples.targets.reshape(len(all_examples), -1)
    first = _get_first_members(duplicates.members, duplicates.groups)
    return duplicates.mark_groups((targets[duplicates.members] != targets[first]).any(1))


def _list_shared_issues(
    all_examples: AllExamples, duplicates: Duplicates, differs: NDArray[np.bool_], noun: str
) -> Iterator[DataIssue]:
    """Yield an issue for validation examples, and for test examples, whose inputs also occur in an earlier split."""
    splits = all_examples.split_numbers[duplicates.members]
    for split, earlier_splits in ((VALIDATION, [TRAINING]), (TEST, [TRAINING, VALIDATION])):
        is_shared = duplicates.mark_groups(np.isin(splits, earlier_splits)) & duplicates.mark_groups(splits == split)
        count = int((is_shared[duplicates.groups] & (splits == split)).sum())
        if not count:
            continue
        total = int((all_examples.split_numbers == split).sum())
        used_splits = [SPLIT_ADJECTIVES[earlier] for earlier in earlier_splits if (splits == earlier).any()]
        different_count = int((is_shared & differs)[duplicates.groups][splits == split].sum())
        agreement = f"{different_count:,} of them with different targets" if different_count else "with equal targets"
        verb = "has the inputs" if count == 1 else "have the inputs"
        # A network that has learned another target for these inputs gets a lower score.
        effect = (
            f"bias the {SPLIT_ADJECTIVES[split]} score"
            if different_count
            else f"make the {SPLIT_ADJECTIVES[split]} score too good"
        )
        yield DataIssue(
            "shared_examples",
            f"{count:,} of {total:,} {SPLIT_ADJECTIVES[split]} {noun}s {verb} of a {' or '.join(used_splits)} {noun}, "
            f"{agreement}",
            f"remove the copies, which {effect}",
            groups=_list_groups(duplicates.select_groups(is_shared)),
        )


def _list_repeat_issues(all_examples: AllExamples, duplicates: Duplicates, noun: str) -> Iterator[DataIssue]:
    """Yield an issue for each split in which inputs occur more than once."""
    splits = all_examples.split_numbers[duplicates.members]
    for split, adjective in enumerate(SPLIT_ADJECTIVES):
        in_split = splits == split
        counts = np.bincount(duplicates.groups[in_split], minlength=duplicates.group_count)
        repeats = int(np.maximum(counts - 1, 0).sum())
        if repeats:
            inside = Duplicates(duplicates.members[in_split], duplicates.groups[in_split])
            total = int((all_examples.split_numbers == split).sum())
            verb = "repeats" if repeats == 1 else "repeat"
            yield DataIssue(
                "repeated_examples",
                f"{repeats:,} of {total:,} {adjective} {noun}s {verb} the input of another {adjective} {noun}",
                "remove the copies, which count several times",
                groups=_list_groups(inside.select_groups(counts > 1)),
            )


def _list_target_issues(duplicates: Duplicates, differs: NDArray[np.bool_], noun: str) -> Iterator[DataIssue]:
    """Yield an issue if examples with equal inputs have different targets."""
    if not differs.any():
        return
    different = duplicates.select_groups(differs)
    message = f"{len(different.members):,} {noun}s with equal inputs have different targets, in "
    yield DataIssue(
        "conflicting_targets",
        message + format_number(different.group_count, "group"),
        f"correct the targets of these {noun}s",
        groups=_list_groups(different),
    )


def _list_groups(duplicates: Duplicates) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the examples of each group."""
    return list_members(duplicates.members, duplicates.groups)


def find_shared_inputs(data: Data, examples: Examples, split: Split) -> DataIssue | None:
    """Find validation examples with the inputs of training examples, if they are many enough to change a score.

    Return `None` for few of them, for numbers that chance explains, and for inputs above `_MAX_HASHED_BYTES`.
    """
    count = len(split.validation)
    if count < _MIN_SHARED_COUNT or examples.inputs.nbytes > _MAX_HASHED_BYTES:
        return None
    rows = examples.inputs.reshape(len(examples), -1)
    hashes = hash_rows(rows)
    shared_count = int(np.isin(hashes[split.validation], hashes[split.train]).sum())
    if shared_count < max(_MIN_SHARED_COUNT, math.ceil(_MIN_SHARED_SHARE * count)):
        return None
    if len(split.train) * compute_match_chance(sample_training_rows(rows, split.train)) > _MAX_CHANCE_SHARE:
        return None
    noun = get_example_noun(data)
    message = f"{shared_count:,} of {count:,} validation {noun}s have the inputs of a training {noun}"
    return DataIssue("shared_examples", message, "dnn data check CONFIG lists them")
