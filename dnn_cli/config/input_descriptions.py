"""Descriptions of inputs that depend on the network: sequences for recurrent layers, whole numbers for Embedding."""

from dataclasses import dataclass, fields

from dnn_cli.config.datasets import DATASETS, DatasetInfo
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import format_sizes


@dataclass(frozen=True, kw_only=True)
class _SequenceInfo(DatasetInfo):
    """Dataset info of examples that a network reads as sequences of shape (time steps, …)."""

    @property
    def has_images(self) -> bool:
        return False

    @property
    def example_noun(self) -> str:
        return "sequence"

    @property
    def sizes_text(self) -> str:
        return f"{self.input_shape[0]} time steps × {format_sizes(self.input_shape[1:])}"


@dataclass(frozen=True, kw_only=True)
class _WholeNumberInfo(DatasetInfo):
    """Dataset info of examples that a network reads as whole numbers, such as the numbers of words."""

    @property
    def has_images(self) -> bool:
        return False

    @property
    def sizes_text(self) -> str:
        return f"{' × '.join(map(str, self.input_shape))} whole number{'' if self.input_shape == (1,) else 's'}"


def describe_inputs(experiment: Experiment) -> DatasetInfo:
    """Return the dataset info of an experiment, with the words for the inputs that suit the network.

    Inputs of built-in datasets, images of a directory and typed columns have the same words for every network.
    """
    info = experiment.data.info
    if experiment.data.dataset in (*DATASETS, "image_folder") or experiment.data.flatten or info.columns:
        return info
    if experiment.integer_layer is not None:
        cls: type[DatasetInfo] = _WholeNumberInfo
    elif len(info.input_shape) > 1 and _reads_sequences(experiment):
        cls = _SequenceInfo
    else:
        return info
    return cls(**{field.name: getattr(info, field.name) for field in fields(DatasetInfo)})


def _reads_sequences(experiment: Experiment) -> bool:
    """Return whether a layer for sequences receives the axes of the inputs: no layer before it reshapes them."""
    for layer in experiment.model.stack:
        if any(map(_is_sequence_layer, layer.iter_layers())):
            return True
        if layer.only_reshapes:
            return False
    return False


def _is_sequence_layer(layer: BaseLayer) -> bool:
    """Return whether a layer takes sequences, such as LSTM, Masking or Conv1D."""
    return layer.is_recurrent or layer.creates_mask or layer.type.endswith("1D")
