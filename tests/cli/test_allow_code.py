"""Commands import the modules of custom layers only with `--allow-code`."""

import json

import pytest

from dnn_cli.cli.command_groups import COMMAND_GROUPS
from tests.helpers import forked_cli
from tests.helpers.custom_layers import CUSTOM_YAML, write_module

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
        import numpy as np

        np.savez(code_directory.path / "digits.npz", x=np.zeros((2, 8, 8)), y=np.zeros(2, int))
    # No environment variable has the effect of the option.
    done = code_directory.dnn(*words, DNN_ALLOW_CODE="1", ALLOW_CODE="1")
    assert done.returncode == 2, done.stderr
    assert "--allow-code" in done.stderr
    assert "Traceback" not in done.stderr
    assert not code_directory.marker.exists()
    assert len(list((code_directory.path / "runs").glob("*-custom-*"))) == 1


def test_no_key_of_a_config_has_the_effect_of_the_option(code_directory):
    for key in ("allow_code=true", "model.allow_code=true", "layers.scale.allow_code=true"):
        done = code_directory.dnn("train", "custom.yaml", key)
        assert (done.returncode, code_directory.marker.exists()) == (2, False)


def test_every_command_with_configs_or_runs_is_tried():
    tried = {words[0] for words in (*READING, *RUNNING)}
    commands = {name for commands in COMMAND_GROUPS.values() for name in commands}
    assert commands - tried == {"demo", "new", "help", "list", "schema", "doctor"}
