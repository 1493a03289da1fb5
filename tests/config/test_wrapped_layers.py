"""Layers inside wrappers, and sequences between layers: issues name the place, and suggestions are right."""

import pytest

from dnn_cli.config.layers.core import Dense
from dnn_cli.config.lint import find_advice
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.validation import find_keras_version_issues
from dnn_cli.errors import ConfigError

HEAD = "data: {dataset: digits}\nmodel:\n  layers:\n"
OUTPUT = "  - {type: Dense, units: 10, activation: softmax}\n"
LSTM = "{type: LSTM, units: 4}"
SEQUENCES = "{type: LSTM, units: 4, return_sequences: true}"


def load(tmp_path, layers, *overrides):
    """Load a config on the rows of digits."""
    path = tmp_path / "rows.yaml"
    path.write_text(HEAD + layers + OUTPUT)
    return load_experiment(str(path), overrides).experiment


def list_issues(tmp_path, layers, *overrides):
    """Return line, column, key, message and suggestion of each issue; an empty list for a valid config."""
    try:
        load(tmp_path, layers, *overrides)
    except ConfigError as error:
        return [
            (issue.location.line, issue.location.column, issue.key, issue.message, issue.suggestion)
            for issue in error.issues
        ]
    return []


def test_issues_in_wrapped_layers_have_their_place(tmp_path):
    layers = (
        "  - type: Bidirectional\n"
        "    layer:\n"
        "      type: LSTM\n"
        "      unit: 8\n"
        "      units: 8\n"
        "      kernel_initializer: {type: glorot_unifrom}\n"
        "    backward_layer:\n"
        "      type: LSMT\n"
        "  - type: TimeDistributed\n"
        "    layer: {type: Dense, units: 3, activation: rellu}\n"
    )
    assert [(line, column, key, hint) for line, column, key, _, hint in list_issues(tmp_path, layers)] == [
        (7, 7, "model.layers.0.layer.unit", "did you mean units?"),
        (9, 28, "model.layers.0.layer.kernel_initializer", "did you mean glorot_uniform?"),
        (11, 7, "model.layers.0.backward_layer", "did you mean LSTM?"),
        (13, 36, "model.layers.1.layer.activation", "did you mean relu?"),
    ]


def test_rules_of_layers_hold_in_wrapped_layers(tmp_path):
    layers = (
        "  - {type: TimeDistributed, layer: {type: Dense, units: 8, input_shape: [8]}}\n"
        "  - {type: SpectralNormalization, layer: {type: Dense, units: 8, activity_regularizer: l2}}\n"
        "  - {type: Flatten}\n"
    )
    issues = list_issues(tmp_path, layers, "mixed_precision=true")
    assert [(line, key) for line, _, key, *_ in issues] == [
        (4, "model.layers.0.layer.input_shape"),
        (5, "model.layers.1.layer.activity_regularizer"),
    ]
    fixes = ["layers.0.layer.input_shape=null", "layers.1.layer.activity_regularizer=null"]
    assert list_issues(tmp_path, layers, "mixed_precision=true", *fixes) == []


def test_old_keras_is_an_issue_of_a_wrapped_layer(tmp_path, monkeypatch):
    monkeypatch.setattr(Dense, "min_keras_version", (99, 0))
    layers = "  - {type: TimeDistributed, layer: {type: Dense, units: 8}}\n  - {type: Flatten}\n"
    paths = [issue.path for issue in find_keras_version_issues(load(tmp_path, layers))]
    assert paths == [("model", "layers", 0, "layer"), ("model", "layers", 2)]


def test_advice_on_wrapped_layers_names_their_keys(tmp_path):
    layers = (
        "  - repeat: 2\n"
        "    layers:\n"
        "    - {type: TimeDistributed, layer: {type: Dropout, rate: 0.1, seed: 3}}\n"
        "  - {type: SpectralNormalization, layer: {type: Dense, units: 16}}\n"
        "  - {type: Flatten}\n"
    )
    experiment = load(tmp_path, layers)
    advice = [(issue.path[2:], issue.suggestion) for issue in find_advice(experiment)]
    assert advice == [
        ((1,), "add layer.activation: relu"),
        ((0, "layers", 0, "layer", "seed"), "remove the seed"),
    ]
    fixes = ["layers.1.layer.activation=relu", "layers.0.layers.0.layer.seed=null"]
    assert find_advice(load(tmp_path, layers, *fixes)) == []


def test_backward_layer_takes_the_names_of_keras(tmp_path):
    backward = "{type: LSTM, units: 4, go_backwards: true, kernel_initializer: {type: GlorotNormal}}"
    layers = f"  - {{type: Bidirectional, layer: {LSTM}, backward_layer: {backward}}}\n"
    assert load(tmp_path, layers).model.stack[0].backward_layer.kernel_initializer.type == "glorot_normal"


@pytest.mark.parametrize(
    ("layers", "suggestion", "override"),
    [
        ([LSTM, LSTM], "write return_sequences: true in layer lstm", "layers.0.return_sequences=true"),
        (
            [LSTM, "{type: Dropout, rate: 0.2}", "{type: GRU, units: 4}"],
            "write return_sequences: true in layer lstm",
            "layers.0.return_sequences=true",
        ),
        (
            [LSTM, f"{{type: Bidirectional, layer: {LSTM}}}"],
            "write return_sequences: true in layer lstm",
            "layers.0.return_sequences=true",
        ),
        (
            [f"{{type: Bidirectional, layer: {LSTM}}}", LSTM],
            "write layer.return_sequences: true in layer bidirectional",
            "layers.0.layer.return_sequences=true",
        ),
    ],
)
def test_layer_after_a_single_output_asks_for_all_outputs(tmp_path, layers, suggestion, override):
    text = "".join(f"  - {layer}\n" for layer in layers)
    ((_, _, key, message, _),) = list_issues(tmp_path, text)
    assert key == f"model.layers.{len(layers) - 1}"
    assert message.endswith(suggestion)
    assert list_issues(tmp_path, text, override) == []


@pytest.mark.parametrize(
    ("layers", "suggestion", "followed"),
    [
        (["{type: Reshape, target_shape: [8, 8, 1]}", "GlobalAveragePooling1D"], "use GlobalAveragePooling2D",
         ["{type: Reshape, target_shape: [8, 8, 1]}", "GlobalAveragePooling2D"]),
        (["Flatten", LSTM], "remove layer flatten", [LSTM]),
        ([f"{{type: TimeDistributed, layer: {LSTM}}}"], "use LSTM without TimeDistributed", [LSTM]),
        (["{type: Dense, units: 5}", "Flatten", "{type: Dense, units: 6}", "Masking", LSTM],
         "put {type: Reshape, target_shape: [6, 1]} before this layer",
         ["Flatten", "{type: Dense, units: 6}", "{type: Reshape, target_shape: [6, 1]}", "Masking", LSTM]),
    ],
)  # fmt: skip
def test_suggestions_for_shapes_lead_to_a_valid_config(tmp_path, layers, suggestion, followed):
    text, fixed = ("".join(f"  - {layer}\n" for layer in stack) for stack in (layers, followed))
    ((*_, message, _),) = list_issues(tmp_path, text)
    assert message.endswith(f": {suggestion}")
    assert list_issues(tmp_path, fixed) == []


def test_other_layers_before_a_recurrent_layer_get_another_suggestion(tmp_path):
    ((*_, message, _),) = list_issues(tmp_path, f"  - {SEQUENCES}\n  - {{type: Flatten}}\n  - {LSTM}\n")
    assert "return_sequences" not in message


@pytest.mark.parametrize(
    ("unroll", "obstacle"),
    [("true", ""), ("false", "LiteRT has no loops over time steps, but takes layers with unroll: true")],
)
def test_litert_takes_unrolled_layers(tmp_path, unroll, obstacle):
    layers = f"  - {{type: Bidirectional, layer: {{type: GRU, units: 4, unroll: {unroll}}}}}\n"
    inner = load(tmp_path, layers).model.stack[0].layer
    assert inner.get_export_obstacle("litert") == obstacle
    assert inner.get_export_obstacle("onnx") == ""
