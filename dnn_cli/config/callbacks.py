"""Callbacks that end a training, lower its learning rate or save its model, depending on a score.

The callbacks have Keras's argument names and defaults.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from dnn_cli.config.base import BelowOne, Finite, KerasConfig, NotNegative

_EpochCount = Annotated[int, Field(ge=0, le=1_000_000)]


class MonitorCallback(KerasConfig):
    """Callback that acts when a score, such as `val_loss`, improves or stops improving.

    `monitor` is the name of the score. The name determines whether a higher or a lower score is better.
    """

    monitor: Annotated[str, Field(min_length=1, max_length=100)] = "val_loss"

    def list_keras_arguments(self) -> dict[str, Any]:
        return {**super().list_keras_arguments(), "monitor": self.monitor}


class EarlyStopping(MonitorCallback):
    """Callback that ends the training after `patience` epochs without a better score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.EarlyStopping"
    patience: _EpochCount = 0
    min_delta: NotNegative = 0.0
    baseline: Finite | None = None
    restore_best_weights: bool = False
    start_from_epoch: _EpochCount = 0


class ReduceLROnPlateau(MonitorCallback):
    """Callback that multiplies the learning rate by `factor` after `patience` epochs without a better score."""

    keras_name: ClassVar[str] = "callbacks.ReduceLROnPlateau"
    factor: BelowOne = 0.1
    patience: _EpochCount = 10
    min_delta: NotNegative = 0.0001
    cooldown: _EpochCount = 0
    min_lr: NotNegative = 0.0


class ModelCheckpoint(MonitorCallback):
    """Callback that saves the model as the best model after every epoch that improves the score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.ModelCheckpoint"
