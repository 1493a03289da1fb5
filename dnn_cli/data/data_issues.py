"""Issues of data: a message, the examples and columns that it is about, and a suggestion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data

_MAX_NAMED = 5
"""Maximum number of columns, classes or other names in a message."""


@dataclass(frozen=True)
class DataIssue:
    """Something wrong or doubtful in the data of an experiment."""

    kind: str
    """Name of the kind of issue, such as `shared_examples`, for JSON documents."""

    message: str
    suggestion: str = ""
    """What to do; often an override. Empty if `dnn` has no setting for it."""

    columns: tuple[str, ...] = ()
    """Names of the columns that have the issue."""

    groups: tuple[tuple[int, ...], ...] = ()
    """Numbers of examples that belong together, such as those with equal inputs, in the order of `AllExamples`."""

    def __str__(self) -> str:
        return f"{self.message}  ({self.suggestion})" if self.suggestion else self.message


def get_example_noun(data: Data) -> str:
    """Return the word for an example in messages: row of a table with named columns, image, or example."""
    return "row" if data.info.features else data.info.example_noun


def format_names(noun: str, plural: str, names: Sequence[str]) -> str:
    """Return a noun with the first names, such as `columns a, b, c, d, e and 2 more`."""
    more = len(names) - _MAX_NAMED
    listed = ", ".join(names[:_MAX_NAMED])
    return f"{noun if len(names) == 1 else plural} {listed}{f' and {more:,} more' if more > 0 else ''}"


def format_number(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` or `1,200 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def list_members(members: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Return the members of each group, by the group number of each member. The group numbers ascend."""
    if not len(members):
        return ()
    starts: list[Any] = [*np.flatnonzero(np.diff(groups)) + 1]
    return tuple(tuple(part.tolist()) for part in np.split(members, starts))
