"""Names of arrays: which split an array belongs to, and whether it holds inputs or targets.

A name has a word for inputs or targets, and at most one word for a split, in either order. Capitals and separators make
no difference: `X_train`, `train_images`, `xTrain` and `train-data` are training inputs.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import SplitName

_Role = Literal["inputs", "targets"]
_SplitWord = SplitName | Literal["any"]

_WORDS_BY_ROLE: dict[_Role, str] = {
    "inputs": "xs?|inputs?|data|images?|imgs?|features?|samples?",
    "targets": "ys?|targets?|labels?",
}
_WORDS_BY_SPLIT: dict[_SplitWord, str] = {
    "train": "train(?:ing)?(?:full)?",
    "validation": "val|valid|validation|dev",
    "test": "test(?:ing)?",
    "any": "",
}
_USUAL_NAMES: dict[_SplitWord, tuple[str, str]] = {
    "train": ("x_train", "y_train"),
    "validation": ("x_val", "y_val"),
    "test": ("x_test", "y_test"),
    "any": ("x", "y"),
}
"""Usual names of inputs and targets, for messages."""

_FIRST_RULES_NAMES: dict[SplitName, tuple[tuple[str, str], ...]] = {
    "train": (("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y")),
    "validation": tuple((f"{x}_{part}", f"y_{part}") for part in ("val", "validation") for x in "xX"),
    "test": (("x_test", "y_test"), ("X_test", "y_test")),
}
"""Pairs of names of rules 1. The first pair that exists in the file is read, and no other names are read."""

_MAX_LISTED_NAMES = 20


def _build_name_patterns() -> tuple[tuple[_Role, _SplitWord, re.Pattern[str]], ...]:
    """Build a pattern for each role and split. A pattern matches a whole name in lower case without separators."""
    return tuple(
        (role, split, re.compile(f"(?:{split_words})(?:{role_words})|(?:{role_words})(?:{split_words})"))
        for role, role_words in _WORDS_BY_ROLE.items()
        for split, split_words in _WORDS_BY_SPLIT.items()
    )


SPLIT_WORDS: tuple[_SplitWord, ...] = ("any", "test", "validation", "train")
"""Splits of arrays in the order in which `dnn predict` and `dnn evaluate` use them."""

_NAME_PATTERNS = _build_name_patterns()


def parse_array_name(name: str) -> tuple[_Role, _SplitWord] | None:
    """Parse the name of an array into its role and its split, or return `None` for another name.

    The split of a name without a word for a split, such as `x` or `labels`, is `any`.
    """
    plain_name = re.sub(r"[_\-\s.]", "", name).lower()
    return next((parsed[:2] for parsed in _NAME_PATTERNS if parsed[2].fullmatch(plain_name)), None)


def find_array_pair(path: str, names: Sequence[str], split: SplitName, rules: int) -> tuple[str, str] | None:
    """Find the names of the inputs and targets of a split. If the split is absent, return `None`.

    Args:
        path: The path of the file, for messages.
        names: The names of all arrays.
        split: The split. Arrays without a word for a split are for training, if the file has no other training arrays.
        rules: The version of the rules.

    Raises:
        UserDataError: a split has only inputs or only targets, or several arrays can be its inputs or targets.
    """
    if rules == 1:
        return _find_first_rules_pair(path, names, split)
    pair = select_array_pair(path, names, split)
    return select_array_pair(path, names, "any") if pair is None and split == "train" else pair


def select_array_pair(path: str, names: Sequence[str], split: _SplitWord) -> tuple[str, str] | None:
    """Select the arrays whose names are those of inputs and targets of a split; `None` if there are no such arrays.

    Raises:
        UserDataError: there are only inputs or only targets, or several arrays can be the inputs or targets.
    """
    candidates: dict[_Role, list[str]] = {
        role: [name for name in dict.fromkeys(names) if parse_array_name(name) == (role, split)]
        for role in _WORDS_BY_ROLE
    }
    for role, found_names in candidates.items():
        if len(found_names) > 1:
            of_split = "" if split == "any" else {"train": "training "}.get(split, f"{split} ")
            raise UserDataError(
                f"{path}: {' and '.join(found_names[:3])} can all be the {of_split}{role}"
                if len(found_names) > 2
                else f"{path}: {found_names[0]} and {found_names[1]} can both be the {of_split}{role}",
                "keep one of these arrays, or rename the others",
            )
    x, y = candidates["inputs"], candidates["targets"]
    if not x and not y:
        return None
    if not x or not y:
        (present,) = x or y
        missing = _suggest_partner_name(present, split)
        raise UserDataError(f"{path} has {present} but no {missing}; it contains {format_array_names(names)}")
    return x[0], y[0]


def _suggest_partner_name(name: str, split: _SplitWord) -> str:
    """Return the name of the targets for the name of inputs, or the reverse: `y_valid` for `X_valid`."""
    parsed = parse_array_name(name)
    is_inputs = parsed is not None and parsed[0] == "inputs"
    letters, other = ("xX", "y") if is_inputs else ("yY", "x")
    partner = re.sub(rf"^[{letters}](?![A-Za-z])|(?<![A-Za-z])[{letters}]$", other, name)
    return partner if partner != name else _USUAL_NAMES[split][1 if is_inputs else 0]


def _find_first_rules_pair(path: str, names: Sequence[str], split: SplitName) -> tuple[str, str] | None:
    """Find the names of the inputs and targets of a split by the rules of dnn 0.11.0 and older.

    Raises:
        UserDataError: a split has only inputs or only targets.
    """
    for pair in _FIRST_RULES_NAMES[split]:
        if set(names).issuperset(pair):
            return pair
    for x, y in _FIRST_RULES_NAMES[split]:
        if x in names or y in names:
            has, lacks = (x, y) if x in names else (y, x)
            raise UserDataError(f"{path} has {has} but no {lacks}; it contains {format_array_names(names)}")
    return None


def list_unused_names(names: Sequence[str]) -> list[str]:
    """List the arrays that no split uses: other names, and names without a split next to those of training arrays."""
    parsed = {name: parse_array_name(name) for name in names}
    has_training_arrays = any(value is not None and value[1] == "train" for value in parsed.values())
    return [name for name, value in parsed.items() if value is None or (value[1] == "any" and has_training_arrays)]


def build_missing_arrays_error(path: str, names: Sequence[str], split: _SplitWord) -> UserDataError:
    """Build the error of a split that is absent."""
    x, y = _USUAL_NAMES[split]
    return UserDataError(
        f"{path} has no {x} and {y}; it contains {format_array_names(names)}",
        f"use numpy.savez('data.npz', {x}=inputs, {y}=targets)",
    )


def format_array_names(names: Sequence[str]) -> str:
    """Format the first names of the arrays in a file."""
    listed = ", ".join(islice(names, _MAX_LISTED_NAMES))
    return listed + (", …" if len(names) > _MAX_LISTED_NAMES else "") if names else "no arrays"
