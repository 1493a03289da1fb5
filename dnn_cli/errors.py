"""What can go wrong, each error with what, where and what to do instead.

DnnError            exit 1   the command could not do its work
├── UsageError      exit 2   the command line asks for something that is not there
│   ├── QueryError    exit 2   a condition on runs has a fault; points at it
│   └── AmbiguousAddressError  exit 2   an address means several runs; lists them
├── ConfigError     exit 2   an experiment has faults; holds every one of them
├── DataError       exit 1   a dataset could not be found, read or trusted
│   └── OwnDataError  exit 2   a user's own data file is missing or not what it should be
└── RunError        exit 1   a run directory could not be written or read
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class DnnError(Exception):
    """The root of every error that `dnn` raises on purpose.

    `message` says what went wrong and where, `hint` what to do instead (may be empty).
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DnnError):
    """The command line names something that does not exist or does not go together."""

    exit_code = 2


class QueryError(UsageError):
    """A condition on runs has a fault; the message has a line for the condition and one that points at the place."""


class AmbiguousAddressError(UsageError):
    """An address means several runs where one is needed; the message has a line for each run."""


class DataError(DnnError):
    """A dataset could not be found, read or trusted."""


class OwnDataError(DataError):
    """A user's own data file is missing or not what it should be; `key` is the key of `data` that is to blame."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "", key: str = "path") -> None:
        super().__init__(message, hint)
        self.key = key


class RunError(DnnError):
    """A run directory could not be written or read."""


@dataclass(frozen=True)
class Place:
    """Where a value was written: a file with 1-based line and column, or an override's own text."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an experiment, where it stands, and what would be right."""

    place: Place
    key: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        parts = [str(self.place), self.key, self.message, f"({self.suggestion})" if self.suggestion else ""]
        return "  ".join(part for part in parts if part)


class ConfigError(DnnError):
    """An experiment has faults; `faults` holds all of them in the order of the file."""

    exit_code = 2

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[Fault, ...]]]:
        return ConfigError, (self.faults,)  # or a copy from another process would be made of the message


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return `did you mean …?` for the choice nearest to a name, or an empty text where none is near.

    A choice of the same letters in another order comes first: for `adma`, `adam` before `adamax`.
    """
    by_lower = {choice.lower(): choice for choice in choices}
    swapped = [choice for choice in by_lower if sorted(choice) == sorted(name.lower())]
    found = get_close_matches(name.lower(), swapped, n=1, cutoff=0.0)
    found = found or get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[found[0]]}?" if found else ""
