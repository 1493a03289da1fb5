"""Program that inspects TensorFlow and prints the results as JSON.

`dnn doctor` runs this program in a separate process, so that a crash of TensorFlow can be reported.
"""

import json
import sys
import time
from typing import Any

from dnn_cli.host.cuda_libraries import load_solver_library
from dnn_cli.host.gpus import list_visible_gpus


def _inspect_tensorflow() -> dict[str, Any]:
    """Return the versions, build and GPUs of TensorFlow and Keras.

    The value of the key `computes` is whether TensorFlow multiplied two matrices correctly.
    """
    # The start of a training loads this library, too.
    if list_visible_gpus():
        load_solver_library()
    start_time = time.perf_counter()
    import keras
    import tensorflow as tf

    seconds = time.perf_counter() - start_time
    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    computed = float(tf.reduce_sum(tf.linalg.matmul(tf.ones((64, 64)), tf.ones((64, 64)))))
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "seconds": round(seconds, 2),
        "cuda_build": bool(build.get("is_cuda_build")),
        "cuda_version": build.get("cuda_version"),
        "cudnn_version": build.get("cudnn_version"),
        "gpus": [str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)) for gpu in gpus],
        "computes": computed == 64.0**3,
    }


def main() -> None:
    """Write the results of the inspection as JSON, in the last line of standard output."""
    sys.stdout.write(f"\n{json.dumps(_inspect_tensorflow())}\n")
