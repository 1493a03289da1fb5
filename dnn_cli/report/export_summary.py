"""Input and output of an exported model, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from dnn_cli.report.evaluation_tables import has_probability_outputs, list_target_names
from dnn_cli.report.tables import shorten_text

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
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
