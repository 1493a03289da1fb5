"""The training job: an experiment with its data, device and execution plan, ready to train."""

import math
from dataclasses import dataclass
from functools import cached_property

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.preprocessing import Preprocessing, compute_preprocessing
from dnn_cli.training.device import Device, prepare_device
from dnn_cli.training.execution_plan import ExecutionPlan, choose_plan


@dataclass(frozen=True)
class TrainingJob:
    """Experiment with its examples, their split, and the device that trains it."""

    experiment: Experiment
    examples: Examples
    split: Split
    device: Device
    lanes: int = 1
    """Number of lanes of the program that trains the experiment; 1 for an experiment that is trained alone."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch. The last batch may be short."""
        return math.ceil(len(self.split.train) / self.experiment.batch_size)

    @property
    def validation_steps(self) -> int | None:
        """Number of validation batches; `None` without validation examples."""
        return math.ceil(len(self.split.validation) / self.experiment.batch_size) or None

    @cached_property
    def plan(self) -> ExecutionPlan:
        """Execution plan of the experiment on the device."""
        return choose_plan(self.experiment, len(self.split.train), gpu=self.device.is_gpu, lanes=self.lanes)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Scaling and class weights, computed from the training examples."""
        return compute_preprocessing(self.experiment, self.examples, self.split)


def prepare_job(experiment: Experiment, examples: Examples, split: Split, lanes: int = 1) -> TrainingJob:
    """Prepare the device that an experiment asks for, and return the training job.

    Args:
        experiment: The experiment.
        examples: The examples of all splits.
        split: The split of the examples.
        lanes: The number of lanes of the program that trains the experiment.

    Raises:
        UsageError: the experiment asks for a GPU and TensorFlow finds none.
    """
    return TrainingJob(experiment, examples, split, prepare_device(experiment), lanes)
