"""The training job: an experiment with its data, device and execution plan, ready to train."""

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

    @cached_property
    def plan(self) -> ExecutionPlan:
        """Execution plan of the experiment on the device."""
        return choose_plan(self.experiment, len(self.split.train), gpu=self.device.is_gpu)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Scaling and class weights, computed from the training examples."""
        return compute_preprocessing(self.experiment, self.examples, self.split)


def prepare_job(experiment: Experiment, examples: Examples, split: Split) -> TrainingJob:
    """Prepare the device that an experiment asks for, and return the training job.

    Raises:
        UsageError: the experiment asks for a GPU and TensorFlow finds none.
    """
    return TrainingJob(experiment, examples, split, prepare_device(experiment))
