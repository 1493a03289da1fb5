"""Planted faults and sound runs: experiments whose correct explanation is known before they are trained."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One experiment and the explanation that `dnn explain` must give of its run."""

    name: str
    """A short, readable identifier, such as `rate_too_high`."""

    config: str
    """The YAML of the experiment. Paths are relative to the directory that `write_data` fills."""

    fault: str = ""
    """The planted fault in plain English; empty for a sound run."""

    evidence: str = ""
    """How a reader knows that this fault, and no other, is planted; or that the run is sound."""

    kinds: tuple[str, ...] = ()
    """The kinds of findings that name the fault, any of which must be the first or second one."""

    write_data: Callable[[Path], None] | None = None
    """Writes the data files of the experiment into a directory; None for a built-in dataset."""
