"""Images in a file that is larger than the memory a process may have."""

import re
import subprocess
import sys

import numpy as np
import pytest

from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.settings import ROOT

COUNT, SHAPE = 300_000, (40, 100)
SIZE = COUNT * SHAPE[0] * SHAPE[1]

PROGRAM = """
import os, resource, sys
from dataclasses import replace
import numpy as np
from dnn_cli.data import pipeline
from dnn_cli.data.examples import Examples
from dnn_cli.config.data import Data
from dnn_cli.config.loading import load_experiment
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.chunked_engine import install_chunk_functions
from dnn_cli.training.execution_plan import choose_plan

file, config, count, height, width, share = sys.argv[1:]
shape = (int(height), int(width))
Data.info = replace(Data().info, input_shape=shape)
pipeline.MAX_MEMORY_SHARE = float(share)
images = np.memmap(file, np.uint8, "r", shape=(int(count), *shape))
targets = np.resize(np.arange(10, dtype=np.uint8), int(count))
experiment = load_experiment(config).experiment
plan = choose_plan(experiment, len(images), gpu=False)
model = build_model(experiment, jit=plan.jit)

def taken():  # what is the process's own: heap and stacks, not a mapped file
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmData:")]
    return int(line.split()[1]) * 1024

resource.setrlimit(resource.RLIMIT_DATA, (taken() + 700_000_000, resource.RLIM_INFINITY))
feed = pipeline.Pipeline(Examples(images, targets), experiment)
install_chunk_functions(model, feed, plan)
order = feed.build_shuffled_order(np.arange(len(images)), 42)
model.fit(feed.build_chunks(order, plan.steps), epochs=1, verbose=0,
          steps_per_epoch=pipeline.count_batches(len(images), experiment.batch_size))
print("examples seen", int(model.metrics[0].count))
"""


def run_program(path, config, share):
    shape = map(str, (COUNT, *SHAPE))
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), config, *shape, share],
        capture_output=True, text=True, cwd=ROOT, timeout=300,
    )  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "images"
    with path.open("wb") as stream:
        stream.truncate(SIZE)  # zeros that take no room on the disk
    return path


def test_data_larger_than_memory_is_trained(file, config):
    """1.2 GB of images, and 0.7 GB of memory beyond what TensorFlow has taken already."""
    done = run_program(file, config(DIGITS_YAML + "batch_size: 512\n"), "0")
    assert done.stdout == f"examples seen {COUNT}\n", done.stderr[-2000:]


def test_held_images_exceed_the_memory_limit(file, config):
    """Held in memory, the same images do not fit."""
    done = run_program(file, config(DIGITS_YAML + "batch_size: 512\n"), "100")
    assert "examples seen" not in done.stdout
    assert re.search("allocate|ResourceExhausted|MemoryError|bad_alloc", done.stderr), done.stderr[-2000:]


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
