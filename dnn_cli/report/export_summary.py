"""Input and output of an exported model, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from dnn_cli.report.evaluation_tables import list_target_names
from dnn_cli.report.prediction_adjustment import build_adjustment_document
from dnn_cli.report.prediction_tables import has_probability_outputs
from dnn_cli.report.tables import shorten_text
from dnn_cli.report.text import format_count

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.formats.table_encoding import ColumnEncoding
    from dnn_cli.runs.evaluations import ChosenThreshold, FittedTemperature
    from dnn_cli.runs.input_profile import InputProfile

_MAX_LISTED_WIDTH = 30
"""Largest width of a list of class names or columns, in terminal characters."""


def build_interface_document(
    experiment: "Experiment", input_profile: "InputProfile", *, scaling: bool
) -> dict[str, Any]:
    """Build the JSON document of an exported model's interface: shape, type and meaning of its input and output.

    Args:
        experiment: The experiment of the exported run.
        input_profile: The statistics and the scaling of the training inputs.
        scaling: Whether the exported model itself scales inputs. Otherwise, the document has the scaling that inputs
            need before the model gets them.
    """
    dataset_info = experiment.data.info
    input_document: dict[str, Any] = {
        "shape": [None, *experiment.data.input_shape],
        "dtype": "float32",
        "scaled_inside": scaling,
        "from": float(input_profile.minimum.min()),
        "to": float(input_profile.maximum.max()),
    }
    if dataset_info.features:
        input_document["columns"] = list(dataset_info.features)
    if input_profile.encoding is not None:
        input_document["encoding"] = {
            "missing_texts": list(experiment.data.missing_texts),
            "columns": [_build_column_document(column) for column in input_profile.encoding.columns],
        }
    if not scaling:
        input_document["scale_before"] = {
            "formula": "(input - mean) / scale",
            "mean": 0.0 if input_profile.mean is None else input_profile.mean.tolist(),
            "scale": input_profile.scale.tolist(),
        }
    output_document: dict[str, Any] = {
        "shape": [None, *experiment.output_shape],
        "dtype": "float32",
        "meaning": _format_output_meaning(experiment),
    }
    if dataset_info.classes:
        output_document["classes"] = list(dataset_info.classes)
    else:
        output_document["targets"] = list_target_names(dataset_info.target, dataset_info.targets)
    return {"input": input_document, "output": output_document}


def format_exported_adjustment(fitted: "FittedTemperature | None", chosen: "ChosenThreshold | None") -> str:
    """Return the temperature in an exported model and the threshold for its outputs; empty without both."""
    parts = [f"temperature {fitted.temperature:.3g} inside the model"] if fitted else []
    if chosen:
        threshold = build_adjustment_document(fitted, chosen)["threshold"]
        parts.append(f"second class above a probability of {threshold:.4g}, which the program must apply")
    return "; ".join(parts)


def _build_column_document(encoding: "ColumnEncoding") -> dict[str, Any]:
    """Build the JSON document of a column, from which another program can encode its cells.

    `missing_input` and `unknown_input` are positions in `inputs` with a 1 for such cells. If they are null, these cells
    have no such input.
    """
    from dnn_cli.formats.csv_inputs import WORD_VALUES
    from dnn_cli.formats.date_cells import ISO_FORMAT

    column = encoding.column
    document: dict[str, Any] = {"name": column.name, "type": column.type, "inputs": list(encoding.input_names)}
    if column.type == "category":
        unknown = column.inputs - 1 if encoding.has_other_category else None
        return {
            **document,
            "categories": list(encoding.categories),
            "missing_input": len(encoding.categories) if encoding.has_missing_category else unknown,
            "unknown_input": unknown,
        }
    document["missing"] = column.missing
    document["replacement"] = None if column.missing == "error" else encoding.replacement
    document["missing_input"] = column.inputs - 1 if column.has_indicator else None
    if column.type == "boolean":
        for name, value in (("true", "1"), ("false", "0")):
            document[name] = [value, *(word for word, number in WORD_VALUES.items() if number == value)]
    if column.type == "date":
        document |= {"format": column.format or ISO_FORMAT, "first_day": encoding.first_day}
    return document


def _format_output_meaning(experiment: "Experiment") -> str:
    """Return the meaning of the outputs of a model, such as `probabilities of the classes`."""
    dataset_info = experiment.data.info
    if not dataset_info.is_classification:
        return "numbers"
    if experiment.loss.takes_logits:
        return "logit of the second class" if experiment.target_encoding == "binary" else "logits of the classes"
    quantity = "probability" if has_probability_outputs(experiment) else "score"
    if experiment.target_encoding == "binary":
        return f"{quantity} of the second class"
    return "probabilities of the classes" if quantity == "probability" else "scores of the classes"


def format_exported_input(experiment: "Experiment", input_profile: "InputProfile", *, scaling: bool) -> str:
    """Return a description of the input of an exported model in one line: type, shape, range and scaling.

    `scaling` is whether the exported model itself scales inputs.
    """
    shape = ", ".join(["batch", *map(str, experiment.data.input_shape)])
    low, high = float(input_profile.minimum.min()), float(input_profile.maximum.max())
    dataset_info = experiment.data.info
    if input_profile.encoding is not None:
        names = shorten_text(f"encoded columns {', '.join(dataset_info.features)}", _MAX_LISTED_WIDTH)
        if input_profile.mean is None:
            return f"float32 ({shape}): {names}"
        scaling_text = "inside the model" if scaling else "before, as the .json file describes"
        return f"float32 ({shape}): {names}, standardized {scaling_text}"
    input_kind = (
        "pixels"
        if dataset_info.pixel_max > 1
        else f"columns {', '.join(dataset_info.features)}"
        if dataset_info.features
        else "numbers"
    )
    text, range_text = (
        f"float32 ({shape}): {shorten_text(input_kind, _MAX_LISTED_WIDTH)}",
        f"from {low:.4g} to {high:.4g} in training",
    )
    scaling_text = "standardized" if input_profile.mean is not None else f"divided by {float(input_profile.scale):g}"
    if input_profile.mean is None and float(input_profile.scale) == 1:
        return f"{text} {range_text}"
    if scaling:
        return f"{text} {range_text}, {scaling_text} inside the model"
    return f"{text} that must be {scaling_text} before, as the .json file describes"


def format_exported_output(experiment: "Experiment") -> str:
    """Return a description of the output of an exported model in one line: type, shape, meaning and names."""
    dataset_info = experiment.data.info
    names = ", ".join(dataset_info.classes or list_target_names(dataset_info.target, dataset_info.targets))
    if experiment.target_encoding == "binary":
        names = dataset_info.classes[1]
    shape = ", ".join(["batch", *map(str, experiment.output_shape)])
    quantity = _format_output_meaning(experiment).replace(" of the classes", "").replace(" of the second class", "")
    return f"float32 ({shape}): {quantity} of {shorten_text(names, _MAX_LISTED_WIDTH)}"


def format_exported_columns(input_profile: "InputProfile", rows_function: str | None, encoded_function: str) -> str:
    """Return a description in one line of how the columns of a table become inputs of an exported model.

    The text is empty for a run without typed columns.

    Args:
        input_profile: The input profile of the run.
        rows_function: The name of the function of the exported model that takes cells; `None` without this function.
        encoded_function: The name of the function that takes inputs, if `rows_function` exists.
    """
    encoding = input_profile.encoding
    if encoding is None:
        return ""
    count = format_count(len(encoding.columns), "column")
    inputs = format_count(len(encoding.input_names), "input")
    if rows_function is None:
        return f"{count}, to be encoded into {inputs} before, as the .json file describes"
    return f"{rows_function} takes the cells of {count} by name; {encoded_function} takes {inputs}"
