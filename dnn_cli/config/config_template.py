"""Config template: the config file with comments that `dnn new` writes for a user's data and a few options."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dnn_cli.config.columns import Column
from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, DATASETS_BY_KEY, DatasetInfo
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.formats.data_overrides import quote_yaml_value
from dnn_cli.formats.dataset_contents import CURRENT_RULES, Remark

_SCHEMA_FILE = "schema.json"
"""Usual name of the file that `dnn schema -o` writes. A template in the same directory refers editors to this file."""


_MIN_LARGE_DATASET = 10_000
"""A dataset with at least this number of examples counts as large.

With a large dataset, a few epochs suffice for a first result, and random splits have nearly equal class shares.
"""


_PLAIN_KEY = re.compile(r"(?!(?i:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][A-Za-z0-9_]*")
"""Pattern of keys that YAML reads as text without quotes."""

_DATA_COMMENTS = {"scale": "divides the inputs, which are pixels up to 255"}
"""Comments for keys of user data that no remark explains."""

_SEPARATE_DATA_KEYS = ("validation_path", "test_path", "image_size")
"""Keys of user data that a template does not write as plain values: paths, and keys with a longer comment."""


@dataclass(frozen=True)
class TemplateOptions:
    """Options of a config template: the data, the hidden layers, the optimizer and the number of epochs."""

    data: Data
    hidden_units: tuple[int, ...] = (100,)
    """Numbers of units of the hidden layers: one number for each layer."""

    activation: str = "relu"
    optimizer: str = "adam"
    epochs: int | None = None
    """Number of epochs; `None` means the result of `get_default_epochs`."""

    standardize_target: bool = False
    """Whether the targets of a regression are standardized."""

    stratify: bool = True
    """Whether every class has enough examples for a stratified split."""

    ignore_reasons: tuple[Remark, ...] = ()
    """Reasons for the columns of a csv that are left out of the inputs, such as `column id contains row numbers`."""


def resolve_data(name: str, **other_keys: Any) -> Data:
    """Return the `data` part of a config for a dataset's name, or for the path of a table, arrays or image directory.

    An image directory may contain one directory each for training, validation and test examples.

    Args:
        name: The name of a dataset, or a path. A path that is neither that of arrays, a directory nor a Parquet file is
            read as a csv.
        other_keys: Values of further keys of `data`, such as `target="price"`.

    Raises:
        ValidationError: the other keys are invalid.
        UserDataError: the directory cannot be read.
    """
    if name in DATASETS:
        return Data.model_validate({"dataset": name, **other_keys})
    from dnn_cli.formats.npy_directory import is_array_path
    from dnn_cli.formats.parquet_rows import is_parquet_file

    kind = "npz" if is_array_path(name) else "image_folder" if os.path.isdir(name) else "csv"
    if kind == "csv" and (is_parquet_file(name) if os.path.isfile(name) else name.lower().endswith(".parquet")):
        kind = "parquet"
    return Data.model_validate({"dataset": kind, "path": os.path.abspath(name), **other_keys})


def build_config_template(options: TemplateOptions, file: str) -> str:
    """Return the text of the config file that `dnn new` writes, with comments.

    Args:
        options: The options of the template.
        file: The path of the config file. Data paths are written relative to its directory.

    Raises:
        UserDataError: a file of the user's data is missing or invalid.
    """
    info = options.data.info
    output, loss, metric, meaning = _derive_output_and_loss(info)
    layers = [
        *([("- Flatten", "all numbers of an input as one vector")] if len(info.input_shape) > 1 else []),
        *(
            (f"- {{type: Dense, units: {units}, activation: {options.activation}, name: {name}}}", "")
            for name, units in zip(_list_hidden_layer_names(options.hidden_units), options.hidden_units, strict=True)
        ),
        (output, meaning),
    ]
    schema_path = os.path.join(os.path.dirname(os.path.abspath(file)), _SCHEMA_FILE)
    lines = [
        *([f"# yaml-language-server: $schema={_SCHEMA_FILE}"] if os.path.exists(schema_path) else []),
        f"# {info.examples:,} {info.example_noun}s of {info.sizes_text}; the output is {meaning}.",
        "#",
        f"#     dnn train {shlex.quote(file)}",
        f"#     dnn train {shlex.quote(file)} optimizer=sgd epochs=10",
        "#",
        "# `dnn list layers` shows all layers; the same for optimizers, activations, losses, metrics and datasets.",
        "data:",
        *(_format_commented_line(f"  {line}", comment) for line, comment in _build_data_lines(options, info, file)),
        "model:",
        "  layers:",
        *(f"    # {line}" for line in _list_sequence_hints(options.data)),
        *(_format_commented_line(f"    {line}", comment) for line, comment in layers),
        _format_commented_line(
            f"optimizer: {options.optimizer}", f"or with arguments: {_format_optimizer_with_rate(options.optimizer)}"
        ),
        _format_commented_line(f"loss: {loss}", "training minimises the loss"),
        _format_commented_line(f"metrics: [{metric}]", "scores next to the loss; the first selects the best epoch"),
        _format_commented_line(
            f"epochs: {options.epochs or get_default_epochs(info)}", "passes over the training examples"
        ),
        _format_commented_line("batch_size: 32", "examples per training step"),
        _format_commented_line("seed: 42", "another seed repeats the experiment with other random numbers"),
    ]
    return "\n".join(lines) + "\n"


def _list_sequence_hints(data: Data) -> list[str]:
    """Return comments on layers for sequences, which arrays can contain: numbers of words, or features over time."""
    if data.dataset != "npz" or len(data.info.input_shape) > 2:
        return []
    if len(data.info.input_shape) == 2:
        return ["for sequences of (time steps, features), replace Flatten by a layer such as {type: LSTM, units: 32}"]
    return [
        "for numbers of words, remove standardize and begin with the layers",
        "{type: Embedding, input_dim: NUMBER OF WORDS, output_dim: 16} and {type: LSTM, units: 32}",
    ]


def _derive_output_and_loss(info: DatasetInfo) -> tuple[str, str, str, str]:
    """Return four texts that suit a dataset: the output layer, the loss, the metric, and the meaning of the output."""
    if not info.is_classification:
        numbers = "the predicted target" if info.targets == 1 else f"the {info.targets} predicted targets"
        layer = f"- {{type: Dense, units: {info.targets}, name: output}}"
        return layer, "mean_squared_error", "mean_absolute_error", numbers
    if len(info.classes) == 2:
        layer = "- {type: Dense, units: 1, activation: sigmoid, name: output}"
        return layer, "binary_crossentropy", "accuracy", f"the probability of {_format_class_name(info.classes[1])}"
    layer = f"- {{type: Dense, units: {len(info.classes)}, activation: softmax, name: output}}"
    meaning = f"a probability for each of {len(info.classes)} classes"
    return layer, "sparse_categorical_crossentropy", "accuracy", meaning


def _build_data_lines(options: TemplateOptions, info: DatasetInfo, file: str) -> list[tuple[str, str]]:
    """Return the config lines below `data:`, each with its comment."""
    data = options.data.with_decisions()
    lines = [(f"dataset: {data.dataset}", "")]
    for key in ("path", "validation_path", "test_path"):
        if (path := getattr(data, key)) is not None:
            relative = os.path.relpath(path, os.path.dirname(os.path.abspath(file)))
            lines.append((f"{key}: {quote_yaml_value(relative)}", "relative to this file"))
    # Overrides of names with spaces are in quotes for a shell.
    remarks = {remark.override.partition("=")[0].lstrip("'"): remark.message for remark in info.remarks}
    reasons = options.ignore_reasons
    comments = {**_DATA_COMMENTS, "ignore": reasons[0].message if len(reasons) == 1 else ""}
    for key in DATASETS_BY_KEY:
        value = getattr(data, key)
        is_default = value is None or (key == "rules" and value == CURRENT_RULES)
        if key == "ignore" and len(reasons) > 1:
            lines += [(f"# {_format_comment(reason.message)}", "") for reason in reasons]
        if key == "columns" and data.columns is not None:
            lines += _build_column_lines(data.columns, info)
        elif key not in _SEPARATE_DATA_KEYS and not is_default:
            comment = remarks.get(f"data.{key}") or comments.get(key, "")
            lines.append((f"{key}: {quote_yaml_value(value)}", _format_comment(comment)))
    if data.dataset == "image_folder":
        from dnn_cli.formats.image_directory import sample_image_sizes

        height, width = info.input_shape[:2]
        sample = sample_image_sizes(str(data.get_split_path("train")), data.image_options)
        lines.append((f"image_size: [{height}, {width}]", sample.describe_sizes((height, width))))
    if not info.validation_examples:
        lines.append(("validation_size: 0.2", "share of examples for validation after every epoch"))
    if not info.test_examples:
        lines.append(("test_size: 0.2", "share of examples for dnn evaluate, split off first"))
    if info.is_classification and options.stratify and (not info.test_examples or not info.validation_examples):
        if data.dataset in DATASETS and info.examples >= _MIN_LARGE_DATASET:
            lines.append(("# stratify: true", "not needed: random splits of many examples have nearly equal shares"))
        else:
            lines.append(("stratify: true", "the same shares of the classes in all splits"))
    if len(info.input_shape) == 1:
        lines.append(("standardize: true", "scales every feature to mean 0 and deviation 1"))
    if options.standardize_target:
        lines.append(("standardize_target: true", "trains on such targets; outputs and metrics keep their units"))
    return lines


def _build_column_lines(columns: Mapping[str, Column], info: DatasetInfo) -> list[tuple[str, str]]:
    """Return the config lines of typed columns, each with the number of its inputs as a comment."""
    inputs = {column.name: column.inputs for column in info.columns}
    lines = [("columns:", "types of the columns, which are encoded into inputs")]
    for name, column in columns.items():
        values = {
            field: getattr(column, field) for field in type(column).model_fields if field in column.model_fields_set
        }
        text = column.type if len(values) == 1 else _format_flow_mapping(values)
        key = name if _PLAIN_KEY.fullmatch(name) else quote_yaml_value(name)
        count = inputs.get(name, 0)
        lines.append((f"  {key}: {text}", f"{count} input{'s' if count != 1 else ''}" if count != 1 else ""))
    return lines


def _format_flow_mapping(values: Mapping[str, Any]) -> str:
    """Format a mapping of plain values as YAML on one line."""
    pairs = (f"{key}: {value if str(value).isalnum() else quote_yaml_value(value)}" for key, value in values.items())
    return f"{{{', '.join(pairs)}}}"


def get_default_epochs(info: DatasetInfo) -> int:
    """Return the default number of epochs: 5 for a dataset of at least 10,000 examples, else 50."""
    return 5 if info.examples >= _MIN_LARGE_DATASET else 50


def _format_optimizer_with_rate(optimizer: str) -> str:
    """Return an optimizer with its default learning rate, as in a config: `{type: adam, learning_rate: 0.001}`."""
    rate = CLASSES_BY_KIND["optimizer"][optimizer].model_fields["learning_rate"].default
    return f"{{type: {optimizer}, learning_rate: {rate}}}"


def _list_hidden_layer_names(hidden: tuple[int, ...]) -> list[str]:
    """Return the names of the hidden layers: `hidden` for a single layer, else `hidden_1`, `hidden_2` and so on."""
    return ["hidden"] if len(hidden) == 1 else [f"hidden_{number}" for number in range(1, len(hidden) + 1)]


def _format_class_name(name: str) -> str:
    """Return a class name as part of a comment: at most 60 printable characters."""
    return _format_comment(name)[:60]


def _format_comment(text: str) -> str:
    """Return a text as part of a comment, in which a question mark replaces each character that is not printable."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _format_commented_line(line: str, comment: str) -> str:
    """Return a config line with its comment, which is aligned with the comments of other lines."""
    return f"{line:<45} # {comment}" if comment else line
