"""Callback that swaps the weights of a model with their moving averages, and keeps the values before the swap.

Keras swaps by additions, which round. A checkpoint therefore contains the values before a swap, and a resumed training
repeats the swap. Its bits are then the bits of an uninterrupted training.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import keras
import tensorflow as tf

from dnn_cli.config.callbacks import SwapEMAWeights


class SwapCallback(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]
    """Keras's SwapEMAWeights with the values of weights and averages before a swap.

    The model has the averages while it is validated and, with `swap_on_epoch`, from the end of an epoch to the
    beginning of the next epoch. After the last epoch, Keras overwrites the weights of the training with the averages.
    """

    checkpoint_key = SwapEMAWeights.checkpoint_key

    def __init__(self, *, swap_on_epoch: bool = False) -> None:
        super().__init__(swap_on_epoch)
        self.swapped_epoch: int | None = None
        """Epoch, counted from 0, at whose end the weights were swapped; `None` within an epoch."""

        self.values_before: list[tuple[keras.Variable, tf.Tensor]] = []
        """Weights and averages with their values before the swap; empty while the model has its own weights."""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self.swapped_epoch, self.values_before = None, []

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.copy_values()
        super().on_test_begin(logs)

    def on_test_end(self, logs: Mapping[str, float] | None = None) -> None:
        super().on_test_end(logs)
        self.values_before = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.swap_on_epoch:
            self.copy_values()
            super().on_epoch_end(epoch, logs)
            self.swapped_epoch = epoch

    def copy_values(self) -> None:
        """Copy the values of all trainable weights and of their averages."""
        # With 16 bits on a GPU, an optimizer that scales the loss contains the optimizer of the config.
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        variables = [*self.model.trainable_variables, *optimizer._model_variables_moving_average]
        self.values_before = [(variable, tf.identity(variable.value)) for variable in variables]

    def repeat_swap(self) -> None:
        """Repeat the swap at the end of an epoch, if the state of a checkpoint is that of an epoch's end.

        The model has the values before the swap, as the checkpoint contains them.
        """
        if self.swapped_epoch is not None:
            self.on_epoch_end(self.swapped_epoch)

    @contextmanager
    def undo_swap(self) -> Iterator[None]:
        """Restore the values before the swap for the duration of the block."""
        swapped_values = [tf.identity(variable.value) for variable, _ in self.values_before]
        for variable, value in self.values_before:
            variable.assign(value)
        yield
        for (variable, _), value in zip(self.values_before, swapped_values, strict=True):
            variable.assign(value)


def find_swap(callbacks: Iterable[keras.callbacks.Callback]) -> SwapCallback | None:
    """Return the callback that swaps weights with their averages; `None` without such a callback."""
    return next((callback for callback in callbacks if isinstance(callback, SwapCallback)), None)
