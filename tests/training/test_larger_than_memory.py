"""Images in a file that is larger than the memory a process may have."""

import re
import subprocess
import sys

import numpy as np
import pytest

from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from tests.conftest import DIGITS, ROOT

COUNT, SHAPE = 300_000, (40, 100)
SIZE = COUNT * SHAPE[0] * SHAPE[1]

PROGRAM = """
import os, resource, sys
from dataclasses import replace
import numpy as np
import dnn_cli.data.pipeline as pipeline
from dnn_cli.data.examples import Examples
from dnn_cli.spec import data as spec
from dnn_cli.spec.load import load
from dnn_cli.training.build import build_model
from dnn_cli.training.chunked import run_in_chunks
from dnn_cli.training.plan import choose_plan

file, config, count, height, width, share = sys.argv[1:]
shape = (int(height), int(width))
spec.Data.facts = replace(spec.Data().facts, input_shape=shape)
pipeline.HELD_SHARE = float(share)
images = np.memmap(file, np.uint8, "r", shape=(int(count), *shape))
labels = np.resize(np.arange(10, dtype=np.uint8), int(count))
experiment = load(config).experiment
plan = choose_plan(experiment, len(images), gpu=False)
model = build_model(experiment, jit=plan.jit)

def taken():  # what is the process's own: heap and stacks, not a mapped file
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmData:")]
    return int(line.split()[1]) * 1024

resource.setrlimit(resource.RLIMIT_DATA, (taken() + 700_000_000, resource.RLIM_INFINITY))
feed = pipeline.Pipeline(Examples(images, labels), experiment)
run_in_chunks(model, feed, plan)
order = feed.shuffled(np.arange(len(images)), 42)
model.fit(feed.chunks(order, plan.steps), epochs=1, verbose=0,
          steps_per_epoch=pipeline.batches_of(len(images), experiment.batch_size))
print("examples seen", int(model.metrics[0].count))
"""


def run(path, config, share):
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


def test_more_than_memory_trains(file, config):
    """1.2 GB of images, and 0.7 GB of memory beyond what TensorFlow has taken already."""
    done = run(file, config(DIGITS + "batch_size: 512\n"), "0")
    assert done.stdout == f"examples seen {COUNT}\n", done.stderr[-2000:]


def test_the_limit_is_one(file, config):
    """Held in memory, the same images do not fit."""
    done = run(file, config(DIGITS + "batch_size: 512\n"), "100")
    assert "examples seen" not in done.stdout
    assert re.search("allocate|ResourceExhausted|MemoryError|bad_alloc", done.stderr), done.stderr[-2000:]


def test_what_is_read_from_a_file_is_what_is_held(tmp_path, experiment, monkeypatch):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 17, (100, 8, 8), np.uint8), random.integers(0, 10, 100).astype(np.uint8)
    images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    held = Pipeline(Examples(mapped, labels), experiment())
    monkeypatch.setattr("dnn_cli.data.pipeline.HELD_SHARE", 0)
    read = Pipeline(Examples(mapped, labels), experiment())
    assert (held.held, read.held) == (True, False)
    order = held.shuffled(np.arange(10, 90), 42)
    for ours, theirs in zip(held.chunks(order, 1), read.chunks(order, 1), strict=True):
        assert len(theirs.inputs) == 32
        count = int(ours.count)
        assert count == int(theirs.count)
        for one, other in ((ours.inputs, theirs.inputs), (ours.labels, theirs.labels)):
            assert np.array_equal(np.array(one)[ours.order[:count]], np.array(other)[theirs.order[:count]])
    for ours, theirs in zip(held.batches(order), read.batches(order), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
