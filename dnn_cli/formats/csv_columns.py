"""Columns of a CSV file: names in the header, and the choice of target, weight and inputs."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.csv_errors import CsvErrors
from dnn_cli.formats.csv_numbers import parse_float, quote_cell
from dnn_cli.formats.csv_rows import HEADER_HINT, CsvRow
from dnn_cli.formats.data_overrides import format_column_removal, format_override
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.host.control_characters import FORBIDDEN_CHARACTER

TARGET_COLUMN_NAMES = ("y", "label", "labels", "target", "class")
"""Usual names of a target column."""

_WEIGHT_COLUMN_NAMES = ("weight", "weights", "sample_weight", "sample_weights", "case_weight", "case_weights")
"""Usual names of a column with the weights of the rows. Such a column is an input unless `data.weight` names it."""

_MIN_NUMBERED_COLUMNS = 3
"""Minimum number of columns such as `pixel0`, `pixel1` and `pixel2` that are inputs rather than targets."""


@dataclass(frozen=True)
class CsvColumns:
    """Names of the columns, with the positions of the target, of the weights and of the inputs."""

    names: tuple[str, ...]
    target_index: int
    feature_indices: tuple[int, ...]
    """Positions of the input columns."""

    weight_index: int | None = None
    group_index: int | None = None
    time_index: int | None = None
    unnamed_indices: tuple[int, ...] = ()
    """Positions of columns without a name, which may hold row names in the first column, and else no values."""

    remarks: tuple[Remark, ...] = ()
    line: int = 1
    """Line number of the header."""

    width: int = field(init=False)
    """Number of cells in a row. Columns without name at the end do not count, because rows may lack their cells."""

    def __post_init__(self) -> None:
        width = len(self.names)
        while width and not self.names[width - 1] and width - 1 in self.unnamed_indices:
            width -= 1
        object.__setattr__(self, "width", width)

    @property
    def target(self) -> str:
        """Name of the target column."""
        return self.names[self.target_index]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the input columns."""
        return tuple(self.names[index] for index in self.feature_indices)


def select_columns(path: str, header: CsvRow, options: CsvOptions) -> CsvColumns:
    """Select the target, the weights and the inputs among the columns of a header.

    Args:
        path: The path of the file, for messages.
        header: The row of the names.
        options: The options of the reader. Without a target, the last column that is not ignored is the target.

    Raises:
        UserDataError: the header holds data, lacks a column, or has a name twice, or the target is ambiguous.
    """
    line, names = header[0], tuple(cell.strip() for cell in header[1])
    if options.rules > 1:
        _check_characters(path, line, names)
    if options.header is None:
        _check_header(path, line, names)
    _check_names(path, line, names, options.ignore)
    requested = {"target": options.target, "weight": options.weight, "group": options.group, "time": options.time}
    typed = [("columns", name) for name, _ in options.columns or ()]
    for key, name in [*requested.items(), *(("ignore", name) for name in options.ignore), *typed]:
        if name is not None and name not in names:
            column_list = f"use one of {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
            raise UserDataError(
                f"{path}:{line}  has no column {name}", suggest_nearest_name(name, names) or column_list, key
            )
    weight_index, group_index, time_index = (
        None if requested[key] is None else names.index(str(requested[key])) for key in ("weight", "group", "time")
    )
    typed_names = {name for _, name in typed}
    # Groups and times are inputs only if they have a type.
    split_roles = {
        index for index in (group_index, time_index) if index is not None and names[index] not in typed_names
    }
    other_roles = {weight_index, *split_roles}
    unnamed = tuple(index for index, name in enumerate(names) if not name and "" not in options.ignore)
    remaining = [
        index for index, name in enumerate(names) if name and name not in options.ignore and index not in other_roles
    ]
    if options.target is not None:
        target_index = names.index(options.target)
    else:
        target_index = remaining[-1] if remaining else 0
        if options.rules > 1:
            _check_target_is_clear(path, line, [names[index] for index in remaining])
    roles = {"target": target_index, "weight": weight_index, "group": group_index, "time": time_index}
    _check_roles_differ(f"{path}:{line}", names, roles)
    _check_typed_columns(f"{path}:{line}", names, {key: roles[key] for key in ("target", "weight")}, typed_names)
    features = tuple(index for index in remaining if index != target_index)
    if not features:
        raise UserDataError(f"{path}:{line}  has no columns left for the inputs", "ignore fewer columns", "ignore")
    remarks: list[Remark] = []
    if options.target is None:
        override = format_override("target", names[features[0]])
        remarks.append(Remark(f"column {names[target_index]}: the target, as the last column", override))
    if unused := [name for name, _ in options.columns or () if name in options.ignore]:
        override = format_override("ignore", [name for name in options.ignore if name not in unused])
        noun = f"column {unused[0]}" if len(unused) == 1 else f"columns {', '.join(unused)}"
        remarks.append(Remark(f"{noun}: left out by data.ignore, although data.columns has a type", override))
    if options.weight is None:
        remarks += [
            Remark(f"column {name}: an input, not the weights of the rows", format_override("weight", name))
            for name in (names[index] for index in features)
            if name.lower().replace(" ", "_") in _WEIGHT_COLUMN_NAMES
        ]
    return CsvColumns(
        names, target_index, features, weight_index, group_index, time_index, unnamed, tuple(remarks), line
    )


def _check_roles_differ(location: str, names: Sequence[str], roles: Mapping[str, int | None]) -> None:
    """Check that no column has two roles, such as target and weight.

    Args:
        location: The path and line of the header, for the message.
        names: The names of the columns.
        roles: The position of the column of each role, by the key of `data`; `None` without a column.

    Raises:
        UserDataError: a column has two roles.
    """
    first_roles: dict[int, str] = {}
    for role, index in roles.items():
        if index is not None and (first := first_roles.setdefault(index, role)) != role:
            raise UserDataError(f"{location}  column {names[index]} is both the {first} and the {role}",
                                "use two columns", role)  # fmt: skip


def _check_typed_columns(
    location: str, names: Sequence[str], roles: Mapping[str, int | None], typed_names: Collection[str]
) -> None:
    """Check that no column with a type is the target or has the weights.

    Args:
        location: The path and line of the header, for the message.
        names: The names of the columns.
        roles: The position of the target and of the weights; `None` without a column.
        typed_names: The names of the columns with a type.

    Raises:
        UserDataError: a column with a type has another role.
    """
    for role, index in roles.items():
        if index is not None and names[index] in typed_names:
            raise UserDataError(
                f"{location}  column {names[index]} is the {role}, but data.columns is for inputs",
                f"remove it: {format_column_removal(names[index])}",
                "columns",
            )


def _check_characters(path: str, line: int, names: Sequence[str]) -> None:
    """Check that the names have no control characters, which a config cannot contain. Line ends and tabs are valid.

    Raises:
        UserDataError: a name has a control character.
    """
    for position, name in enumerate(names, 1):
        if match := FORBIDDEN_CHARACTER.search(name):
            raise UserDataError(
                f"{path}:{line}  the name of column {position} contains the control character U+{ord(match[0]):04X}",
                "rename the column, or set data.encoding if the file has another encoding",
            )


def _check_header(path: str, line: int, names: Sequence[str]) -> None:
    """Check that a header has names, not the numbers of an example. Names that count from 0 are valid, as in pandas.

    Raises:
        UserDataError: the header has numbers.
    """
    cells = [name for name in names if name]
    numbers = [cell for cell in cells if parse_float(cell) is not None]
    is_counted = cells == list(map(str, range(len(cells))))
    repeated = [number for number, times in Counter(numbers).items() if times > 1]
    if (len(numbers) == len(cells) > 0 and not is_counted and len(names) > 1) or repeated:
        raise UserDataError(f"{path}:{line}  contains numbers instead of a header", HEADER_HINT, "header")


def _check_names(path: str, line: int, names: Sequence[str], ignore: Sequence[str]) -> None:
    """Check that a header has at least two columns, and that no name occurs twice except names of ignored columns.

    Raises:
        UserDataError: the header has too few columns, or a name twice.
    """
    errors = CsvErrors(path)
    for name, times in Counter(names).items():
        if name and times > 1 and name not in ignore:
            positions = [str(position) for position, other in enumerate(names, 1) if other == name]
            listed = f"{', '.join(positions[:10])}{', …' if len(positions) > 10 else ''}"
            hint = (
                f"use a different name for each column, or leave them out: {format_override('ignore', [*ignore, name])}"
            )
            errors.add_error(line, f"column {name} occurs {times} times: columns {listed}", hint)
    errors.raise_if_any()
    if len(names) < 2:
        raise UserDataError(f"{path}:{line}  has only the column {names[0]}", "add at least one column of inputs")


def _check_target_is_clear(path: str, line: int, names: Sequence[str]) -> None:
    """Check that the last column can be the target.

    Raises:
        UserDataError: the first column has the name of a target, or the last column is one of several numbered inputs
            and another column has the name of a target.
    """
    if len(names) < 2 or names[-1].lower() in TARGET_COLUMN_NAMES:
        return
    candidates = names[:-1] if _is_numbered_input(names) else names[:1]
    name = next((name for name in candidates if name.lower() in TARGET_COLUMN_NAMES), None)
    if name is not None:
        choices = [format_override("target", choice) for choice in (name, names[-1])]
        raise UserDataError(
            f"{path}:{line}  the target can be {name} or the last column, {names[-1]}",
            f"set {choices[0]} or {choices[1]}",
            "target",
        )


def _is_numbered_input(names: Sequence[str]) -> bool:
    """Return whether the last name is one of at least three numbered names, such as `pixel784`."""
    match = re.fullmatch(r"(.*\D)\d+", names[-1])
    if match is None:
        return False
    stem = re.compile(re.escape(match[1]) + r"\d+")
    return sum(stem.fullmatch(name) is not None for name in names) >= _MIN_NUMBERED_COLUMNS


def check_class_name_header(path: str, columns: CsvColumns, classes: Sequence[str], options: CsvOptions) -> None:
    """Check that the name of the target is not one of the classes, as in a file without a header.

    Raises:
        UserDataError: the name of the target is a class.
    """
    if options.header is None and columns.target in classes and parse_float(columns.target) is None:
        raise UserDataError(
            f"{path}:{columns.line}  is not a header: {quote_cell(columns.target)} is a class", HEADER_HINT, "header"
        )
