"""Trainings of configs on the CPU by the plan of a GPU, to see what TensorFlow would run there."""

from dataclasses import replace

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import kernels

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.chunked_engine import install_chunk_functions
from dnn_cli.training.determinism import set_determinism
from dnn_cli.training.execution_plan import choose_plan
from dnn_cli.training.model_builder import build_model
from tests.helpers.forked_cli import FORKSERVER


def play_plan(path):
    """Train two batches of random examples, and return the plan, the loss and the operations of a training step."""
    experiment = load_experiment(path, ["batch_size=8"]).experiment
    info = experiment.data.info
    random = np.random.default_rng(0)
    inputs = random.integers(0, 17, (16, *info.input_shape)).astype(np.uint8 if info.pixel_max > 1 else np.float32)
    targets = random.integers(0, len(info.classes), 16).astype(np.uint8) if info.classes else random.random(
        (16, info.targets), np.float32)  # fmt: skip
    examples = Examples(inputs, targets)
    plan = choose_plan(experiment, 48_000, gpu=True)
    set_determinism(experiment, plan)
    model, operations = build_model(experiment, precision=plan.precision), set()
    train_step = model.train_step

    def train_and_record(batch):
        logs = train_step(batch)
        graph = tf.compat.v1.get_default_graph().as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        operations.update(node.op for node in nodes)
        return logs

    model.train_step = train_and_record
    # XLA's programs for a CPU would take seconds to compile, and say nothing about a GPU.
    pipeline = Pipeline(examples, experiment)
    install_chunk_functions(model, pipeline, replace(plan, jit=False, steps=2))
    logs = model.train_function(iter([(*pipeline.chunk_examples, tf.range(16), tf.constant(16))]))
    return {
        "determinism": plan.determinism,
        "loss": float(logs["loss"]),
        "operations": {name: find_devices(name) for name in sorted(operations)},
    }


def find_devices(operation):
    """Return the kinds of devices that TensorFlow has a kernel of an operation for."""
    return sorted({kernel.device_type for kernel in kernels.get_registered_kernels_for_op(operation).kernel})


def play_plans(paths, connection):
    """Play the plans of configs with the same setting of determinism, which belongs to a process, and send them."""
    # TensorFlow registers the kernels of XLA when it first compiles.
    tf.function(lambda number: number + 1, jit_compile=True)(tf.constant(1.0))
    connection.send({path.stem: play_plan(str(path)) for path in paths})


def play_in_process(paths):
    """Play the plans of configs in a process of their own, and return them by the names of the configs."""
    receiver, sender = FORKSERVER.Pipe(duplex=False)
    process = FORKSERVER.Process(target=play_plans, args=(paths, sender), daemon=True)
    process.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        process.kill()
        process.join()
