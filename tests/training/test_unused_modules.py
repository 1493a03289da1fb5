import json
import subprocess
import sys

import pytest

from dnn_cli.host import process_kind
from dnn_cli.training import unused_modules
from dnn_cli.training.unused_modules import FULL_IMPORT_VARIABLE, UNUSED_MODULES, find_full_import_reason
from tests.helpers.settings import RUN_ALL_CASES


@pytest.fixture
def own_process(monkeypatch):
    monkeypatch.setattr(process_kind, "_is_own_process", True)
    monkeypatch.delenv(FULL_IMPORT_VARIABLE, raising=False)
    return monkeypatch


def test_every_module_exists(own_process):
    assert find_full_import_reason() == ""


def test_program_of_a_user_imports_everything(monkeypatch):
    monkeypatch.setattr(process_kind, "_is_own_process", False)
    assert find_full_import_reason() == "a program imports dnn_cli"


def test_variable_imports_everything(own_process):
    own_process.setenv(FULL_IMPORT_VARIABLE, "1")
    assert find_full_import_reason() == "DNN_FULL_IMPORT is set"


def test_other_version_imports_everything(own_process):
    own_process.setattr(unused_modules, "version", lambda package: "4.0.0")
    assert find_full_import_reason() == "lazy modules are tested with tensorflow 2.21.*, and 4.0.0 is installed"


def test_other_layout_imports_everything(own_process):
    own_process.setattr(unused_modules, "UNUSED_MODULES", ("tensorflow._api.v2.compat", "tensorflow._api.v9"))
    assert find_full_import_reason() == "tensorflow._api.v9 does not exist"


@pytest.mark.skipif(not RUN_ALL_CASES, reason="two processes import TensorFlow, which takes 13 s")
def test_lazy_modules_keep_bits_and_names(tmp_path):
    descriptions = []
    for value in ("1", "0"):
        directory = tmp_path / value
        directory.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "tests.helpers.import_probe", str(directory)],
            capture_output=True, text=True, check=True, env={**unused_modules.os.environ, FULL_IMPORT_VARIABLE: value},
        )  # fmt: skip
        descriptions.append(json.loads(done.stdout.splitlines()[-1]))
    full, lazy = descriptions
    assert full["results"] == lazy["results"]
    # The export of a SavedModel uses the API of TensorFlow 1.
    assert (full["unloaded"], set(UNUSED_MODULES) - set(lazy["unloaded"])) == ([], {"tensorflow._api.v2.compat"})
    # Only the library of TensorFlow Lite's own operation has this gradient.
    full["registries"]["gradients"].remove("AudioMicrofrontend")
    assert full["registries"] == lazy["registries"]
    differences = {
        (module, name)
        for module, names in full["names"].items()
        for name in names.keys() | lazy["names"][module].keys()
        if names.get(name) != lazy["names"][module].get(name)
    }
    assert differences == {
        ("keras.src.saving.file_editor", "ipython"), ("keras.src.trainers.data_adapters.array_slicing", "pandas"),
    }  # fmt: skip
