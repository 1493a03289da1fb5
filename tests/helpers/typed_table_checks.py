"""Independent checks of how `dnn` reads, encodes and predicts random tables with typed columns."""

import math
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np

from dnn_cli.config.config_template import TemplateOptions, build_config_template
from dnn_cli.config.data import Data
from dnn_cli.config.data_validation import find_data_issues
from dnn_cli.config.loading import load_experiment, load_resolved_experiment, to_yaml
from dnn_cli.data.encoded_examples import encode_examples
from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.data.template_data import can_stratify, choose_columns, ignore_leaking_columns, needs_standardized_targets
from dnn_cli.errors import ConfigError, DnnError, UserDataError
from dnn_cli.formats import csv_body, csv_prediction
from dnn_cli.formats.csv_prediction import read_prediction_table
from tests.helpers.followed_suggestions import check_wrong_types, follow_suggestions
from tests.helpers.mutated_bytes import mutate_bytes
from tests.helpers.python_encoding import encode_table
from tests.helpers.random_typed_tables import TypedTable, write_columns, write_typed_table
from tests.helpers.validation_file_checks import find_validation_file_error

_MUTATED_SHARE = 0.2
_MIN_CONFIG_ROWS = 8
"""Minimum number of rows for the config that `dnn new` writes: fewer rows give no splits."""


def try_typed_table(random: Random, directory: Path) -> tuple[str, str]:
    """Write a table with typed columns, and compare readings and encodings with the written values.

    Return the result (`read`, `refused` or `mutated`), and what is wrong; empty if nothing is wrong.
    """
    table = write_typed_table(random, directory)
    is_mutated = random.random() < _MUTATED_SHARE
    if is_mutated:
        mutate_bytes(random, table.path)
    rows = random.choice([1, 3, 4096, 4096])
    with patch.object(csv_body, "ROWS_PER_BLOCK", rows), patch.object(csv_prediction, "ROWS_PER_BLOCK", rows):
        try:
            result, problem = _check_reading(random, table)
            problem = problem or _check_new_config(random, table) or check_wrong_types(random, table)
            problem = problem or find_validation_file_error(random, table)
        except DnnError as error:
            result, problem = "refused", f"{type(error).__name__}: {error.message}"
        # Any other exception is a defect of a reader, also for changed bytes.
        except Exception as error:
            return "mutated" if is_mutated else "read", f"{type(error).__name__}: {error}"
    return ("mutated", "") if is_mutated else (result, problem)


def _check_reading(random: Random, table: TypedTable) -> tuple[str, str]:
    """Read a table with its types; return the result, and what is wrong."""
    try:
        data = Data.model_validate(table.keys).with_decisions()
        examples = load_examples(data)
    except UserDataError as error:
        problem = "" if str(table.path) in error.message else f"no path in: {error.message}"
        return "refused", problem or follow_suggestions(table, error)
    if problem := _find_value_loss(table, data, examples):
        return "read", problem
    again = load_examples(Data.model_validate(data.model_dump()))
    if again.digest != examples.digest:
        return "read", "a second reading has other examples"
    if any(find_data_issues(data)):
        return "refused", ""
    try:
        split = split_examples(data, examples)
    except UserDataError:
        return "read", ""
    encoded = encode_examples(data, examples, split)
    problem = (
        _find_encoding_error(table, split, data, encoded)
        or _find_leak(random, table, split, data, encoded)
        or _find_prediction_error(random, table, split, data, encoded)
    )
    return "read", problem


def _find_value_loss(table: TypedTable, data: Data, examples: Examples) -> str:
    """Return which row or column was lost or changed; empty if none was."""
    rows = table.used_rows
    if len(examples) != len(rows):
        return f"{len(examples)} examples differ from {len(rows)} rows"
    if list(data.info.input_columns) != [column.name for column in table.inputs]:
        return f"the columns differ: {data.info.input_columns}"
    for at, column in enumerate(table.inputs):
        read = [None if math.isnan(value) else value for value in examples.inputs[:, at].tolist()]
        if column.type == "category":
            read = [None if code is None else examples.categories[at][int(code)] for code in read]
        written = column.take(rows).values
        if column.type == "date":
            read, written = ([None if day is None else round(day, 8) for day in days] for days in (read, written))
        if read != written:
            return f"the values of column {column.name!r} differ: {read} from {written}"
    groups = {column.role: column.take(rows).values for column in table.columns}
    if "group" in groups and examples.groups is not None:
        pairs = set(zip(groups["group"], examples.groups.tolist(), strict=True))
        if not len(pairs) == len({name for name, _ in pairs}) == len({number for _, number in pairs}):
            return f"the groups differ: {pairs}"
    if "weight" in groups and (
        examples.weights is None or examples.weights.tolist() != list(map(float, groups["weight"]))
    ):
        return "the weights differ"
    if data.info.classes:
        targets: list[Any] = [data.info.classes[number] for number in examples.targets.tolist()]
    else:
        targets = examples.targets[:, 0].tolist()
        groups["target"] = [float(np.float32(value)) for value in groups["target"]]
    return "" if targets == groups["target"] else f"the targets differ: {targets}"


def _differ(first: Any, second: Any) -> bool:
    """Return whether two arrays of inputs differ by more than rounding."""
    return first.shape != second.shape or not np.allclose(first, second, rtol=2e-6, atol=2e-5)


def _find_encoding_error(table: TypedTable, split: Split, data: Data, encoded: Examples) -> str:
    """Return how encoded inputs differ from the encoding in plain Python; empty if they are equal."""
    columns = [column.take(table.used_rows) for column in table.inputs]
    expected = encode_table(columns, split.train.tolist(), [column.values for column in columns])
    if not np.isfinite(encoded.inputs).all() or encoded.inputs.dtype != np.float32:
        return "the inputs differ from finite float32"
    if encoded.inputs.shape[1:] != data.input_shape:
        return f"{encoded.inputs.shape[1:]} inputs differ from the announced {data.input_shape}"
    if encoded.encoding is None or len(encoded.encoding.input_names) != data.input_shape[0]:
        return "the number of names and inputs differ"
    return "the encoding differs" if _differ(encoded.inputs, expected) else ""


def _find_leak(random: Random, table: TypedTable, split: Split, data: Data, encoded: Examples) -> str:
    """Return how cells outside of the training rows influence its inputs; empty if they do not.

    These cells are exchanged among their rows, which leaves the counts of the whole file unchanged.
    """
    rows = table.used_rows
    others = sorted(set(range(len(rows))) - set(split.train.tolist()))
    changed = []
    for column in table.columns:
        order = list(range(len(column.cells)))
        if column.role == "input":
            for at, source in zip(others, random.sample(others, len(others)), strict=True):
                order[rows[at]] = rows[source]
        changed.append(column.take(order))
    path = table.path.with_suffix(".changed.csv")
    write_columns(random, path, changed, ";")
    changed_data = Data.model_validate({**table.keys, "path": str(path), "delimiter": ";", "encoding": "utf-8"})
    examples = load_examples(changed_data)
    again = encode_examples(changed_data, examples, split_examples(changed_data, examples))
    if changed_data.input_shape != data.input_shape:
        return f"the numbers of inputs differ: {changed_data.input_shape}"
    same = np.array_equal(again.inputs[split.train], encoded.inputs[split.train])
    return "" if same and again.encoding == encoded.encoding else "the encoding differs with the validation rows"


def _find_prediction_error(random: Random, table: TypedTable, split: Split, data: Data, encoded: Examples) -> str:
    """Return how inputs of new rows differ from the encoding in plain Python; empty if they are equal."""
    order = [random.randrange(len(table.columns[0].cells)) for _ in range(random.randrange(1, 20))]
    new = []
    for column in (column.take(order) for column in table.inputs):
        is_plain = column.name not in table.keys["columns"]
        can_miss = not is_plain and (column.options.get("missing") != "error" or column.type == "category")
        for row in range(len(order)):
            chance = random.random()
            if can_miss and chance < 0.2:
                column.cells[row], column.values[row] = f" {random.choice(table.missing)}", None
            elif column.type == "category" and chance < 0.4:
                column.cells[row] = column.values[row] = random.choice(["zz,new", "new;er", "größer"])
        new.append(column)
    path = table.path.with_suffix(".new.csv")
    extra = [replace(new[0], name=name) for name in ("extra 1", "extra 2")]
    written = [*new, *extra]
    delimiter = data.csv_options.delimiter or ","
    delimiter = random.choice([delimiter, delimiter, ";"])
    write_columns(random, path, random.sample(written, len(written)), delimiter)
    features = data.info.input_columns
    try:
        read = read_prediction_table(str(path), data.csv_options, features, len(features), (), encoded.encoding)
    except UserDataError as error:
        # The delimiter of the training can give rows of equal length, too.
        is_detected = delimiter != data.csv_options.delimiter
        is_unclear = is_detected and ("equal length" in error.message or "has no column" in error.message)
        return "" if is_unclear else f"new rows are refused: {error.message}"
    if read.error is not None:
        return f"new rows are refused: {read.error.message}"
    rows = table.used_rows
    columns = [column.take(rows) for column in table.inputs]
    expected = encode_table(columns, split.train.tolist(), [column.values for column in new])
    counted = sum(cells.missing for cells in read.replaced_cells)
    missing = sum(value is None for column in new for value in column.values)
    if counted != missing:
        return f"the counts of missing cells differ: {counted} from {missing}"
    return "the encoding of new rows differs" if _differ(read.inputs, expected) else ""


def _check_new_config(random: Random, table: TypedTable) -> str:
    """Return what is wrong with the config that `dnn new` writes for a table; empty if nothing is wrong."""
    keys = {key: value for key, value in table.keys.items() if key not in ("columns", "folds", "fold")}
    if random.random() < 0.5:
        keys.pop("ignore", None)
    data = Data.model_validate(keys)
    try:
        data, reasons = choose_columns(data)
        data.info  # noqa: B018
        data, leaks = ignore_leaking_columns(data)
    except UserDataError as error:
        problem = (
            ""
            if str(table.path) in error.message or table.path.name in error.message
            else "no path in: " + error.message
        )
        return problem or follow_suggestions(replace(table, keys=keys), error)
    # Three splits need three groups.
    if len(table.used_rows) < _MIN_CONFIG_ROWS or 0 < data.info.group_count < 3:
        return ""
    if problem := _find_unused_column(table, data, " | ".join(map(str, [*reasons, *leaks]))):
        return problem
    if problem := _find_wrong_choice(table, data):
        return problem
    file = table.path.with_suffix(".yaml")
    options = TemplateOptions(
        data, (4,), "relu", "adam", 1, needs_standardized_targets(data), can_stratify(data), (*reasons, *leaks)
    )
    file.write_text(build_config_template(options, str(file)), encoding="utf-8")
    try:
        loaded = load_experiment(str(file)).experiment
    except ConfigError as error:
        return f"the new config is refused: {error.message}"
    chosen = data.with_decisions().model_dump()
    read = loaded.data.model_dump()
    for key in ("columns", "ignore", "target", "weight", "group", "time", "missing", "decimal", "encoding"):
        if chosen.get(key) != read.get(key):
            return f"the new config differs in {key}: {read.get(key)} from {chosen.get(key)}"
    if loaded.data.info.features != data.info.features:
        return f"the inputs of the new config differ: {loaded.data.info.features}"
    file.write_text(to_yaml(loaded), encoding="utf-8")
    if load_resolved_experiment(str(file)) != loaded:
        return "the resolved config differs"
    return ""


def _find_unused_column(table: TypedTable, data: Data, reasons: str) -> str:
    """Return which input column has no type and no reason to be left out; empty if there is none."""
    for column in table.inputs:
        is_ignored = column.name in (data.ignore or ())
        if is_ignored and f"column {column.name} " not in reasons:
            return f"column {column.name!r} is ignored without a reason: {reasons}"
        if not is_ignored and data.columns is not None and column.name not in data.columns:
            return f"column {column.name!r} has no type"
    return ""


def _find_wrong_choice(table: TypedTable, data: Data) -> str:
    """Return which column has other values with its chosen type, without a remark; empty if there is none."""
    examples = load_examples(data)
    remarks = " | ".join(map(str, data.info.remarks))
    names = list(data.info.input_columns)
    for column in table.inputs:
        chosen = (data.columns or {}).get(column.name)
        if column.name not in names or (chosen.type if chosen else "number") != column.type:
            continue
        read = examples.inputs[:, names.index(column.name)].tolist()
        written = column.take(table.used_rows).values
        if len(read) != len(written):
            return f"{len(read)} examples differ from {len(written)} rows"
        if column.type == "category":
            texts = examples.categories[names.index(column.name)]
            if [None if math.isnan(code) else texts[int(code)] for code in read] != written:
                return f"the categories of the chosen column {column.name!r} differ"
        if column.type in ("number", "boolean"):
            expected = np.array([math.nan if value is None else value for value in written])
            if not np.allclose(np.float32(read), np.float32(expected), equal_nan=True):
                return f"the values of the chosen column {column.name!r} differ: {read} from {written}"
        if column.type == "date":
            days = [None if math.isnan(value) else round(value, 8) for value in read]
            expected_days = [None if value is None else round(value, 8) for value in written]
            if days != expected_days and f"column {column.name}: dates in the format" not in remarks:
                return f"the dates of the chosen column {column.name!r} differ: {chosen}"
    return ""
