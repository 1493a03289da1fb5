"""Training on standardized targets: the layer that returns to the units of the target, and the loss.

The network computes outputs on the scale of standardized targets. A last layer without variables multiplies them by the
standard deviation of the target and adds its mean. Metrics, saved models and exports therefore have the units of the
target. The loss divides again, so that gradients do not depend on the units.
"""

import keras
import tensorflow as tf

from dnn_cli.runs.target_scaling import TargetScaling


def build_target_layer(scaling: TargetScaling, name: str) -> keras.layers.Rescaling:
    """Build the layer that converts standardized outputs to the units of the target."""
    scale, mean = scaling.scale.tolist(), scaling.mean.tolist()
    if len(scale) == 1:
        # Converters handle a number better than a list with one number.
        (scale,), (mean,) = scale, mean
    return keras.layers.Rescaling(scale, mean, name=name)


class StandardizedLoss(keras.losses.Loss):  # type: ignore[misc]
    """Loss of standardized targets and outputs, for targets and outputs in the units of the target.

    Args:
        loss: The loss that is computed on standardized numbers.
        scaling: The scaling of the targets.
    """

    def __init__(self, loss: keras.losses.Loss, scaling: TargetScaling) -> None:
        super().__init__(name=loss.name, reduction=loss.reduction)
        self.loss = loss
        # XLA replaces the division by a constant with a multiplication, and then rounds differently in different
        # programs. Variables are arguments of the program, so all programs give the same bits.
        self.mean = tf.Variable(scaling.mean, trainable=False)
        self.scale = tf.Variable(scaling.scale, trainable=False)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each example, of shape (batch,)."""
        return self.loss.call((y_true - self.mean) / self.scale, (y_pred - self.mean) / self.scale)
