"""The processor that a training runs on."""

from typing import Any

import tensorflow as tf


def prepare_device() -> dict[str, Any]:
    """Make the processor ready; say which it is and how many threads TensorFlow uses (0: its own choice).

    On a GPU, memory is taken as needed instead of all at once, and operations that add up in a random
    order are switched off, so that equal experiments stay equal.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        tf.config.experimental.enable_op_determinism()
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {"device_name": "CPU"}
    return {
        "device": str(details.get("device_name", "GPU")),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
    }
