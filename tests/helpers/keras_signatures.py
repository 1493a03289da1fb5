"""Classes of Keras and their default arguments, in the notation of `dnn`."""

import keras

from dnn_cli.training import residual_block, warmup_schedule  # noqa: F401 - registers the classes

KERAS = tuple(int(part) for part in keras.__version__.split(".")[:2])
"""Version of the installed Keras."""


def is_in_keras(cls):
    """Return whether the installed Keras has the class that a class of `dnn_cli.config` describes."""
    return getattr(cls, "min_keras_version", KERAS) <= KERAS


def get_keras_class(cls):
    """Return the class of Keras that a class of `dnn_cli.config` describes."""
    if ">" in cls.keras_name:
        return keras.saving.get_registered_object(cls.keras_name)
    keras_object = keras
    for step in cls.keras_name.split("."):
        keras_object = getattr(keras_object, step)
    return keras_object


def to_plain_default(value):
    """Convert a default of `dnn` or of Keras into a value that both have in common."""
    if hasattr(value, "type"):
        return value.type
    if value == "uniform":
        return "random_uniform"
    if isinstance(value, str):
        # Some signatures of Keras have class names: Zeros for zeros.
        return value.lower()
    return list(value) if isinstance(value, tuple) else value
