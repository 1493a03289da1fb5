"""Images in a file that is larger than the memory a process may have."""

import os
import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.config.loading import load_experiment
from dnn_cli.data import pipeline
from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.chunked_engine import build_dataset, install_chunk_functions
from dnn_cli.training.execution_plan import choose_plan
from dnn_cli.training.model_builder import build_model
from tests.helpers.forked_cli import FORKSERVER

CONFIG = """\
data: {dataset: digits}
model: {layers: [Flatten, {type: Dense, units: 10, activation: softmax}]}
optimizer: sgd
batch_size: 512
jit: false
"""
COUNT, SHAPE = 130_000, (40, 100)
FREE_BYTES = 400_000_000
"""Memory that the process may allocate for the training. The images need 520 MB."""


def train_with_limited_memory(path, config, output, max_memory_share):
    """Train one epoch on mapped images in a process of its own, and write what the process prints to a file."""
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 2)
    Data.info = replace(Data().info, input_shape=SHAPE)
    pipeline.MAX_MEMORY_SHARE = max_memory_share
    images = np.memmap(path, np.uint8, "r", shape=(COUNT, *SHAPE))
    experiment = load_experiment(config).experiment
    # A chunk takes 8 MB.
    plan = replace(choose_plan(experiment, COUNT, gpu=False), steps=4)
    model = build_model(experiment, jit=plan.jit)
    resource.setrlimit(resource.RLIMIT_DATA, (read_allocated_bytes() + FREE_BYTES, resource.RLIM_INFINITY))
    images_pipeline = Pipeline(Examples(images, np.resize(np.arange(10, dtype=np.uint8), COUNT)), experiment)
    install_chunk_functions(model, images_pipeline, plan)
    model.fit(
        build_dataset(images_pipeline, plan, images_pipeline.build_shuffled_order(np.arange(COUNT), 42)),
        epochs=1, verbose=0, steps_per_epoch=pipeline.count_batches(COUNT, experiment.batch_size),
    )  # fmt: skip
    os.write(2, f"examples seen {int(model.metrics[0].count)}".encode())


def read_allocated_bytes():
    """Return the size of heap and stacks of this process, without mapped files."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:")]
    return int(line.split()[1]) * 1024


@pytest.fixture
def train(tmp_path, config):
    """Return a function that trains on a file of images in a process with limited memory, and returns its output."""
    path = tmp_path / "images"
    with path.open("wb") as stream:
        stream.truncate(COUNT * SHAPE[0] * SHAPE[1])  # zeros that take no room on the disk

    def train_in_process(max_memory_share):
        arguments = path, config(CONFIG), tmp_path / "output", max_memory_share
        process = FORKSERVER.Process(target=train_with_limited_memory, args=arguments)
        process.start()
        try:
            process.join(300)
        finally:
            process.kill()
        return (tmp_path / "output").read_text()

    return train_in_process


def test_data_larger_than_memory_is_trained(train):
    assert train(max_memory_share=0).endswith(f"examples seen {COUNT}")


def test_held_images_exceed_the_memory_limit(train):
    """Held in memory, the same images do not fit."""
    output = train(max_memory_share=100)
    assert "examples seen" not in output
    assert re.search("allocate|ResourceExhausted|MemoryError|bad_alloc", output), output[-2000:]


def test_mapped_and_held_examples_give_equal_batches(tmp_path, experiment, monkeypatch):
    random = np.random.default_rng(0)
    images, targets = random.integers(0, 17, (100, 8, 8), np.uint8), random.integers(0, 10, 100).astype(np.uint8)
    images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    held = Pipeline(Examples(mapped, targets), experiment())
    monkeypatch.setattr("dnn_cli.data.pipeline.MAX_MEMORY_SHARE", 0)
    read = Pipeline(Examples(mapped, targets), experiment())
    assert (held.is_held, read.is_held) == (True, False)
    order = held.build_shuffled_order(np.arange(10, 90), 42)
    for ours, theirs in zip(held.build_chunks(order, 1), read.build_chunks(order, 1), strict=True):
        assert len(theirs.inputs) == 32
        count = int(ours.count)
        assert count == int(theirs.count)
        for our_rows, their_rows in ((ours.inputs, theirs.inputs), (ours.targets, theirs.targets)):
            assert np.array_equal(np.array(our_rows)[ours.order[:count]], np.array(their_rows)[theirs.order[:count]])
    for ours, theirs in zip(held.build_batches(order), read.build_batches(order), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
