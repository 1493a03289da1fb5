"""Vectorised forms of TensorFlow's operations that `tf.vectorized_map` lacks.

Without such a form, `tf.vectorized_map` runs an operation for one lane after another, or raises an error. The forms are
registered when this module is imported. TensorFlow has no public function for the registration.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.ops.parallel_for import pfor

_Converter = Callable[[Any], Any]


def _register(*operations: str) -> Callable[[_Converter], _Converter]:
    """Return a decorator that registers a function as the form of some operations, unless TensorFlow has a form."""

    def register_converter(converter: _Converter) -> _Converter:
        for operation in operations:
            if operation not in pfor._pfor_converter_registry:
                pfor.RegisterPFor(operation)(converter)
        return converter

    return register_converter


@_register("Bitcast")
def _convert_bitcast(inputs: Any) -> Any:
    """Convert the bits of all lanes to another dtype. Keras uses the operation in `argmax`."""
    return pfor.wrap(tf.bitcast(inputs.stacked_input(0), inputs.get_attr("type")), True)


@_register("InvertPermutation")
def _convert_inverse(inputs: Any) -> Any:
    """Compute the inverse permutations of all lanes."""
    return pfor.wrap(tf.argsort(inputs.stacked_input(0), axis=-1), True)


@_register("InTopKV2")
def _convert_top_k(inputs: Any) -> Any:
    """Return whether targets are among the top predictions, with the examples of all lanes as one batch."""
    predictions, targets, k = inputs.stacked_input(0), inputs.stacked_input(1), inputs.unstacked_input(2)
    shape = tf.shape(targets)
    flat = tf.reshape(predictions, tf.concat([[-1], tf.shape(predictions)[2:]], 0))
    return pfor.wrap(
        tf.reshape(tf.raw_ops.InTopKV2(predictions=flat, targets=tf.reshape(targets, [-1]), k=k), shape), True
    )


@_register("StatelessRandomGetKeyCounter")
def _convert_key(inputs: Any) -> Any:
    """Compute the keys and counters of the random numbers of all lanes."""
    seeds = inputs.stacked_input(0)
    parts = [tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed) for seed in tf.unstack(seeds)]
    return [pfor.wrap(tf.stack([part[index] for part in parts]), True) for index in range(2)]


@_register("StatelessRandomUniformV2", "StatelessRandomNormalV2")
def _convert_random_numbers(inputs: Any) -> Any:
    """Draw the random numbers of each lane from its own key and counter."""
    shape, algorithm = inputs.unstacked_input(0), inputs.unstacked_input(3)
    operation = getattr(tf.raw_ops, inputs.op_type)
    draws = [
        operation(shape=shape, key=key, counter=counter, alg=algorithm, dtype=inputs.get_attr("dtype"))
        for key, counter in zip(tf.unstack(inputs.stacked_input(1)), tf.unstack(inputs.stacked_input(2)), strict=True)
    ]
    return pfor.wrap(tf.stack(draws), True)
