"""A layer, a callback, an optimizer and a command that a module adds are known everywhere.

No other file changes.
"""

import json
import re
import subprocess
import sys

import pytest

from tests.helpers.extended_program import ExtendedProgram

SETUP = '''
import contextlib, io, json
from typing import ClassVar, Literal

from dnn_cli.config.base import Count, Pair
from dnn_cli.config.callbacks import BaseCallback
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.optimizers import BaseOptimizer
from dnn_cli.errors import Issue


class ImageRepetition(BaseLayer):
    """Layer that repeats the rows and columns of an image."""

    keras_name: ClassVar[str] = "layers.UpSampling2D"
    family: ClassVar[str] = "image size"
    type: Literal["ImageRepetition"] = "ImageRepetition"
    is_linear: ClassVar[bool] = True
    slowdown: ClassVar[int] = 7
    xla_support: ClassVar[str] = "slow_on_cpu"
    size: Pair = (2, 2)

    def compute_output_shape(self, shape):
        return (shape[0] * self.size[0], shape[1] * self.size[1], shape[2])

    def format_size(self, output_shape):
        return "×".join(map(str, self.size))


class Halving(BaseOptimizer):
    """Gradient descent with half of the learning rate."""

    keras_name: ClassVar[str] = "optimizers.Halving"
    type: Literal["halving"] = "halving"
    slots_per_number: ClassVar[int] = 3
    steepness: Count = 1


import dnn_cli.config.experiment as experiment_module


class CountEpochs(BaseCallback):
    """Callback that ends the training when it has counted a number of epochs."""

    keras_name: ClassVar[str] = "callbacks.CountEpochs"
    key: ClassVar[str] = "count_epochs"
    is_compiled: ClassVar[bool] = False
    changes_training: ClassVar[bool] = True
    can_end_training: ClassVar[bool] = True
    state_attributes: ClassVar[tuple[str, ...]] = ("counted",)
    key_suggestions: ClassVar[dict[str, str]] = {"silent": "remove it: counting makes no noise"}
    limit: Count = 100

    def find_issues(self, experiment):
        if self.limit == 13:
            yield Issue((self.key, "limit"), "is unlucky", "write 14")


class Experiment(experiment_module.Experiment):
    count_epochs: CountEpochs | None = None


experiment_module.Experiment = Experiment

import keras


class KerasCountEpochs(keras.callbacks.Callback):
    def __init__(self, limit=100):
        super().__init__()
        self.limit, self.counted = limit, 0

    def on_epoch_end(self, epoch, logs=None):
        self.counted += 1
        self.model.stop_training = self.counted >= self.limit


KerasCountEpochs.__name__ = "CountEpochs"
keras.callbacks.CountEpochs = KerasCountEpochs


class KerasHalving(keras.optimizers.SGD):
    def __init__(self, steepness=1, **arguments):
        super().__init__(**arguments)

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate / 2)


keras.optimizers.Halving = KerasHalving


def run(*arguments):
    """Run a command; return its output and errors as one text."""
    import sys
    from dnn_cli.cli.app import main

    output, sys.argv = io.StringIO(), ["dnn", *arguments]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), contextlib.suppress(SystemExit):
        main()
    return output.getvalue()


from dnn_cli.config.loading import load_experiment
from pathlib import Path


def load(*overrides):
    return load_experiment(Path("small.yaml"), overrides).experiment


'''

CONFIG = """\
name: small
data: {dataset: digits}
model:
  layers:
    - {type: Reshape, target_shape: [8, 8, 1]}
    - {type: Conv2D, filters: 1, kernel_size: 3}
    - ImageRepetition
    - {type: Conv2D, filters: 2, kernel_size: 3, activation: relu}
    - Flatten
    - {type: Dense, units: 10, activation: softmax}
epochs: 3
batch_size: 479
count_epochs: {limit: 2}
"""


SCRIPT = """
from dnn_cli.config.digests import compute_network_digest, compute_outcome_digest
from dnn_cli.config.lint import find_advice
from dnn_cli.config.network_summary import format_layer_flow
from dnn_cli.execution.sweep_plan import estimate_run_seconds
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.training.execution_plan import choose_plan


def describe_layer(schema):
    experiment, other = load(), load("layers.image_repetition.size=3")
    return {
        "schema": "ImageRepetition" in schema,
        "list": run("list", "layers"),
        "check": run("check", "small.yaml", "layers.2.sizes=3"),
        "unknown": run("check", "small.yaml", "layers.2.type=ImageRepetitions"),
        "flow": format_layer_flow(experiment),
        "advice": [issue.message for issue in find_advice(experiment)],
        "plan": choose_plan(load("layers=[{type: Reshape, target_shape: [8, 8, 1]}, ImageRepetition, Flatten, "
                                 "{type: Dense, units: 10, activation: softmax}]"), 1000, gpu=False).why,
        "ratio": estimate_run_seconds(load("batch_size=1797", "epochs=1000"), {})
                 / estimate_run_seconds(load("batch_size=1797", "epochs=1000", "~layers.2"), {}),
        "digests": compute_network_digest(experiment) != compute_network_digest(other),
    }


def describe_callback(schema):
    experiments = [load(), load("count_epochs.limit=3")]
    directory = next(path.parent for path in Path("runs").glob("*/run.json"))
    return {
        "schema": "count_epochs" in schema["Experiment"]["properties"],
        "networks": len(set(map(compute_network_digest, experiments))),
        "outcomes": len(set(map(compute_outcome_digest, experiments))),
        "issue": run("check", "small.yaml", "count_epochs.limit=13"),
        "key": run("check", "small.yaml", "count_epochs.silent=true"),
        "list": run("check", "small.yaml", "callbacks=[]"),
        "state": read_last_checkpoint(Run(directory))[0].progress.callbacks,
        "epochs": json.loads((directory / "run.json").read_text())["epochs"],
    }


def describe_optimizer(schema):
    experiments = [load("optimizer=halving"), load("optimizer={type: halving, steepness: 2}")]
    return {
        "schema": "Halving" in schema,
        "list": run("list", "optimizers"),
        "check": run("check", "small.yaml", "optimizer={type: halving, steepnes: 2}"),
        "unknown": run("check", "small.yaml", "optimizer=halvin"),
        "memory": [experiment.optimizer.count_slots("kernel", (2, 5)) for experiment in experiments],
        "networks": len(set(map(compute_network_digest, experiments))),
        "weights": [json.loads(path.read_text())["results"]["weights"] for path in Path("runs").glob("*/run.json")],
        "runs": run("runs"),
    }


# Both trainings have the layer and the callback.
trained = [
    run("train", "small.yaml", "epochs=3", "engine=keras", "diagnostics=false", f"optimizer={{type: {optimizer}}}")
    for optimizer in ("halving, learning_rate: 0.2", "sgd, learning_rate: 0.1")
]
schema = json.loads(run("schema"))["$defs"]
described = {"layer": describe_layer(schema), "callback": describe_callback(schema)}
print(json.dumps({**described, "optimizer": describe_optimizer(schema), "trained": trained}))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Values that a program with the layer, the callback and the optimizer prints, for each of them."""
    directory = tmp_path_factory.mktemp("extension")
    (directory / "small.yaml").write_text(CONFIG, "utf-8")
    (directory / "script.py").write_text(SETUP + SCRIPT, "utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=directory, capture_output=True, text=True, timeout=300, check=False
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_added_layer_is_known_everywhere(results):
    assert results["layer"]["schema"]
    assert "ImageRepetition" in results["layer"]["list"]
    assert "sizes  is not an argument of ImageRepetition  (did you mean size?)" in results["layer"]["check"]
    assert "did you mean ImageRepetition?" in results["layer"]["unknown"]
    assert "Conv2D 1 → ImageRepetition 2×2 → Conv2D 2 relu" in results["layer"]["flow"]
    (advice,) = results["layer"]["advice"]
    assert advice == "has no activation: together with the next Conv2D layer it acts as a single layer"
    assert results["layer"]["plan"] == "without XLA: XLA is slow for ImageRepetition on a CPU"
    assert results["layer"]["ratio"] > 7 / 2
    assert results["layer"]["digests"]


def test_added_callback_is_known_everywhere(results):
    assert results["callback"]["schema"]
    assert (results["callback"]["networks"], results["callback"]["outcomes"]) == (1, 2)
    assert "count_epochs.limit  is unlucky" in results["callback"]["issue"]
    assert "remove it: counting makes no noise" in results["callback"]["key"]
    assert "count_epochs, early_stopping, model_checkpoint" in results["callback"]["list"]
    assert results["callback"]["epochs"] == 2, results["trained"]
    assert results["callback"]["state"] == {"CountEpochs": {"counted": 2}}


def test_added_optimizer_is_known_everywhere(results):
    assert results["optimizer"]["schema"]
    assert "halving" in results["optimizer"]["list"]
    assert "did you mean steepness?" in results["optimizer"]["check"]
    assert "did you mean halving?" in results["optimizer"]["unknown"]
    assert results["optimizer"]["memory"] == [30, 30]
    assert results["optimizer"]["networks"] == 2
    first, second = results["optimizer"]["weights"]
    assert first == second, "half of twice the rate"


NEW_COMMAND = """
from dnn_cli.cli.command_groups import COMMAND_GROUPS, LazyCommand


def tally(words: list[str]) -> None:
    \"\"\"Count words.\"\"\"
    print(len(words))


COMMAND_GROUPS["Look up"]["tally"] = LazyCommand("extension:tally", "Count words.")
"""


def test_added_command_is_known_everywhere(tmp_path_factory, tmp_path):
    with ExtendedProgram(tmp_path_factory.mktemp("extension"), NEW_COMMAND) as program:
        assert program.run(tmp_path, "tally", "a", "b").stdout == "2\n"
        assert re.search(r"^  tally +Count words\.$", program.run(tmp_path, "--help").stdout, re.MULTILINE)
        assert "Usage: dnn tally" in program.run(tmp_path, "help", "tally").stdout
        assert "did you mean dnn tally?" in program.run(tmp_path, "taly").stderr
        assert program.complete(tmp_path, "dnn tal") == ["tally"]
        assert "tally" in program.complete(tmp_path, "dnn help t")
        reference = "from dnn_cli.cli.command_reference import build_reference; print(build_reference())"
        assert "## dnn tally" in program.execute(tmp_path, reference).stdout
