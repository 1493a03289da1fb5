"""Errors of the program, and the issues of configs that errors hold.

DnnError                       exit 1: the command failed
├── UsageError                 exit 2: the command line names something missing, or combines incompatible options
│   ├── QueryError             exit 2: a condition on runs is not valid; the message points at the error
│   └── AmbiguousAddressError  exit 2: an address names several runs; the message lists the runs
├── ConfigError                exit 2: a config has issues; the error holds all issues
├── DataError                  exit 1: a dataset cannot be found or read, or its contents are not those expected
│   └── UserDataError          exit 2: a user's own data file is missing or not valid
└── RunError                   exit 1: a run directory cannot be written or read
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""Path to a value in a config, as keys and list indices: `("model", "layers", 0, "units")`."""


class DnnError(Exception):
    """Base class of all errors that `dnn` raises on purpose.

    `message` describes the error and its location. `suggestion` describes what to do instead, and may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


class UsageError(DnnError):
    """Error of a command line that names something that does not exist, or combines incompatible options."""

    exit_code = 2


class QueryError(UsageError):
    """Error of an invalid condition that selects runs. The message shows the condition and marks the error in it."""


class AmbiguousAddressError(UsageError):
    """Error of a run address that matches several runs although a command needs a single run.

    The message has a line for each of these runs.
    """


class DataError(DnnError):
    """Error of a dataset that cannot be found or read, or whose contents are not those expected."""


class UserDataError(DataError):
    """Error of a user's own data file that is missing or not valid.

    `key` is the key under `data` in the config that causes the error, such as `path`. `layer_path` is the key path of
    an argument of a layer that does not fit the data; it is empty for other errors.
    """

    exit_code = 2

    def __init__(self, message: str, suggestion: str = "", key: str = "path", layer_path: KeyPath = ()) -> None:
        super().__init__(message, suggestion)
        self.key = key
        self.layer_path = layer_path


class RunError(DnnError):
    """Error of a run directory that cannot be written or read."""


@dataclass(frozen=True)
class SourceLocation:
    """Location of a config value.

    `source` is a file, or the text of an override. In a file, `line` and `column` are counted from 1.
    """

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class LocatedIssue:
    """Something wrong or doubtful in a config, with the file and line, the key, a message and a suggestion."""

    location: SourceLocation
    key: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        parts = [str(self.location), self.key, self.message, f"({self.suggestion})" if self.suggestion else ""]
        return "  ".join(part for part in parts if part)


class ConfigError(DnnError):
    """Error of a config that is not valid. `issues` holds all issues in the order of the file."""

    exit_code = 2

    def __init__(self, issues: Iterable[LocatedIssue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(map(str, self.issues)))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[LocatedIssue, ...]]]:
        # By default, a copy in another process would be built from the message instead of the issues.
        return ConfigError, (self.issues,)


def suggest_nearest_name(name: str, choices: Iterable[str]) -> str:
    """Return `did you mean …?` with the choice nearest to a name, or an empty text if all choices are too different.

    A choice with the same letters in another order comes first: for `adma`, `adam` before `adamax`.
    """
    by_lower = {choice.lower(): choice for choice in choices}
    anagrams = [choice for choice in by_lower if sorted(choice) == sorted(name.lower())]
    matches = get_close_matches(name.lower(), anagrams, n=1, cutoff=0.0)
    matches = matches or [
        match
        for match in get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
        if _has_typing_error(name.lower(), match)
    ]
    return f"did you mean {by_lower[matches[0]]}?" if matches else ""


def _has_typing_error(name: str, choice: str) -> bool:
    """Return whether a name differs from a choice by a quarter of their letters, by one letter, or by first words.

    The last step of a dotted key is enough: `learnin_rate` for `optimizer.learning_rate`.
    """
    for part in {choice, choice.rpartition(".")[2]}:
        ratio = SequenceMatcher(None, name, part).ratio()
        # An exchanged letter has no equal in both names.
        different_letters = round((1 - ratio) * (len(name) + len(part)))
        if ratio >= 0.75 or different_letters <= 2 or name.endswith(f"_{part}"):
            return True
    return False


class Issue(NamedTuple):
    """Something wrong or doubtful in a config, whose location in a file is not yet known.

    `path` is the key path of the value.
    """

    path: KeyPath
    message: str
    suggestion: str = ""
    """Suggestion for the user, which must be right when followed literally.

    `tests/config/test_suggestions.py` follows each suggestion.
    """


OUT_OF_MEMORY = "out of memory"
OUT_OF_MEMORY_SUGGESTION = "use a smaller batch_size, mixed_precision=true or a smaller network"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python or TensorFlow says that the memory of the machine or of its GPU is full."""
    # TensorFlow is slow to import, and its class is needed only for its name.
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
