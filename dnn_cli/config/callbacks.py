"""Callbacks that act on a training by its scores, under Keras's argument names and defaults."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from dnn_cli.config.base import BelowOne, Finite, KerasConfig, NotNegative

_EpochCount = Annotated[int, Field(ge=0, le=1_000_000)]


class MonitorCallback(KerasConfig):
    """A callback that watches one score; which direction is better is known from the score."""

    monitor: Annotated[str, Field(min_length=1, max_length=100)] = "val_loss"

    def list_keras_arguments(self) -> dict[str, Any]:
        return {**super().list_keras_arguments(), "monitor": self.monitor}


class EarlyStopping(MonitorCallback):
    """Ends the training after `patience` epochs that were no better than the best before."""

    keras_name: ClassVar[str] = "callbacks.EarlyStopping"
    patience: _EpochCount = 0
    min_delta: NotNegative = 0.0
    baseline: Finite | None = None
    restore_best_weights: bool = False
    start_from_epoch: _EpochCount = 0


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs that were no better."""

    keras_name: ClassVar[str] = "callbacks.ReduceLROnPlateau"
    factor: BelowOne = 0.1
    patience: _EpochCount = 10
    min_delta: NotNegative = 0.0001
    cooldown: _EpochCount = 0
    min_lr: NotNegative = 0.0


class ModelCheckpoint(MonitorCallback):
    """Saves the model of the epoch that is best so far."""

    keras_name: ClassVar[str] = "callbacks.ModelCheckpoint"
