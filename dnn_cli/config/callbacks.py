"""Callbacks that end a training, lower its learning rate or save its model, and one that validates averaged weights.

The callbacks have Keras's argument names and defaults. To add a callback, write a class in this file, and a field of
the same key in `Experiment`. The class declares its traits, which determine what checkpoints and digests contain.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from dnn_cli.config.base import BelowOne, Finite, KerasConfig, NotNegative
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.errors import Issue, suggest_nearest_name

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment

_EpochCount = Annotated[int, Field(ge=0, le=1_000_000)]

REMOVE_VERBOSE = "remove it: dnn shows every epoch on a terminal"
_REMOVE_CHECKPOINT_KEY = "remove it: dnn saves the best model only, as best.keras in the run directory"

CALLBACK_CLASSES: dict[str, type["BaseCallback"]] = {}
"""Callbacks by their key in a config, in the order in which they act. Defining a class with a `keras_name` adds it."""


class BaseCallback(KerasConfig):
    """Callback of a training.

    The class variables are traits. Every callback declares those without a value here.

    Raises:
        TypeError: a class with a `keras_name` does not declare a trait.
    """

    key: ClassVar[str]
    """Key of the callback in a config."""

    is_compiled: ClassVar[bool]
    """Whether compiled programs depend on the callback. If not, experiments with and without it share programs."""

    changes_training: ClassVar[bool]
    """Whether weights or scores depend on the callback. If not, the callback only makes a training keep more files."""

    can_end_training: ClassVar[bool]
    """Whether the callback can end a training before its last epoch."""

    state_attributes: ClassVar[tuple[str, ...]]
    """Attributes of the Keras object with numbers that a checkpoint keeps. Checkpoints are also written within an
    epoch and within its validation. Without one of these attributes, a resumed training has other bits."""

    weights_attributes: ClassVar[tuple[str, ...]] = ()
    """Attributes of the Keras object with lists of weights that a checkpoint keeps."""

    checkpoint_key: ClassVar[str]
    """Key of the callback in checkpoints: the name of Keras's class, unless the callback declares another key."""

    key_suggestions: ClassVar[dict[str, str]] = {}
    """Suggestions for arguments of Keras that the callback does not have, by argument."""

    lane_obstacle: ClassVar[str | None] = None
    """Reason why one program cannot train several runs with the callback; `None` for callbacks without a reason."""

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        super().__pydantic_init_subclass__(**arguments)
        if "keras_name" not in vars(cls):
            return
        traits = ("key", "is_compiled", "changes_training", "can_end_training", "state_attributes")
        if missing := [name for name in traits if name not in vars(cls)]:
            raise TypeError(f"the callback {cls.__name__} must declare {', '.join(missing)}")
        if "checkpoint_key" not in vars(cls):
            cls.checkpoint_key = cls.keras_name.rpartition(".")[2]
        CALLBACK_CLASSES[cls.key] = cls

    @property
    def changes_final_weights(self) -> bool:
        """Whether the weights at the end of the training can differ from those of the last epoch."""
        return False

    def find_issues(self, experiment: "Experiment") -> Iterator[Issue]:
        """Yield issues of settings of the callback that do not fit the experiment."""
        yield from ()


class SwapEMAWeights(BaseCallback):
    """Callback that validates the moving averages of the weights, which an optimizer with `use_ema` computes.

    With `swap_on_epoch`, the model also has the averages after each epoch, when other callbacks save its weights.
    """

    keras_name: ClassVar[str] = "callbacks.SwapEMAWeights"
    key: ClassVar[str] = "swap_ema_weights"
    is_compiled: ClassVar[bool] = False
    # Scores of validation depend on the callback, and Keras swaps by additions, which round the weights.
    changes_training: ClassVar[bool] = True
    can_end_training: ClassVar[bool] = False
    state_attributes: ClassVar[tuple[str, ...]] = ("swapped_epoch",)
    lane_obstacle: ClassVar[str | None] = "validation in lanes uses the weights, not their averages"
    swap_on_epoch: bool = False

    def find_issues(self, experiment: "Experiment") -> Iterator[Issue]:
        if not experiment.optimizer.use_ema:
            message = "needs the averages that an optimizer with use_ema computes"
            yield Issue((self.key,), message, "write optimizer.use_ema: true, or remove it")
        stopping, path = experiment.early_stopping, (self.key, "swap_on_epoch")
        if experiment.model_checkpoint is not None and not self.swap_on_epoch:
            message = "must be true with model_checkpoint, which saves weights that are not averaged otherwise"
            yield Issue(path, message, "write swap_on_epoch: true")
        if stopping is not None and self.swap_on_epoch and not stopping.restore_best_weights:
            message = "with early_stopping, Keras ends with weights that are not averaged"
            yield Issue(path, message, "write early_stopping.restore_best_weights: true")


class MonitorCallback(BaseCallback):
    """Callback that acts when a score, such as `val_loss`, improves or stops improving.

    `monitor` is the name of the score. The name determines whether a higher or a lower score is better.
    """

    key_suggestions: ClassVar[dict[str, str]] = {
        "mode": "remove it: the name of the score decides whether higher or lower is better",
        "verbose": REMOVE_VERBOSE,
    }
    monitor: Annotated[str, Field(min_length=1, max_length=100)] = "val_loss"

    def list_keras_arguments(self) -> dict[str, Any]:
        mode = "min" if lower_is_better(self.monitor) else "max"
        return {**super().list_keras_arguments(), "monitor": self.monitor, "mode": mode}

    def find_issues(self, experiment: "Experiment") -> Iterator[Issue]:
        if self.monitor not in experiment.score_names:
            reason = "" if experiment.data.validation_examples else ": val_ scores need validation examples"
            suggestion = (
                suggest_nearest_name(self.monitor, experiment.score_names)
                or f"use one of {', '.join(experiment.score_names)}"
            )
            yield Issue((self.key, "monitor"), f"{self.monitor} is not a score of this training{reason}", suggestion)


class ReduceLROnPlateau(MonitorCallback):
    """Callback that multiplies the learning rate by `factor` after `patience` epochs without a better score."""

    keras_name: ClassVar[str] = "callbacks.ReduceLROnPlateau"
    key: ClassVar[str] = "reduce_lr_on_plateau"
    # The learning rate is a variable of the optimizer, so its value is not compiled.
    is_compiled: ClassVar[bool] = False
    changes_training: ClassVar[bool] = True
    can_end_training: ClassVar[bool] = False
    state_attributes: ClassVar[tuple[str, ...]] = ("wait", "best", "cooldown_counter")
    factor: BelowOne = 0.1
    patience: _EpochCount = 10
    min_delta: NotNegative = 0.0001
    cooldown: _EpochCount = 0
    min_lr: NotNegative = 0.0

    def find_issues(self, experiment: "Experiment") -> Iterator[Issue]:
        yield from super().find_issues(experiment)
        if not isinstance(experiment.optimizer.learning_rate, float):
            yield Issue((self.key,), "cannot be combined with a learning rate schedule", "keep one of the two")


class EarlyStopping(MonitorCallback):
    """Callback that ends the training after `patience` epochs without a better score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.EarlyStopping"
    key: ClassVar[str] = "early_stopping"
    is_compiled: ClassVar[bool] = False
    changes_training: ClassVar[bool] = True
    can_end_training: ClassVar[bool] = True
    state_attributes: ClassVar[tuple[str, ...]] = ("wait", "stopped_epoch", "best", "best_epoch")
    weights_attributes: ClassVar[tuple[str, ...]] = ("best_weights",)
    patience: _EpochCount = 0
    min_delta: NotNegative = 0.0
    baseline: Finite | None = None
    restore_best_weights: bool = False
    start_from_epoch: _EpochCount = 0

    @property
    def changes_final_weights(self) -> bool:
        return self.restore_best_weights

    def find_issues(self, experiment: "Experiment") -> Iterator[Issue]:
        yield from super().find_issues(experiment)
        swap = experiment.swap_ema_weights
        if self.restore_best_weights and experiment.optimizer.use_ema and not (swap and swap.swap_on_epoch):
            message = "overwrites the averaged weights of the optimizer's use_ema"
            suggestion = "remove one of the two, or write swap_ema_weights.swap_on_epoch: true"
            yield Issue((self.key, "restore_best_weights"), message, suggestion)


class ModelCheckpoint(MonitorCallback):
    """Callback that saves the model as the best model after every epoch that improves the score `monitor`."""

    keras_name: ClassVar[str] = "callbacks.ModelCheckpoint"
    key: ClassVar[str] = "model_checkpoint"
    is_compiled: ClassVar[bool] = False
    changes_training: ClassVar[bool] = False
    can_end_training: ClassVar[bool] = False
    state_attributes: ClassVar[tuple[str, ...]] = ("best", "best_epoch")
    # Stored checkpoints have this key, so it must not change.
    checkpoint_key: ClassVar[str] = "KeepBest"
    key_suggestions: ClassVar[dict[str, str]] = {
        **MonitorCallback.key_suggestions,
        "filepath": _REMOVE_CHECKPOINT_KEY,
        "save_best_only": _REMOVE_CHECKPOINT_KEY,
        "save_freq": _REMOVE_CHECKPOINT_KEY,
        "save_weights_only": "remove it: dnn saves the whole model",
    }
