"""The processor that a training runs on."""

from contextlib import suppress
from typing import Any, NamedTuple

import tensorflow as tf

from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import UsageError
from dnn_cli.training.tensorflow_startup import get_thread_count


class Device(NamedTuple):
    """A processor: TensorFlow's name for it, its own, and what a record says of it."""

    tensorflow_name: str
    name: str
    details: dict[str, Any]

    @property
    def is_gpu(self) -> bool:
        return self.tensorflow_name.startswith("/GPU")


def disable_thread_spinning() -> None:
    """Let idle threads of this process sleep instead of spin; to be called before TensorFlow computes anything.

    They compute the same. Alone, a process is faster with threads that wait for work on a core of their own; where
    several train, they take each other's cores. TensorFlow has no public way to say so after its import: without
    the private one, trainings take longer and no more.
    """
    with suppress(ImportError, AttributeError, ValueError):
        from tensorflow.python.framework.ops import enable_eager_execution_internal

        config = tf.compat.v1.ConfigProto()
        config.experimental.disable_thread_spinning = True
        enable_eager_execution_internal(config=config)


def prepare_device(experiment: Experiment) -> Device:
    """Make the processor ready that an experiment asks for.

    On a GPU, memory is taken as needed instead of all at once, and operations that add up in a random
    order are switched off, so that equal experiments stay equal.

    Raises:
        UsageError: it asks for a GPU and TensorFlow sees none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if experiment.device == "gpu" and not gpus:
        raise UsageError(
            "device: gpu asks for a GPU, and TensorFlow sees none on this machine",
            "device=auto trains on what there is",
        )
    if experiment.device == "cpu":
        gpus = []
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        tf.config.experimental.enable_op_determinism()
    device_details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {"device_name": "CPU"}
    name = str(device_details.get("device_name", "GPU"))
    details = {
        "device": name,
        "threads": get_thread_count(),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),  # 0: TensorFlow's own choice
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
    }
    return Device("/GPU:0" if gpus else "/CPU:0", name, details)
