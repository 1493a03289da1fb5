"""`Job`: one training with everything it needs, ready to begin."""

from dataclasses import dataclass
from functools import cached_property

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.measured import Measured, measure
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.device import Device, prepare_device
from dnn_cli.training.plan import Plan, choose_plan


@dataclass(frozen=True)
class Job:
    """An experiment, its data, and the processor it runs on."""

    experiment: Experiment
    examples: Examples
    split: Split
    device: Device

    @cached_property
    def plan(self) -> Plan:
        """How it is run there."""
        return choose_plan(self.experiment, len(self.split.train), gpu=self.device.is_gpu)

    @cached_property
    def measured(self) -> Measured:
        """What is measured on the training examples."""
        return measure(self.experiment, self.examples, self.split)


def prepare(experiment: Experiment, examples: Examples, split: Split) -> Job:
    """The job on the device that the experiment asks for.

    Raises:
        UsageError: there is no such device.
    """
    return Job(experiment, examples, split, prepare_device(experiment))
