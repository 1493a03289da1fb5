"""Program of a script or notebook: one of its models, the data, and the split of the examples."""

from collections.abc import Iterable, Sequence
from typing import Any

from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.errors import SourceLocation, UsageError, UserDataError
from dnn_cli.keras_import.dataset_loading import DEFAULT_TEST_SIZE, find_column_keys
from dnn_cli.keras_import.example_counts import ExampleCount
from dnn_cli.keras_import.fit_arguments import FitArguments, resolve_fit_arguments
from dnn_cli.keras_import.keras_program import DataSource, KerasObject, KerasProgram
from dnn_cli.keras_import.script_code import CodeBlock
from dnn_cli.keras_import.script_conversion import ProgramValueConverter
from dnn_cli.keras_import.script_reader import ScriptReader
from dnn_cli.keras_import.script_values import LoadedDataset, ScriptModel

_MAX_LISTED_LINES = 10


def build_script_program(path: str, blocks: Iterable[CodeBlock], model_number: int | None) -> KerasProgram:
    """Return the program of a script or notebook.

    Args:
        path: The path of the file.
        blocks: The code of the script, or of the cells of the notebook.
        model_number: The number of the model, from 1; `None` for a program with one model.

    Raises:
        UserDataError: the program has no model, or several models.
        UsageError: the program has no model of this number.
    """
    reader = ScriptReader()
    reader.read_blocks(blocks)
    models = [model for model in reader.models if model.layers]
    if not models:
        reasons = [f"{issue.location}  {issue.message}" for _, issue in reader.issues]
        message = "\n".join([f"{path} has no Sequential model with layers", *reasons[:_MAX_LISTED_LINES]])
        raise UserDataError(message, "dnn help import shows the programs that are read")
    model = _choose_model(path, models, model_number)
    remarks = []
    if len(model.fit_locations) > 1:
        lines = ", ".join(str(location.line) for location in model.fit_locations)
        remarks.append(f"fit is called {len(model.fit_locations)} times (lines {lines}); the config has the last call")
    data, data_remarks = _describe_data(
        model.dataset or next(reversed(reader.datasets), None), has_validation_set=_has_validation_set(model)
    )
    fit = FitArguments(None)
    if model.fit_arguments is not None:
        fit = resolve_fit_arguments(model.fit_arguments, model.fit_locations[-1], reader.batch_sizes)
    converter = ProgramValueConverter(path)
    owners = [model, *model.layers]
    return KerasProgram(
        source=path,
        layers=tuple(converter.convert_value(model.layers, model.location)),
        name=model.name if isinstance(model.name, str) else None,
        compile_arguments=converter.convert_value(model.compile_arguments, model.location),
        fit_arguments=converter.convert_value(fit.arguments, model.location),
        call_locations=_list_call_locations(model),
        data=data,
        seed=model.seed,
        has_mixed_precision=reader.has_mixed_precision,
        issues=(*fit.issues, *(issue for owner, issue in reader.issues if any(owner is part for part in owners))),
        remarks=(*remarks, *fit.remarks, *data_remarks),
    )


def _list_call_locations(model: ScriptModel) -> dict[str, SourceLocation]:
    """Return the locations of the calls of `compile` and `fit`, by method."""
    fit_location = model.fit_locations[-1] if model.fit_locations else None
    locations = {"compile": model.compile_location, "fit": fit_location}
    return {method: location for method, location in locations.items() if location is not None}


def _choose_model(path: str, models: Sequence[ScriptModel], number: int | None) -> ScriptModel:
    """Return the model of a number, or the only model that the program trains.

    Raises:
        UserDataError: the program has several models.
        UsageError: the program has no model of this number.
    """
    if number is not None:
        if number > len(models):
            count = f"{len(models)} model{'s' if len(models) > 1 else ''}"
            raise UsageError(f"{path} has {count}, and no model {number}", f"use --model {len(models)}")
        return models[number - 1]
    candidates = models
    for attribute in ("compile_arguments", "fit_arguments"):
        candidates = [model for model in candidates if getattr(model, attribute) is not None] or candidates
    if len(candidates) == 1:
        return candidates[0]
    lines = [f"{path} has {len(models)} models:"]
    for index, model in enumerate(models[:_MAX_LISTED_LINES], 1):
        classes = [layer.class_name for layer in model.layers if isinstance(layer, KerasObject)]
        text = ", ".join(classes if len(classes) <= 4 else [*classes[:2], "…", classes[-1]])
        location = model.fit_locations[-1] if model.fit_locations else model.location
        lines.append(f"  {index}  {location}  {model.variable}: {text}")
    if len(models) > _MAX_LISTED_LINES:
        lines.append(f"  … and {len(models) - _MAX_LISTED_LINES} more")
    raise UserDataError("\n".join(lines), f"choose one, for example the last: --model {len(models)}")


def _has_validation_set(model: ScriptModel) -> bool:
    """Return whether `fit` gets a validation set, and does not split it off itself."""
    arguments = model.fit_arguments or {}
    return arguments.get("validation_data") is not None and not arguments.get("validation_split")


def _describe_data(dataset: LoadedDataset | None, *, has_validation_set: bool) -> tuple[DataSource | None, list[str]]:
    """Return the dataset that the program loads, with its split, and remarks on the split."""
    if dataset is None:
        return None, []
    split = _find_split(dataset, has_validation_set=has_validation_set)
    keys = ", ".join(f"data.{key} {_format_value(value)}" for key, value in split.items())
    remark = f"keys of the data from the program: {keys}"
    if split.keys() & {"validation_size", "test_size"} and "split_seed" not in split:
        remark += "; the examples of each split are random"
    if dataset.name not in DATASETS and dataset.path is None:
        # The user saves the data in a file, which may contain the sets.
        split, remark = {}, f"keys of the data that are left out: {keys}"
    remarks = [remark] if keys else []
    if dataset.other_paths:
        files = ", ".join(dict.fromkeys(dataset.other_paths))
        remarks.append(
            f"the program also loads {files}: data.validation_path and data.test_path are keys for such files"
        )
    if dataset.fold_class is not None:
        keys = "data.folds and data.fold, or data.reporting_half"
        remarks.append(f"{dataset.fold_class} is left out: write {keys}, into the config")
    column = dataset.column_numbers[-1] + 1 if dataset.column_numbers else None
    return DataSource(dataset.name, dataset.location, split, dataset.path, column), remarks


def _format_value(value: Any) -> str:
    """Return a value of a key as a short text. Sizes are a list, as in a config."""
    return str(list(value)) if isinstance(value, list | tuple) else format_config_value(value)


def _find_split(loaded: LoadedDataset, *, has_validation_set: bool) -> dict[str, Any]:
    """Return the keys of `data` for calls of `train_test_split`, or for arrays that are divided at one number.

    Of a dataset without a test set, the first of two calls splits off the test set. A single call splits off the
    validation set of `fit`, if `fit` has one.
    """
    info, split = DATASETS.get(loaded.name), {}
    has_test_set = bool(info and info.test_examples) or any("test" in name for name in loaded.array_names)
    is_validation_set = has_validation_set and len(loaded.splits) == 1 and loaded.fold_class is None
    keys = ["validation_size"] if has_test_set or is_validation_set else ["test_size", "validation_size"]
    for key, call in zip(keys, loaded.splits, strict=False):
        size = call.get("size", DEFAULT_TEST_SIZE)
        if isinstance(size, int | float) and not isinstance(size, bool):
            split[key] = size
        split |= {"stratify": True} if call.get("stratify") is not None else {}
        split |= {"split_seed": call["split_seed"]} if isinstance(call.get("split_seed"), int) else {}
    if not loaded.splits and (size := _find_divided_size(loaded)):
        split["validation_size" if has_test_set or has_validation_set else "test_size"] = size
    split = {**loaded.keys, **find_column_keys(loaded), **split}
    return {**split, "standardize": True} if loaded.is_standardized else split


def _find_divided_size(loaded: LoadedDataset) -> float | None:
    """Return the size of the smaller part of arrays that are divided at one number, as `X[:5000]` and `X[5000:]`.

    Of arrays of unknown length, the result is a share if the number depends on the length, and the size of the last
    part if the number is negative. The result is `None` if arrays are not divided, or at several numbers.
    """
    ends = {_get_bound(end) for start, end in loaded.slices if start is None}
    starts = {_get_bound(start) for start, end in loaded.slices if end is None}
    bounds = {bound for bound in starts & ends if bound is not None}
    info = DATASETS.get(loaded.name)
    if info is None:
        sizes = {-bound if bound < 0 else min(bound, round(1 - bound, 6)) for bound in bounds if bound < 1}
    else:
        count = info.examples
        sizes = {min(bound % count, -bound % count) for bound in bounds if 0 < abs(bound) < count}
    return sizes.pop() if len(sizes) == 1 else None


def _get_bound(value: Any) -> float | None:
    """Return a bound of a part of an array: a number, or the share of an array of unknown length."""
    if isinstance(value, ExampleCount):
        share = value.share
        return share if share is not None and 0 < share < 1 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
