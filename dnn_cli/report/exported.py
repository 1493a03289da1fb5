"""An exported network in words: what goes in, what comes out, and how it was checked."""

from typing import TYPE_CHECKING, Any

from dnn_cli.report.evaluation import target_names
from dnn_cli.report.predictions import are_probabilities
from dnn_cli.report.tables import shortened

if TYPE_CHECKING:
    from dnn_cli.runs.inputs import Inputs
    from dnn_cli.spec.experiment import Experiment

LISTED = 30


def interface(experiment: "Experiment", inputs: "Inputs", *, scaling: bool) -> dict[str, Any]:
    """What an exported network takes and gives, for programs."""
    facts = experiment.data.facts
    takes: dict[str, Any] = {
        "shape": [None, *experiment.data.input_shape],
        "dtype": "float32",
        "scaled_inside": scaling,
        "from": float(inputs.minimum.min()),
        "to": float(inputs.maximum.max()),
    }
    if facts.features:
        takes["columns"] = list(facts.features)
    if not scaling:
        takes["scale_before"] = {
            "formula": "(input - mean) / scale",
            "mean": 0.0 if inputs.mean is None else inputs.mean.tolist(),
            "scale": inputs.scale.tolist(),
        }
    gives: dict[str, Any] = {
        "shape": [None, *experiment.output_shape],
        "dtype": "float32",
        "meaning": meaning(experiment),
    }
    if facts.classes:
        gives["classes"] = list(facts.classes)
    else:
        gives["targets"] = target_names(facts.target, facts.targets)
    return {"input": takes, "output": gives}


def meaning(experiment: "Experiment") -> str:
    """What an output is."""
    facts = experiment.data.facts
    if not facts.is_classification:
        return "numbers"
    if experiment.loss.logits:
        return "logit of the second class" if experiment.labels == "binary" else "logits of the classes"
    what = "probability" if are_probabilities(experiment) else "score"
    if experiment.labels == "binary":
        return f"{what} of the second class"
    return "probabilities of the classes" if what == "probability" else "scores of the classes"


def input_text(experiment: "Experiment", inputs: "Inputs", *, scaling: bool) -> str:
    """What goes in, in one line."""
    shape = ", ".join(["batch", *map(str, experiment.data.input_shape)])
    low, high = float(inputs.minimum.min()), float(inputs.maximum.max())
    facts = experiment.data.facts
    what = "pixels" if facts.pixel_max > 1 else f"columns {', '.join(facts.features)}" if facts.features else "numbers"
    text, range_text = f"float32 ({shape}): {shortened(what, LISTED)}", f"from {low:.4g} to {high:.4g} in training"
    how = "standardized" if inputs.mean is not None else f"divided by {float(inputs.scale):g}"
    if inputs.mean is None and float(inputs.scale) == 1:
        return f"{text} {range_text}"
    if scaling:
        return f"{text} {range_text}, {how} inside"
    return f"{text} that are {how} before, as the .json beside it says"


def output_text(experiment: "Experiment") -> str:
    """What comes out, in one line."""
    facts = experiment.data.facts
    names = ", ".join(facts.classes or target_names(facts.target, facts.targets))
    if experiment.labels == "binary":
        names = facts.classes[1]
    shape = ", ".join(["batch", *map(str, experiment.output_shape)])
    what = meaning(experiment).replace(" of the classes", "").replace(" of the second class", "")
    return f"float32 ({shape}): {what} of {shortened(names, LISTED)}"
