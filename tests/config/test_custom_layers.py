"""Custom layers in a config: their types, arguments and shapes, and the digests of their source files."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.config.digests import compute_network_digest, compute_training_digest, compute_variant_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.keys import complete_override
from dnn_cli.config.layer_base import validate_layer
from dnn_cli.config.layers.custom import CustomLayer, is_custom_type
from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.config.network_summary import estimate_network_size, format_layer_flow, summarize_network
from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.execution.preparation import prepare_training
from dnn_cli.execution.reporters import Reporter
from dnn_cli.report.network_tables import build_summary_document, list_summary_totals
from dnn_cli.training.execution_plan import choose_plan
from dnn_cli.training.lane_support import find_lane_obstacle
from tests.helpers.custom_layers import CUSTOM_YAML, LAYERS_PY, write_module

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
OWN_KEYS = ("type", "name", "trainable", "input_shape", "output_shape", "source_digest")


@pytest.fixture
def module_directory(tmp_path, monkeypatch):
    """A current directory with `mylayers.py`."""
    write_module(tmp_path, name="mylayers")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@given(st.dictionaries(st.text(min_size=1, max_size=12).filter(lambda key: key not in OWN_KEYS), PLAIN, max_size=4))
def test_arguments_of_any_name_reach_the_constructor_and_the_config(arguments):
    layer = validate_layer({"type": "mylayers:Scale", **arguments})
    assert layer.list_keras_arguments() == arguments
    assert validate_layer(layer.model_dump(mode="json")) == layer


@pytest.mark.parametrize(
    "name", ["activation", "kernel_initializer", "return_sequences", "arguments", "layer", "units"]
)
def test_arguments_are_not_traits_of_the_layer(name):
    # A value of another form than that of Keras's own layers.
    layers = ["Flatten", {"type": "mylayers:Scale", name: ["x"]}, {"type": "Dense", "units": 10}]
    config = {"name": "x", "data": {"dataset": "digits"}, "model": {"layers": layers}}
    experiment = Experiment.model_validate(config)
    assert format_layer_flow(experiment) == "Flatten → mylayers:Scale → Dense 10"
    assert choose_plan(experiment, 100, gpu=False).why == "without XLA: XLA is unverified for mylayers:Scale"
    assert "cannot be trained in lanes" in find_lane_obstacle(experiment, gpu=False)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mylayers.py:Scale", "write mylayers:Scale"),
        ("project/layers.py:Scale", "write project.layers:Scale"),
        ("../mylayers:Scale", "without a path"),
        ("/mylayers:Scale", "without a path"),
        ("..mylayers:Scale", "without a path"),
        (":Scale", "without a path"),
        ("mylayers:", "without a path"),
        ("a:b:C", "without a path"),
        ("my layers:Scale", "without a path"),
        ("x" * 300 + ":Scale", "without a path"),
    ],
)
def test_type_is_a_module_and_a_class(config, name, hint):
    text = CUSTOM_YAML.replace("mylayers:Scale", f"'{name}'")
    with pytest.raises(ConfigError, match=r"module:Class|instead of a module") as caught:
        load_experiment(config(text))
    (issue,) = caught.value.issues
    assert hint in issue.message
    assert (issue.location.line, issue.key) == (6, "model.layers.1.type")


@given(st.text(max_size=20))
def test_accepted_types_have_only_identifiers(text):
    is_accepted = all(part.isidentifier() for part in text.replace(":", ".", 1).split(".")) and ":" in text
    assert is_custom_type(text) == (is_accepted and not text.partition(":")[0].endswith(".py"))


def test_output_shape_follows_an_argument():
    layer = validate_layer({"type": "mylayers:Noisy", "units": 4, "output_shape": [8, "units"]})
    assert layer.compute_output_shape((8, 3)) == (8, 4)
    assert validate_layer("mylayers:Scale").compute_output_shape((8, 3)) == (8, 3)


@pytest.mark.parametrize("shape", [["size"], ["rate"], [0], [], [True]])
def test_wrong_output_shape_is_refused(config, shape):
    text = CUSTOM_YAML.replace("output_shape: [units]", f"rate: 0.5, output_shape: {shape}")
    with pytest.raises(ConfigError, match="output_shape"):
        load_experiment(config(text))


def test_names_in_arguments_are_not_translated(config):
    text = CUSTOM_YAML.replace("initial: 0.5", "initial: 0.5, activation: swish, optimizer: {type: SGD}, loss: mse")
    layer = load_experiment(config(text)).experiment.model.stack[1]
    assert layer.arguments == {"initial": 0.5, "activation": "swish", "optimizer": {"type": "SGD"}, "loss": "mse"}


def test_numbers_of_weights_are_unknown(experiment):
    custom = experiment(text=CUSTOM_YAML)
    summary = summarize_network(custom)
    assert [row.parameters for row in summary.layers] == [0, None, None, 130]
    assert (summary.total, summary.bytes, summary.multiply_adds, summary.depth) == (None, None, None, None)
    assert estimate_network_size(custom).parameters == 130
    assert build_summary_document(summary)["parameters"]["total"] is None
    assert [label for label, _ in list_summary_totals(summary)] == ["parameters"]
    assert "– parameters" in str(summary)


@pytest.mark.parametrize(
    "wrapped",
    ["{type: TimeDistributed, layer: mylayers:Scale}", "{residual: [mylayers:Scale, {type: Dense, units: 8}]}"],
)
def test_layers_around_custom_layers_have_unknown_weights(config, wrapped):
    text = CUSTOM_YAML.replace("    - Flatten\n", f"    - {wrapped}\n    - Flatten\n", 1)
    loaded = load_experiment(config(text))
    assert summarize_network(loaded.experiment).layers[0].parameters is None


def test_permitted_config_has_the_digest_of_the_source(module_directory, config):
    text = CUSTOM_YAML.replace(
        "    - Flatten\n", "    - {residual: [{repeat: 2, layers: [mylayers:Scale]}]}\n    - Flatten\n", 1
    )
    loaded = load_experiment(config(text), allow_code=True)
    digest = hashlib.sha256(LAYERS_PY.encode()).hexdigest()
    layers = [item for layer in loaded.experiment.model.stack for item in layer.iter_layers()]
    assert [item.source_digest for item in layers if isinstance(item, CustomLayer)] == [digest] * 4
    assert loaded.code_directory == str(module_directory)
    assert not (module_directory / "mylayers.imported").exists()


def test_resolved_config_keeps_its_digest_and_refuses_another_source(module_directory, config):
    resolved = config(to_yaml(load_experiment(config(CUSTOM_YAML), allow_code=True).experiment), "resolved.yaml")
    assert load_experiment(resolved, allow_code=True).experiment == load_experiment(resolved).experiment
    write_module(module_directory, LAYERS_PY + "# changed\n", "mylayers")
    with pytest.raises(ConfigError, match=r"mylayers\.py has changed") as caught:
        load_experiment(resolved, allow_code=True)
    overrides = [issue.suggestion.partition("add '")[2].partition("'")[0] for issue in caught.value.issues]
    assert overrides == ["~layers.1.source_digest", "~layers.2.source_digest"]
    assert load_experiment(resolved, overrides, allow_code=True).code_directory


def test_changed_source_is_another_training_of_another_variant(module_directory, config):
    first = load_experiment(config(CUSTOM_YAML), allow_code=True).experiment
    write_module(module_directory, LAYERS_PY + "# changed\n", "mylayers")
    second = load_experiment(config(CUSTOM_YAML), allow_code=True).experiment
    for compute in (compute_training_digest, compute_network_digest):
        assert compute(first) != compute(second)
    assert compute_variant_digest(first.model_dump(mode="json")) != compute_variant_digest(
        second.model_dump(mode="json")
    )


def test_refusal_names_the_line_and_the_option(config):
    with pytest.raises(ConfigError, match="runs only with --allow-code") as caught:
        load_experiment(config(CUSTOM_YAML), allow_code=False)
    assert [issue.location.line for issue in caught.value.issues] == [6, 7]


def test_missing_module_names_the_file_that_is_needed(tmp_path, monkeypatch, config):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"directory that contains project/layers\.py"):
        load_experiment(config(CUSTOM_YAML.replace("mylayers:", "project.layers:")), allow_code=True)


def test_experiment_without_permission_is_not_prepared(config):
    loaded = load_experiment(config(CUSTOM_YAML))
    with pytest.raises(UsageError, match="runs only with --allow-code"), prepare_training(loaded, Reporter(), 1):
        raise AssertionError


def test_arguments_are_changed_by_overrides(config):
    path = config(CUSTOM_YAML)
    layer = load_experiment(path, ["layers.noisy.units=20", "layers.noisy.rate=0"]).experiment.model.stack[2]
    assert (layer.compute_output_shape((3,)), layer.arguments["rate"]) == ((20,), 0)
    completions = complete_override({"model": {"layers": [{"type": "mylayers:Scale", "name": "s"}]}}, "layers.s.")
    assert "layers.s.output_shape=" in [completion.text for completion in completions]
