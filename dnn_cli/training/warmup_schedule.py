"""Warm-up of a learning rate as a schedule for optimizers of Keras; Goyal et al. 2017."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="dnn")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Schedule that multiplies a learning rate by a factor, which rises linearly to 1 in the first steps.

    The rate of a step in the warm-up is rate(0) × (start_factor + (1 − start_factor) × step / warmup_steps), in
    float32. After the warm-up, it is rate(step − warmup_steps).

    Args:
        warmup_steps: The number of steps of the warm-up, 0 or more.
        learning_rate: The learning rate after the warm-up, a number or a schedule.
        start_factor: The factor of the first step, from 0 to 1.
    """

    def __init__(
        self,
        warmup_steps: int,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        start_factor: float = 0.0,
    ) -> None:
        super().__init__()
        self.warmup_steps = warmup_steps
        self.learning_rate = learning_rate
        self.start_factor = start_factor

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step as a float32 tensor; `step` is a whole number, as a tensor or plain."""
        # Steps are subtracted as whole numbers, because float32 cannot represent all of them above 2^24.
        step = ops.convert_to_tensor(step)
        warmup_steps = ops.cast(self.warmup_steps, step.dtype)
        rate = self.learning_rate
        if callable(rate):
            rate = rate(ops.maximum(step - warmup_steps, 0))
        share = ops.cast(step, "float32") / max(self.warmup_steps, 1)
        factor = self.start_factor + (1 - self.start_factor) * share
        return ops.cast(rate, "float32") * ops.where(step < warmup_steps, factor, 1.0)

    def build_plain_schedule(self) -> keras.optimizers.schedules.LearningRateSchedule:
        """Return a schedule of Keras: the warm-up to a constant rate, or the schedule after the warm-up."""
        if callable(self.learning_rate):
            return self.learning_rate
        start_factor = self.start_factor if self.warmup_steps else 1.0
        return keras.optimizers.schedules.PolynomialDecay(
            start_factor * self.learning_rate, max(self.warmup_steps, 1), self.learning_rate
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the schedule as plain data."""
        return {
            "warmup_steps": self.warmup_steps,
            "learning_rate": keras.saving.serialize_keras_object(self.learning_rate),
            "start_factor": self.start_factor,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Warmup":
        """Return the schedule that a result of `get_config` describes."""
        rate = keras.saving.deserialize_keras_object(config["learning_rate"])
        return cls(**{**config, "learning_rate": rate})
