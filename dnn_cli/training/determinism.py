"""The setting of a process that makes equal trainings on a GPU end with equal weights.

TensorFlow and XLA read the setting once in a process. A process therefore trains only experiments with the same
setting, and other processes train the others.

Op determinism makes TensorFlow choose deterministic operations. XLA measures the time of its kernels and chooses the
fastest, so that two trainings could use different kernels. A flag turns these measurements off.
https://openxla.org/xla/determinism
"""

import os

from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import UsageError
from dnn_cli.training.execution_plan import Determinism, ExecutionPlan

_FLAGS_VARIABLE = "XLA_FLAGS"
_MEASUREMENT_FLAG = "--xla_gpu_autotune_level"

_process_settings: list[Determinism] = []
"""Setting of this process; empty before its first training."""

_user_flags = os.environ.get(_FLAGS_VARIABLE, "")


class DeterminismConflict(UsageError):
    """Error of a training that needs another setting of determinism than the earlier trainings of the process."""


def set_determinism(experiment: Experiment, plan: ExecutionPlan) -> None:
    """Apply the setting of determinism of a plan to this process. TensorFlow must not have computed before.

    Args:
        experiment: The experiment that is trained.
        plan: The execution plan of the experiment.

    Raises:
        DeterminismConflict: this process has trained with another setting.
        UsageError: the experiment asks for a deterministic training, and the plan is not deterministic.
    """
    if plan.determinism == "none" and experiment.deterministic:
        raise UsageError(
            f"{experiment.name} cannot be trained deterministically: {plan.why}",
            "use jit=auto, or deterministic=false if equal trainings may end with different weights",
        )
    set_initial_determinism(plan)
    if _process_settings != [plan.determinism]:
        raise DeterminismConflict(
            f"{experiment.name} cannot be trained in this process: its setting of determinism is {plan.determinism}, "
            f"and the process has trained with {_process_settings[0]}",
            "train the experiment in a new process, or use deterministic=false for all trainings of the process",
        )


def set_initial_determinism(plan: ExecutionPlan) -> None:
    """Apply the setting of a plan to this process, unless the process already has a setting.

    Evaluations and predictions work with any setting. With their own, they repeat the scores of the training exactly.
    A flag of the user takes precedence.
    """
    if _process_settings:
        return
    _process_settings.append(plan.determinism)
    if plan.determinism == "operations":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif plan.determinism == "xla" and _MEASUREMENT_FLAG not in _user_flags:
        os.environ[_FLAGS_VARIABLE] = f"{_user_flags} {_MEASUREMENT_FLAG}=0".strip()


def get_user_flags() -> dict[str, str]:
    """Return the variable with XLA's flags as the user has set it, for a process with another setting."""
    return {_FLAGS_VARIABLE: _user_flags} if _process_settings == ["xla"] else {}
