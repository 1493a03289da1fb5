"""Classes of Keras and their default arguments, in the notation of `dnn`."""

import keras


def get_keras_class(cls):
    """Return the class of Keras that a class of `dnn_cli.config` describes."""
    keras_object = keras
    for step in cls.keras_name.split("."):
        keras_object = getattr(keras_object, step)
    return keras_object


def to_plain_default(value):
    """Convert a default of `dnn` or of Keras into a value that both have in common."""
    if hasattr(value, "type"):
        return value.type
    return list(value) if isinstance(value, tuple) else value
