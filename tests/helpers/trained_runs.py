"""Runs that are trained once for many tests: digits as images, and a table of house prices."""

import json

import numpy as np
import pytest

from dnn_cli.runs.run import Run
from tests.helpers import forked_cli
from tests.helpers.digits import DIGITS_YAML

# The engine of Keras compiles nothing, and the examples fill their batches: each training takes a second.
HALVES = DIGITS_YAML.replace("dataset: digits", "dataset: digits, test_size: 0.25").replace(
    "    - Flatten\n", "    - {type: Reshape, target_shape: [8, 8, 1]}\n    - RandomFlip\n    - Flatten\n"
).replace("    - {type: Dense, units: 16", "    - BatchNormalization\n    - {type: Dense, units: 16"
) + "engine: keras\nbatch_size: 49\n"  # fmt: skip

HOUSES = """\
name: 집값
data:
  {dataset: csv, path: houses.csv, target: price, ignore: [id], test_size: 0.2, standardize: true,
   standardize_target: true}
model:
  layers:
    - {type: Dense, units: 4, activation: gelu, name: 은닉층}
    - {type: Dense, units: 1}
loss: mse
metrics: [mae]
epochs: 2
engine: keras
"""

SPOILED = """\
name: spoiled
data: {dataset: digits, test_size: 0.25}
model:
  layers:
    - Flatten
    - {type: Dense, units: 10, activation: softmax}
optimizer:
  type: sgd
  learning_rate: {type: PiecewiseConstantDecay, boundaries: [66], values: [0.5, 300.0]}
epochs: 5
batch_size: 49
engine: keras
model_checkpoint: {monitor: val_loss}
"""
"""A config whose learning rate spoils the network in the last two of five epochs: the best epoch is the third."""


class Workspace:
    """A directory with trained runs, and `dnn` in that directory."""

    def __init__(self, path):
        self.path = path

    def dnn(self, *words):
        return forked_cli.run_command(self.path, *words)

    def train(self, name, text):
        (self.path / f"{name}.yaml").write_text(text, encoding="utf-8")
        done = self.dnn("train", f"{name}.yaml", "--json")
        assert done.returncode == 0, done.stderr
        (run_document,) = json.loads(done.stdout)["runs"]
        (directory,) = (self.path / "runs").glob(f"*-{run_document['id']}")
        return Run(directory), run_document


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """Train `digits` and `집값` in one directory."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    workspace.digits, workspace.digits_document = workspace.train("digits", HALVES)
    rng = np.random.default_rng(0)
    area, age = rng.uniform(30, 300, 120), rng.integers(1, 90, 120)
    rows = [f"{i},{a:.1f},{b},{a - b:.2f}" for i, (a, b) in enumerate(zip(area, age, strict=True))]
    (workspace.path / "houses.csv").write_text("\n".join(["id,area,age,price", *rows, ""]))
    workspace.houses, _ = workspace.train("houses", HOUSES)
    return workspace


@pytest.fixture(scope="session")
def spoiled(tmp_path_factory):
    """Train a run whose best epoch is in the middle; the run is `spoiled.run`, and the output `spoiled.output`."""
    workspace = Workspace(tmp_path_factory.mktemp("spoiled"))
    (workspace.path / "spoiled.yaml").write_text(SPOILED, encoding="utf-8")
    done = workspace.dnn("train", "spoiled.yaml")
    assert done.returncode == 0, done.stderr
    workspace.output = done.stdout
    (directory,) = (workspace.path / "runs").glob("*-spoiled-*")
    workspace.run = Run(directory)
    return workspace
