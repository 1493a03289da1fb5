"""Program of a script or notebook: one of its models, the data, and the split of the examples."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from dnn_cli.config.datasets import DATASETS
from dnn_cli.errors import UsageError, UserDataError
from dnn_cli.keras_import.keras_program import DataSource, KerasObject, KerasProgram
from dnn_cli.keras_import.script_code import CodeBlock
from dnn_cli.keras_import.script_reader import ScriptReader
from dnn_cli.keras_import.script_values import ScriptModel, to_program_value

_MAX_LISTED_MODELS = 10


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
        issue = next(iter(reader.issues), None)
        reason = f": {issue.location} {issue.message}" if issue else ""
        raise UserDataError(f"{path} has no Sequential model with layers{reason}", "dnn help import shows what is read")
    model = _choose_model(path, models, model_number)
    remarks = []
    if len(model.fit_locations) > 1:
        lines = ", ".join(str(location.line) for location in model.fit_locations)
        remarks.append(f"fit is called {len(model.fit_locations)} times (lines {lines}); the config has the last call")
    data, data_remarks = _describe_data(reader)
    return KerasProgram(
        source=path,
        layers=tuple(to_program_value(model.layers, model.location)),
        name=model.name if isinstance(model.name, str) else None,
        compile_arguments=to_program_value(model.compile_arguments, model.location),
        fit_arguments=to_program_value(model.fit_arguments, model.location),
        data=data,
        seed=reader.seed,
        has_mixed_precision=reader.has_mixed_precision,
        issues=tuple(reader.issues),
        remarks=(*remarks, *data_remarks),
    )


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
    for index, model in enumerate(models[:_MAX_LISTED_MODELS], 1):
        classes = [layer.class_name for layer in model.layers if isinstance(layer, KerasObject)]
        text = ", ".join(classes if len(classes) <= 4 else [*classes[:2], "…", classes[-1]])
        lines.append(f"  {index}  {model.location}  {model.variable}: {text}")
    if len(models) > _MAX_LISTED_MODELS:
        lines.append(f"  … and {len(models) - _MAX_LISTED_MODELS} more")
    raise UserDataError("\n".join(lines), f"choose one, for example the last: --model {len(models)}")


def _describe_data(reader: ScriptReader) -> tuple[DataSource | None, list[str]]:
    """Return the dataset that the program loads, with its split, and remarks on the split."""
    data = reader.datasets[-1] if reader.datasets else None
    remarks = []
    if len({source.name for source in reader.datasets}) > 1 and data is not None:
        remarks.append(f"of several datasets, the config has the last: {data.name}")
    if data is None or data.name not in DATASETS:
        return data, remarks
    split = _find_split(reader, data.name)
    if split:
        keys = ", ".join(f"data.{key} {value}" for key, value in split.items())
        remarks.append(f"the split of the program is {keys}; dnn chooses the examples at random")
    return replace(data, split=split), remarks


def _find_split(reader: ScriptReader, name: str) -> dict[str, Any]:
    """Return the keys of `data` for calls of `train_test_split`, or for arrays that are divided at a number.

    Of a dataset without a test set, the first of two calls splits off the test set.
    """
    dataset, split = DATASETS[name], {}
    has_test_set = bool(dataset.test_examples)
    keys = ["validation_size"] if has_test_set else ["test_size", "validation_size"]
    for key, call in zip(keys, reader.splits, strict=False):
        size = call.get("size", 0.25)
        if isinstance(size, int | float) and not isinstance(size, bool):
            split[key] = size
        split |= {"stratify": True} if call.get("stratify") is not None else {}
        split |= {"split_seed": call["split_seed"]} if isinstance(call.get("split_seed"), int) else {}
    counts = {abs(bound) if bound < 0 else min(bound, dataset.examples - bound) for bound in reader.slice_bounds}
    counts = {count for count in counts if 0 < count < dataset.examples}
    if not reader.splits and len(counts) == 1 and has_test_set:
        split["validation_size"] = counts.pop()
    return split
