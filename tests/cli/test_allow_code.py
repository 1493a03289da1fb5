"""Commands import the modules of custom layers only with `--allow-code`."""

import json

import numpy as np
import pytest

from dnn_cli.cli.command_groups import COMMAND_GROUPS
from tests.helpers import forked_cli
from tests.helpers.custom_layers import CUSTOM_YAML, write_module
from tests.helpers.settings import RUN_ALL_CASES

READING = [
    ["check", "custom.yaml"],
    ["summary", "custom.yaml"],
    ["summary", "RUN", "--json"],
    ["runs"],
    ["runs", "show", "RUN"],
    ["runs", "diff", "RUN", "RUN"],
    ["compare"],
    ["explain", "RUN"],
    ["report", "-o", "report.html"],
    ["plot", "RUN"],
    ["watch"],
    ["data", "show", "custom.yaml"],
    ["export-runs", "--tensorboard", "log"],
    ["baseline", "custom.yaml", "--only", "constant", "--runs-dir", "baselines"],
]  # fmt: skip
RUNNING = [
    ["train", "custom.yaml"],
    ["train", "custom.yaml", "-j", "2", "--folds", "2"],
    ["sweep", "custom.yaml", "layers.noisy.units=8,12"],
    ["study", "custom.yaml", "layers.noisy.units=8,12"],
    ["settle", "custom.yaml", "sgd.yaml"],
    ["lr-find", "custom.yaml"],
    ["bench", "custom.yaml"],
    ["resume", "RUN", "epochs=9"],
    ["reproduce", "RUN"],
    ["evaluate", "RUN", "--split", "validation"],
    ["evaluate", "RUN", "digits.npz"],
    ["predict", "RUN", "digits.npz"],
    ["export", "RUN", "--format", "keras"],
    ["explain", "RUN", "--filters"],
]


class CodeDirectory:
    """A directory with `custom.yaml`, `mylayers.py` and a trained run, and `dnn` in that directory."""

    def __init__(self, path):
        self.path = path
        write_module(path, name="mylayers")
        (path / "custom.yaml").write_text(CUSTOM_YAML, encoding="utf-8")
        (path / "sgd.yaml").write_text("extends: custom.yaml\noptimizer: sgd\n", encoding="utf-8")
        self.done = self.dnn("train", "custom.yaml", "--allow-code", "--json")
        assert self.done.returncode == 0, self.done.stderr
        (self.document,) = json.loads(self.done.stdout)["runs"]
        self.marker = path / "mylayers.imported"
        self.marker.unlink()

    def dnn(self, *words, **environment):
        words = [self.document["id"] if word == "RUN" else word for word in words]
        return forked_cli.run_command(self.path, *words, **environment)


@pytest.fixture(scope="module")
def code_directory(tmp_path_factory):
    """Train a run with custom layers once."""
    return CodeDirectory(tmp_path_factory.mktemp("code"))


def test_output_of_the_module_does_not_mix_with_the_document(code_directory):
    assert "printed by the module" not in code_directory.done.stdout
    assert code_directory.document["status"] == "completed"


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_commands_import_no_module(code_directory, words):
    done = code_directory.dnn(*words)
    assert done.returncode == 0, done.stderr
    assert not code_directory.marker.exists()


@pytest.mark.parametrize("words", RUNNING, ids=" ".join)
def test_running_commands_ask_for_the_option(code_directory, words):
    if words[-1] == "digits.npz":
        write_examples(code_directory.path / "digits.npz")
    # No environment variable has the effect of the option.
    done = code_directory.dnn(*words, DNN_ALLOW_CODE="1", ALLOW_CODE="1")
    assert done.returncode == 2, done.stderr
    assert "--allow-code" in done.stderr
    assert "Traceback" not in done.stderr
    assert not code_directory.marker.exists()
    assert len(list((code_directory.path / "runs").glob("*-custom-*"))) == 1


PERMITTED = [
    ["evaluate", "RUN", "--split", "validation"],
    ["evaluate", "RUN", "digits.npz"],
    ["predict", "RUN", "digits.npz"],
    *(["export", "RUN", "--format", name, "-o", f"model{suffix}"]
      for name, suffix in {"keras": ".keras", "savedmodel": "_saved", "onnx": ".onnx", "litert": ".tflite"}.items()),
    ["lr-find", "custom.yaml", "--no-chart"],
    ["bench", "custom.yaml", "engine=chunked", "--repeats", "1"],
    ["resume", "RUN", "epochs=4"],
    ["reproduce", "RUN"],
    ["sweep", "custom.yaml", "layers.noisy.units=8,12", "-j", "2", "--runs-dir", "sweep"],
    ["train", "custom.yaml", "--folds", "2", "-j", "2", "--runs-dir", "folds"],
]  # fmt: skip
"""Commands that need the option, in an order in which each succeeds. The last two train in workers."""


def test_commands_succeed_with_the_option(code_directory):
    write_examples(code_directory.path / "digits.npz")
    for words in PERMITTED if RUN_ALL_CASES else PERMITTED[:1]:
        done = code_directory.dnn(*words, "--allow-code")
        assert done.returncode == 0, done.stderr
    code_directory.marker.unlink()


def write_examples(path):
    """Write two examples with targets as an .npz file."""
    np.savez(path, x=np.zeros((2, 8, 8)), y=np.zeros(2, int))


def test_no_key_of_a_config_has_the_effect_of_the_option(code_directory):
    for key in ("allow_code=true", "model.allow_code=true", "layers.scale.allow_code=true"):
        done = code_directory.dnn("train", "custom.yaml", key)
        assert (done.returncode, code_directory.marker.exists()) == (2, False)


def test_every_command_with_configs_or_runs_is_tried():
    tried = {words[0] for words in (*READING, *RUNNING)}
    commands = {name for commands in COMMAND_GROUPS.values() for name in commands}
    # `plan` and `ensemble` need several trained runs. `script` refuses custom layers, and `import` reads no config.
    others = {
        "demo", "new", "help", "list", "configs", "schema", "doctor", "warm", "plan", "ensemble", "script", "import",
    }  # fmt: skip
    assert commands - tried == others
