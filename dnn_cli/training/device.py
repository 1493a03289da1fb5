"""The processor that a training runs on."""

from typing import Any, NamedTuple

import tensorflow as tf

from dnn_cli.errors import UsageError
from dnn_cli.spec.experiment import Experiment


class Device(NamedTuple):
    """A processor: TensorFlow's name for it, its own, and what a record says of it."""

    place: str
    name: str
    details: dict[str, Any]

    @property
    def is_gpu(self) -> bool:
        return self.place.startswith("/GPU")


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
    facts = tf.config.experimental.get_device_details(gpus[0]) if gpus else {"device_name": "CPU"}
    name = str(facts.get("device_name", "GPU"))
    details = {
        "device": name,
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),  # 0: TensorFlow's own choice
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
    }
    return Device("/GPU:0" if gpus else "/CPU:0", name, details)
