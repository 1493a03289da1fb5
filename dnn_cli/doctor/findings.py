"""What a look at something finds: facts, and problems with what to do about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something that is off."""

    what: str
    remedy: str
    stops: bool = False
    """Whether nothing can be trained as long as it is so."""


@dataclass(frozen=True)
class Section:
    """What was found in one place."""

    name: str
    facts: Mapping[str, Any]
    """Plain values by their names."""

    problems: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    """What a person is told instead of the values of some facts; an empty text is left out."""

    literal: bool = False
    """Whether the names of its facts are names elsewhere, too, and stand as they are."""
