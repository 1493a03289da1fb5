"""The fields of runs, such as `best.val_accuracy`, for use in conditions, sort orders and table columns.

The value of a field is read only when it is needed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dnn_cli.config.base import LAYER_LIST_KEYS
from dnn_cli.config.layer_stack import list_config_layer_names
from dnn_cli.config.score_names import expand_score_name
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.runs.evaluations import EVALUATE_HINT, TEST_PREFIX, is_test_score
from dnn_cli.runs.query.run_columns import ABSENT, RUN_COLUMNS, FieldGetter, build_record_getter, to_field_value
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Record
from dnn_cli.runs.run_info import RunInfo

_Scalar = str | int | float | bool
_Value = _Scalar | tuple[_Scalar, ...] | None
"""Value of a field: a tuple for a list, `None` for an empty field."""

_MAX_SEARCHED_FIELDS = 5000
"""Largest number of field names that are compared with a mistyped name, to suggest a similar name."""

_FIELD_SYNONYMS = {
    "date": "started",
    "time": "started",
    "created": "started",
    "start": "started",
    "finished": "ended",
    "duration": "seconds",
    "runtime": "seconds",
    "params": "parameters",
    "state": "status",
    "comment": "note",
}
"""Names of run fields in other programs, with the equivalent field of `dnn`."""

ALL_FIELDS_HINT = "dnn runs --all --csv prints every field as a column"

_DIGITS = re.compile(r"([0-9]+)")


_RECORD_SECTIONS: dict[str, Callable[[Record], Mapping[str, Any] | None]] = {
    "best": lambda record: {**(record.results.best or {}), **record.get_test_scores("best.keras")},
    "last": lambda record: record.results.last,
    "model": lambda record: record.results.model,
    "parameters": lambda record: record.parameters,
    "versions": lambda record: record.versions,
    "platform": lambda record: record.platform,
    "plan": lambda record: record.plan,
    "git": lambda record: record.git,
}
"""Sections of a record, with functions that return them. Keys of sections are fields, such as `best.val_accuracy`.

A field that is neither a column of runs nor in a section is a key of the config."""

SCORE_FIELD_PREFIXES = ("best.", "last.", "model.")
"""Prefixes of fields that name a score."""

_MODEL_CONFIG_FIELDS = ("model", "model.name", "model.layers")


def is_config_field(field: str) -> bool:
    """Return whether a field is a key of the config, so that its value must be read from `config.yaml`."""
    in_model = field in _MODEL_CONFIG_FIELDS or field.startswith("model.layers.")
    if field in RUN_COLUMNS or field.startswith(TEST_PREFIX):
        return False
    return in_model or field.partition(".")[0] not in _RECORD_SECTIONS


def build_getter(field: str) -> FieldGetter:
    """Build a function that returns the value of a field of a run."""
    if field in RUN_COLUMNS:
        return RUN_COLUMNS[field].value
    if field.startswith(TEST_PREFIX):
        return build_record_getter(lambda record: record.get_test_scores().get(field, ABSENT))
    if is_config_field(field):
        steps = field.split(".")
        return lambda run_info: get_config_field(run_info.config, steps) if run_info.record is not None else ABSENT
    head, _, key = (expand_score_name(field) if field.startswith(SCORE_FIELD_PREFIXES) else field).partition(".")
    get_section = _RECORD_SECTIONS[head]

    def get(run_info: RunInfo) -> Any:
        section = get_section(run_info.record) if run_info.record is not None else None
        return to_field_value(section[key]) if section and key in section else ABSENT

    return get


def get_config_field(config: Mapping[str, Any] | None, steps: Sequence[str]) -> Any:
    """Return the value of a config key in the form that queries compare: a text, number, Boolean or tuple.

    A part with a `type`, such as an optimizer, becomes the name of its type: `adam`. The arguments are those of
    `get_config_value`.
    """
    return to_field_value(get_config_value(config, steps))


def get_config_value(config: Mapping[str, Any] | None, steps: Sequence[str]) -> Any:
    """Return the value of a config key; `ABSENT` if the config lacks the key.

    Args:
        config: The resolved config; `None` has no keys.
        steps: The parts of the dotted key, such as `optimizer` and `learning_rate`. The leading `model` may be omitted.
    """
    node: Any = config or {}
    if steps[0] not in node and isinstance(node.get("model"), dict):
        node = node["model"]
    for step in steps:
        if isinstance(node, dict):
            node = node.get(step, ABSENT)
        elif isinstance(node, list):
            node = _find_list_item(node, step)
        else:
            return ABSENT
    return node


def _find_list_item(items: Sequence[Any], step: str) -> Any:
    """Return the list item that a part of a key names: the layer with this name, or the item with this index.

    Layers within a `repeat` or a residual block are searched too. The result is `ABSENT` if the item does not exist.
    """
    for element in items:
        if isinstance(element, dict) and element.get("name") == step:
            return element
    if step.isascii() and step.isdigit() and len(step) < 10:
        return items[int(step)] if int(step) < len(items) else ABSENT
    layers = [element for element in items if isinstance(element, dict)]
    for name, element in zip(list_config_layer_names(layers), layers, strict=True):
        if name == step:
            return element
    nested_items = (
        _find_list_item(element[key], step)
        for element in layers
        for key in LAYER_LIST_KEYS
        if isinstance(element.get(key), list)
    )
    return next((element for element in nested_items if element is not ABSENT), ABSENT)


def list_fields(runs: Iterable[RunInfo]) -> list[str]:
    """Return all fields of the runs: columns of runs first, then fields of records, then keys of configs."""
    fields: dict[str, None] = dict.fromkeys(RUN_COLUMNS)
    keys: dict[str, None] = {}
    for run_info in runs:
        if run_info.record is None:
            continue
        fields.update(dict.fromkeys(run_info.record.get_test_scores()))
        for head, get_section in _RECORD_SECTIONS.items():
            fields.update((f"{head}.{key}", None) for key in get_section(run_info.record) or ())
        keys.update((key, None) for key in iter_config_keys(run_info.config or {}))
    return [*fields, *(key for key in keys if key not in fields)]


def iter_config_keys(value: Any, key: str = "") -> Iterator[str]:
    """Yield the dotted keys of all plain values, lists, and parts with a `type` (such as layers) in a config.

    Args:
        value: A whole config, or one of its parts.
        key: The key of the part; empty for a whole config.
    """
    children: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        children = ((name, inner) for name, inner in value.items() if name != "type")
    elif isinstance(value, list) and any(isinstance(element, dict) for element in value):
        layers = [element for element in value if isinstance(element, dict)]
        children = zip(list_config_layer_names(layers), layers, strict=True) if key.endswith(LAYER_LIST_KEYS) else ()
    if key and (not isinstance(value, dict) or "type" in value):
        yield key.removeprefix("model.") if key.startswith("model.layers") else key
    for name, inner in children:
        yield from iter_config_keys(inner, f"{key}.{name}" if key else name)


def format_field_suggestion(field: str, runs: Sequence[RunInfo]) -> str:
    """Return `did you mean …?` for a field that no run has; empty without a similar field.

    The last parts of a name are enough: for `val_accuracy`, the function suggests `best.val_accuracy`.
    """
    # This module imports yaml, which takes as long as all other imports.
    from dnn_cli.config.overrides import expand_key

    names = list_fields(runs)[:_MAX_SEARCHED_FIELDS]
    field = expand_key(expand_score_name(field))
    if field in _FIELD_SYNONYMS or field in names:
        return f"did you mean {_FIELD_SYNONYMS.get(field, field)}?"
    if field.startswith(TEST_PREFIX) and not any(is_test_score(name) for name in names if name not in RUN_COLUMNS):
        return EVALUATE_HINT
    ending = [name for name in names if name.endswith(f".{field}")]
    # Such a column is also a field of the best and last epoch: suggest the key of the config first.
    if field in NON_SCORE_COLUMNS:
        ending.sort(key=lambda name: name.startswith(("best.", "last.")))
    if ending:
        return f"did you mean {ending[0]}?"
    # A config part and its type have the same value: the field without `.type` is searched.
    part, is_type = field[:200].removesuffix(".type"), field.endswith(".type")
    return suggest_nearest_name(part, names).replace("?", ".type?" if is_type else "?")


def has_field(field: str, runs: Iterable[RunInfo]) -> bool:
    """Return whether a field is a column of all runs, or a run has the field."""
    get = build_getter(field)
    return field in RUN_COLUMNS or any(get(run_info) is not ABSENT for run_info in runs)


def check_fields(fields: Iterable[str], runs: Sequence[RunInfo]) -> None:
    """Raise an error if one of the fields exists in no run. Without runs, every field is accepted.

    Raises:
        UsageError: one of the fields exists in no run. The message names the first such field.
    """
    for field in fields:
        if runs and not has_field(field, runs):
            shortened = field if len(field) <= 60 else f"{field[:60]}…"
            raise UsageError(
                f"no run has the field {shortened}", format_field_suggestion(field, runs) or ALL_FIELDS_HINT
            )


def sort_runs(runs: Sequence[RunInfo], order: str) -> list[RunInfo]:
    """Sort runs by a field; runs without a value come last.

    Args:
        runs: The runs to sort.
        order: The name of the field, with a leading `-` for descending order.

    Raises:
        UsageError: no run has the field.
    """
    field = order.removeprefix("-")
    check_fields([field], runs)
    get = build_getter(field)
    pairs = [(get(run_info), run_info) for run_info in runs]
    present = [pair for pair in pairs if pair[0] is not None and pair[0] is not ABSENT and pair[0] != ()]
    present.sort(key=lambda pair: _get_sort_key(pair[0]), reverse=order.startswith("-"))
    return [run_info for _, run_info in present] + [
        run_info for value, run_info in pairs if value is None or value is ABSENT or value == ()
    ]


def _get_sort_key(value: Any) -> tuple[int, Any]:
    """Return a sort key for the value of a field. The key puts numbers before texts."""
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return (1, split_numbers(value)) if isinstance(value, str) else (0, value)


def split_numbers(text: str) -> list[tuple[int, str]]:
    """Split a text into a sort key that compares numbers in texts by value: `run9` before `run10`, 3.9 before 3.15."""
    parts = _DIGITS.split(text)
    ranked = [(-1, part) for part in parts]
    for index in range(1, len(parts), 2):
        digits = parts[index].lstrip("0")
        ranked[index] = (len(digits), digits)
    return ranked
