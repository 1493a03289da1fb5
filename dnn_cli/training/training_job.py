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
    """An experiment with its examples, their split, and the device that trains it."""

    experiment: Experiment
    examples: Examples
    split: Split
    device: Device

    @cached_property
    def plan(self) -> ExecutionPlan:
        """How it is run there."""
        return choose_plan(self.experiment, len(self.split.train), gpu=self.device.is_gpu)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """What is measured on the training examples."""
        return compute_preprocessing(self.experiment, self.examples, self.split)


def prepare_job(experiment: Experiment, examples: Examples, split: Split) -> TrainingJob:
    """The job on the device that the experiment asks for.

    Raises:
        UsageError: there is no such device.
    """
    return TrainingJob(experiment, examples, split, prepare_device(experiment))
