"""Callbacks that act on a training according to its scores, with Keras's argument names and defaults."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from dnn_cli.config.base import BelowOne, Finite, KerasConfig, NotNegative

_EpochCount = Annotated[int, Field(ge=0, le=1_000_000)]


class MonitorCallback(KerasConfig):
    """Callback that acts on the score `monitor`. The score's name decides whether higher or lower is better."""

    monitor: Annotated[str, Field(min_length=1, max_length=100)] = "val_loss"

    def list_keras_arguments(self) -> dict[str, Any]:
        return {**super().list_keras_arguments(), "monitor": self.monitor}


class EarlyStopping(MonitorCallback):
    """Early end of the training, after `patience` epochs without an improvement of the score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.EarlyStopping"
    patience: _EpochCount = 0
    min_delta: NotNegative = 0.0
    baseline: Finite | None = None
    restore_best_weights: bool = False
    start_from_epoch: _EpochCount = 0


class ReduceLROnPlateau(MonitorCallback):
    """Learning rate that is multiplied by `factor` after `patience` epochs without a better score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.ReduceLROnPlateau"
    factor: BelowOne = 0.1
    patience: _EpochCount = 10
    min_delta: NotNegative = 0.0001
    cooldown: _EpochCount = 0
    min_lr: NotNegative = 0.0


class ModelCheckpoint(MonitorCallback):
    """Best model, saved after every epoch that improves the score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.ModelCheckpoint"
