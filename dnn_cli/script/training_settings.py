"""Settings of a training that a script repeats: processor, XLA, precision and determinism."""

from dataclasses import dataclass

from dnn_cli.config.experiment import Experiment
from dnn_cli.runs.record import Record
from dnn_cli.training.execution_plan import choose_plan


@dataclass(frozen=True)
class TrainingSettings:
    """Choices of an execution plan that change the bits of the weights."""

    jit: bool
    precision: str = "float32"
    determinism: str = "cpu"
    lanes: int = 1
    """Number of runs that one program trained together."""

    @property
    def is_gpu(self) -> bool:
        """Whether the training runs on a GPU."""
        return self.determinism != "cpu"


def choose_settings(experiment: Experiment, *, gpu: bool) -> TrainingSettings:
    """Return the settings with which `dnn train` trains an experiment on this machine.

    Args:
        experiment: The experiment.
        gpu: Whether the processor is a GPU.
    """
    plan = choose_plan(experiment, experiment.data.training_examples, gpu=gpu)
    return TrainingSettings(plan.jit, plan.precision, plan.determinism)


def read_settings(record: Record) -> TrainingSettings:
    """Return the settings with which a run was trained."""
    plan = record.plan
    return TrainingSettings(
        bool(plan.get("jit")),
        str(plan.get("precision", "float32")),
        str(plan.get("determinism", "cpu")),
        record.lanes,
    )
