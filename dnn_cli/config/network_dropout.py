"""Dropout and noise of a network, which `dnn predict --samples` needs."""

from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import UsageError


def check_has_dropout(experiment: Experiment) -> None:
    """Check that the network of an experiment has dropout or noise, at any depth.

    A network with custom layers passes, because they can contain layers with dropout.

    Raises:
        UsageError: the network has neither.
    """
    layers = [nested.layer for nested in experiment.model.nested_layers]
    if not any(layer.has_dropout or layer.runs_user_code for layer in layers):
        raise build_no_dropout_error()


def build_no_dropout_error() -> UsageError:
    """Build the error of a network without dropout, whose samples would all be equal."""
    return UsageError(
        "the network has no dropout and no noise, so that all samples are equal",
        "omit --samples, or train a run with a layer such as {type: Dropout, rate: 0.2}",
    )
