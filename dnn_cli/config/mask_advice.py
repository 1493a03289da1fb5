"""Masks of sequences: the layers that a mask reaches, and advice on masks without the intended effect."""

from collections.abc import Iterator, Sequence

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import Stage, compute_stages
from dnn_cli.errors import Issue


def find_mask_creators(stages: Sequence[Stage]) -> list[int | None]:
    """Return, for each stage, the index of the stage that created the mask of its input; `None` without a mask.

    A layer that removes the axis of the time steps uses the mask up, if the layer supports masks.
    """
    creators: list[int | None] = []
    creator: int | None = None
    for index, stage in enumerate(stages):
        creators.append(creator)
        layer, output = stage.layer, stage.output_shape
        if layer.creates_mask:
            creator = index
        elif not layer.keeps_mask or len(output) < len(stage.input_shape) or output[0] != stage.input_shape[0]:
            creator = None
    return creators


def find_mask_advice(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of masks that standardization changes, and of masks that a layer drops."""
    masking = experiment.input_mask_layer
    if masking is not None and experiment.data.standardize:
        message = f"changes the mask_value of {masking.type}, so that no time step is masked"
        yield Issue(("data", "standardize"), message, "write false")
    stages = compute_stages(experiment.model.stack, experiment.data.input_shape)
    for index, (stage, creator) in enumerate(zip(stages, find_mask_creators(stages), strict=True)):
        if creator is not None and not stage.layer.keeps_mask and not stage.layer.creates_mask:
            name = stages[creator].name
            message = f"drops the mask of {name}: this layer and the layers after it use masked time steps"
            suggestion = _suggest_masked_layer(stages[creator : index + 1])
            yield Issue(("model", "layers", index), message, suggestion)


def _suggest_masked_layer(stages: Sequence[Stage]) -> str:
    """Return the suggestion for a layer that drops a mask; empty if layers before this layer use the mask.

    Args:
        stages: The stages from the one that creates the mask to the one that drops the mask.
    """
    creator, *earlier_stages, dropping = stages
    if len(dropping.input_shape) == 2 and len(dropping.output_shape) == 1:
        return "use GlobalAveragePooling1D, which leaves masked time steps out"
    if any(part.is_recurrent for stage in earlier_stages for part in stage.layer.iter_layers()):
        return ""
    if creator.layer.takes_integers:
        return f"write mask_zero: false in layer {creator.name}"
    return f"remove layer {creator.name}"
