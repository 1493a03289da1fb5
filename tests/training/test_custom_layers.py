"""Import of custom layers: what their modules and classes must be, and the bits and files of their trainings."""

import json

import keras
import numpy as np
import pytest

import dnn_cli
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import UsageError
from dnn_cli.runs.store import Store
from dnn_cli.training.custom_layers import count_custom_parameters, import_custom_layers
from tests.helpers.custom_layers import CUSTOM_LINES, CUSTOM_YAML, LAYERS_PY, write_module
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resumed_trainings import checkpoint_every_call, resume_run, train_with_copies
from tests.helpers.training_runs import train_in_store

CLASSES = """
import keras

class WithoutKeywords(keras.layers.Layer):
    def __init__(self, units=1):
        super().__init__()

class WithoutConfig(keras.layers.Layer):
    def __init__(self, units=1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
    def get_config(self):
        return super().get_config()

class Cut(keras.layers.Layer):
    def call(self, inputs):
        return inputs[:, :5]

class Failing(keras.layers.Layer):
    def call(self, inputs):
        raise RuntimeError("the reason")

class FailingInTraining(keras.layers.Layer):
    def call(self, inputs, training=False):
        if training:
            raise RuntimeError("the reason")
        return inputs

class Automatic(keras.layers.Layer):
    def __init__(self, factors, **kwargs):
        super().__init__(**kwargs)
        self.factor = sum(factors)
    def call(self, inputs):
        return self.factor * inputs

class Other:
    pass

def function(name, dtype):
    return keras.layers.Identity(name=name)
"""


@pytest.fixture
def load_custom(tmp_path, config, monkeypatch):
    """Return a function that writes a module, and loads a config whose layer after Flatten is a class of the module."""
    monkeypatch.chdir(tmp_path)

    def load(layer, text=CLASSES):
        module = write_module(tmp_path, text)
        lines = f"    - {layer}\n".replace("own:", f"{module}:")
        path = config(CUSTOM_YAML.replace(CUSTOM_LINES, lines))
        loaded = load_experiment(path, allow_code=True)
        return loaded.experiment, loaded.code_directory

    return load


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import keras\nx = (", r"cannot be imported: SyntaxError: '\(' was never closed at .*\.py:2$"),
        ("import sys\n\nsys.exit(3)", r"cannot be imported: SystemExit: 3 at .*\.py:3$"),
        ("import absent_module", r"cannot be imported: ModuleNotFoundError: No module named 'absent_module' at .*:1$"),
        ("def f():\n    1 / 0\nf()", r"cannot be imported: ZeroDivisionError: division by zero at .*\.py:2$"),
        ("", "has no class Cut"),
        ("def Cut(**arguments): pass", "Cut is not a subclass of keras.layers.Layer"),
        ("class Cut: pass", "Cut is not a subclass of keras.layers.Layer"),
        ("Cut = 5", "Cut is not a subclass of keras.layers.Layer"),
    ],
)
def test_module_that_cannot_be_used_is_refused_in_one_line(load_custom, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        import_custom_layers(*load_custom("own:Cut", text))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("own:WithoutKeywords", "unexpected keyword argument 'name'"),
        ("{type: own:WithoutConfig, units: 3}", "get_config of .*:WithoutConfig lacks units"),
        ("own:Cut", r"layer cut returns the shape \(None, 5\), and the config has \(None, 64\)"),
        ("{type: own:Cut, output_shape: [4]}", r"layer cut returns the shape \(None, 5\)"),
        ("own:Failing", r"cannot be built: RuntimeError: the reason at .*\.py:21$"),
        ("own:FailingInTraining", r"cannot be built: RuntimeError: the reason at .*\.py:26$"),
        (
            "{repeat: 1, layers: [{type: Reshape, target_shape: [8, 8]}, "
            "{type: TimeDistributed, layer: own:Cut}, Flatten]}",
            "layer time_distributed: Keras cannot compute its output shape",
        ),
        ("own:Automatic", "missing 1 required positional argument: 'factors'"),
        ("{type: own:Automatic, factors: [1], factor: 2}", "Unrecognized keyword arguments|unexpected keyword"),
    ],
)
def test_class_that_does_not_fit_is_refused_before_a_run_is_created(load_custom, layer, message):
    experiment, directory = load_custom(layer)
    import_custom_layers(experiment, directory)
    with pytest.raises(UsageError, match=message) as caught:
        count_custom_parameters(experiment)
    assert "\n" not in caught.value.message


def test_misspelt_class_is_suggested(load_custom):
    with pytest.raises(UsageError, match="has no class Cuts") as caught:
        import_custom_layers(*load_custom("own:Cuts"))
    assert caught.value.suggestion == "did you mean Cut?"


def test_plain_arguments_of_any_form_are_passed(load_custom):
    experiment, directory = load_custom("{type: own:Automatic, factors: [1, 2.5]}")
    assert import_custom_layers(experiment, directory) == []
    assert count_custom_parameters(experiment) == {"total": 650, "trainable": 650}


def test_modules_of_packages_import_their_neighbours(load_custom, tmp_path):
    package = tmp_path / "package_of_layers"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "numbers_of_layers.py").write_text("SIZE = 5\n")
    (package / "inner.py").write_text("from .numbers_of_layers import SIZE\n" + CLASSES.replace(":5", ":SIZE"))
    experiment, directory = load_custom("{type: package_of_layers.inner:Cut, output_shape: [5]}")
    import_custom_layers(experiment, directory)
    assert count_custom_parameters(experiment)["total"] == 60


def test_module_with_the_name_of_an_imported_module_is_refused(load_custom, tmp_path):
    (tmp_path / "keras.py").write_text(CLASSES)
    with pytest.raises(UsageError, match="has the name of another imported module, keras"):
        import_custom_layers(*load_custom("keras:Cut"))


def test_source_that_changes_in_a_process_is_not_used_with_the_old_code(load_custom, tmp_path):
    experiment, directory = load_custom("{type: own:Cut, output_shape: [5]}")
    import_custom_layers(experiment, directory)
    write_module(tmp_path, CLASSES + "# changed\n", experiment.model.stack[1].module)
    with pytest.raises(UsageError, match="has changed since this process imported it"):
        import_custom_layers(experiment, directory)


def test_changed_source_of_a_trained_run_is_reported(load_custom, tmp_path):
    experiment, directory = load_custom("{type: own:Cut, output_shape: [5]}")
    write_module(tmp_path, CLASSES + "# changed\n", experiment.model.stack[1].module)
    (line,) = import_custom_layers(experiment, directory)
    assert line.endswith("has changed since the training: outputs can differ")


def test_two_classes_of_one_name_in_a_network_are_refused(load_custom, tmp_path):
    other = write_module(tmp_path, CLASSES)
    with pytest.raises(UsageError, match="have the same name in saved models, Automatic"):
        import_custom_layers(*load_custom(f"{{repeat: 1, layers: [own:Automatic, {other}:Automatic]}}"))


def test_permission_is_needed_to_import(load_custom, tmp_path):
    experiment, _ = load_custom("own:Scale", LAYERS_PY)
    with pytest.raises(UsageError, match="runs only with --allow-code"):
        import_custom_layers(experiment, None)
    assert not list(tmp_path.glob("*.imported"))


@pytest.fixture
def custom_experiment(tmp_path, config, monkeypatch):
    """The experiment of `CUSTOM_YAML` with its own engine, whose modules are imported."""
    monkeypatch.chdir(tmp_path)
    path = config(CUSTOM_YAML.replace("mylayers", write_module(tmp_path)))
    return load_experiment(path, ["engine=chunked", "batch_size=479"], allow_code=True)


def test_killed_training_resumes_with_the_bits_of_plain_fit(custom_experiment, tmp_path):
    # The layer Noisy has random numbers, whose state is in the checkpoint.
    loaded, directory = custom_experiment, tmp_path / "killed"
    experiment = loaded.experiment
    with checkpoint_every_call(max_steps=2):
        run, _, (copy,) = train_with_copies(experiment, directory, (6,), loaded.code_directory)
        resume_run(copy, experiment, code_directory=loaded.code_directory)
    assert_same_run(run, copy)
    plain = experiment.model_copy(update={"engine": "keras"})
    plain_run, record, _ = train_in_store(Store(tmp_path / "plain"), plain, code_directory=loaded.code_directory)
    assert record.results.weights == run.read_record().results.weights
    document = json.loads(plain_run.record.read_text())
    assert [source["name"] for source in document["code"]] == ["Scale", "Noisy"]
    assert document["code"][0]["sha256"] == experiment.model.stack[1].source_digest
    assert document["parameters"] == {"total": 64 + 64 * 12 + 130, "trainable": 64 + 64 * 12 + 130}
    model = keras.saving.load_model(plain_run.model)
    assert np.isfinite(model.predict(np.ones((1, 8, 8)), verbose=0)).all()


def test_python_interface_needs_permission_to_train_only(tmp_path, config, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = config(CUSTOM_YAML.replace("mylayers", write_module(tmp_path)))
    assert dnn_cli.load(path).summary().total is None
    with pytest.raises(UsageError, match="runs only with --allow-code"):
        dnn_cli.load(path).train(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    assert dnn_cli.load(path, allow_code=True).loaded.code_directory == str(tmp_path)
