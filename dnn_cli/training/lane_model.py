"""Views of one lane of a program, for its callbacks: as a model, as numbers of a model, and as measured layers.

All lanes share one Keras model. The model gets the variables of a lane when a callback first uses an attribute of the
model, so that a callback that needs only scores costs nothing.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.training.diagnostics_callback import LayerInspector
from dnn_cli.training.lane_program import LaneProgram
from dnn_cli.training.training_job import TrainingJob


class LaneModel:
    """Model of one lane, for its callbacks.

    The model passes each use of an attribute on to the shared model, which first gets the variables of the lane.

    Args:
        program: The program with the variables of all lanes.
        index: The index of the lane.
    """

    def __init__(self, program: LaneProgram, index: int) -> None:
        self._program = program
        self._index = tf.constant(index)
        self._is_loaded = False
        self.stop_training = False

    def __getattr__(self, name: str) -> Any:
        if not self._is_loaded:
            self._program.load_lane(self._index)
            self._is_loaded = True
        return getattr(self._program.model, name)

    def store_changes(self) -> None:
        """Copy the variables of the shared model to the lane, if a callback has used the shared model."""
        if self._is_loaded:
            self._program.store_lane(self._index)
            self._is_loaded = False


class LaneState:
    """Numbers of the model of one lane that callbacks read after every epoch.

    Args:
        program: The program with the variables of all lanes.
        index: The index of the lane.
    """

    def __init__(self, program: LaneProgram, index: int) -> None:
        self.program = program
        self.index = index
        self.rates: NDArray[np.float32]
        self.finite_weights: NDArray[np.bool_]

    def read_learning_rate(self) -> np.float32:
        return np.float32(self.rates[self.index])

    def find_broken_weight(self) -> str:
        broken = np.flatnonzero(~self.finite_weights[:, self.index])
        return str(self.program.model.weights[broken[0]].path) if len(broken) else ""


class LaneInspector(LayerInspector):
    """Object that measures the layers of one lane. One call of a program measures the layers of all lanes.

    Args:
        job: The training job of the lane.
        program: The program with the variables of all lanes.
        measurements: The measurements of all lanes since the last training step, by name. All lanes share the mapping.
        index: The index of the lane.
    """

    def __init__(self, job: TrainingJob, program: LaneProgram, measurements: dict[str, Any], index: int) -> None:
        super().__init__(job, program.pipeline)
        self.program, self.measurements, self.index = program, measurements, index

    def copy_kernels(self, model: keras.Sequential) -> list[NDArray[Any]]:
        if "kernels" not in self.measurements:
            # Layers with several kernels cannot be trained in lanes.
            kernels = [kernel for (kernel,) in self.list_kernels(self.program.model)]
            self.measurements["kernels"] = [self.program.find_stacked(kernel).numpy() for kernel in kernels]
        return [stacked[self.index] for stacked in self.measurements["kernels"]]

    def run_network(
        self, model: keras.Sequential, batch: tuple[tf.Tensor, ...]
    ) -> tuple[Sequence[Any], Sequence[Any], Any]:
        if "results" not in self.measurements:
            results = self.program.measure_lanes(batch)
            self.measurements["results"] = tf.nest.map_structure(lambda part: part.numpy(), results)
        outputs, gradients, losses = self.measurements["results"]
        return [part[self.index] for part in outputs], [part[self.index] for part in gradients], losses[self.index]
