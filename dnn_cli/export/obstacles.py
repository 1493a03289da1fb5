"""Layers that a format of `dnn export` cannot hold. The layers declare the reasons."""

from typing import TYPE_CHECKING

from dnn_cli.errors import RunError

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment


def check_export_support(experiment: "Experiment", format_name: str) -> None:
    """Check that a format can hold all layers of a network. The check needs neither TensorFlow nor a model.

    Layers that only act in training are not part of an exported model.

    Args:
        experiment: The experiment of the run.
        format_name: The name of the format, such as `onnx`.

    Raises:
        RunError: a layer declares an obstacle for the format.
    """
    for layer in experiment.model.stack:
        if layer.is_training_only:
            continue
        for inner_layer in layer.iter_layers():
            if reason := inner_layer.get_export_obstacle(format_name):
                raise RunError(
                    f"the network cannot be written as {format_name}: {inner_layer.type}: {reason}",
                    "use another --format",
                )
