"""The processor (CPU or GPU) on which a training runs."""

from contextlib import suppress
from typing import Any, NamedTuple

import tensorflow as tf

from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import UsageError
from dnn_cli.training.tensorflow_startup import get_thread_count


class Device(NamedTuple):
    """Processor with its name in TensorFlow, its product name, and details for the run record."""

    tensorflow_name: str
    name: str
    details: dict[str, Any]

    @property
    def is_gpu(self) -> bool:
        return self.tensorflow_name.startswith("/GPU")


def disable_thread_spinning() -> None:
    """Make idle threads of this process sleep instead of spin. TensorFlow must not have computed before.

    A spinning thread waits for work without releasing its core. A process that trains alone is faster with spinning
    threads. Where several processes train, spinning threads take cores from other processes. The results are the same.

    After its import, TensorFlow has only a private setting for this. If the setting is missing, trainings merely take
    longer.
    """
    with suppress(ImportError, AttributeError, ValueError):
        # `tf.compat.v1` has this class too, but its import takes 0.2 s.
        from tensorflow.core.protobuf.config_pb2 import ConfigProto
        from tensorflow.python.framework.ops import enable_eager_execution_internal

        config = ConfigProto()
        config.experimental.disable_thread_spinning = True
        enable_eager_execution_internal(config=config)


def prepare_device(experiment: Experiment) -> Device:
    """Prepare the processor that an experiment asks for, and return the processor.

    On a GPU, memory is allocated as needed instead of all at once.

    Raises:
        UsageError: the experiment asks for a GPU and TensorFlow finds none, or a layer needs a GPU.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if experiment.device == "gpu" and not gpus:
        raise UsageError(
            "device is gpu, but TensorFlow finds no GPU on this machine",
            "use device=auto to train on the CPU",
        )
    if experiment.device == "cpu":
        gpus = []
    cudnn_layers = [nested.layer for nested in experiment.model.nested_layers if nested.layer.needs_gpu]
    if cudnn_layers and not gpus:
        raise UsageError(
            f"{cudnn_layers[0].type} with use_cudnn: true needs a GPU, and the processor is a CPU",
            "write use_cudnn: auto",
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    device_details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {"device_name": "CPU"}
    name = str(device_details.get("device_name", "GPU"))
    details = {
        "device": name,
        "threads": get_thread_count(),
        # 0 means TensorFlow's own choice, here and in the next line.
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
    }
    return Device("/GPU:0" if gpus else "/CPU:0", name, details)
