import pytest

from dnn_cli.config.loading import load_experiment

OUTPUT = "{type: Dense, units: 10, activation: softmax}"
IMAGE = "{type: Reshape, target_shape: [8, 8, 1]}"
BRIGHTNESS = "{type: RandomBrightness, factor: 0.2}"


@pytest.mark.parametrize(
    ("overrides", "advice"),
    [
        pytest.param([], [], id="nothing to say"),
        pytest.param(
            ["layers.hidden.units=5"], ["model.layers.1.units  a hidden layer of 5 units is narrower"], id="narrow"
        ),
        pytest.param(["~layers.hidden.activation"], ["model.layers.1  has no activation: together"], id="two linear"),
        pytest.param(
            [f"layers=[{{type: Dense, units: 20}}, {{type: Dropout, rate: 0.5}}, Flatten, {OUTPUT}]"],
            ["model.layers.0  the input shape is (None, 8, 8)", "model.layers.0  has no activation: together"],
            id="two linear with dropout and flatten between",
        ),
        pytest.param(
            [f"layers=[Flatten, {{type: Dense, units: 20}}, {{type: Activation, activation: relu}}, {OUTPUT}]"],
            [],
            id="activation as a layer of its own",
        ),
        pytest.param(
            ["layers.output.activation=relu"],
            ["model.layers.2.activation  the output activation is relu"],
            id="relu output",
        ),
        pytest.param(
            ["~layers.output.activation"],
            ["model.layers.2.activation  the output activation is linear"],
            id="no output",
        ),
        pytest.param(
            ["loss={type: sparse_categorical_crossentropy, from_logits: true}"],
            ["model.layers.2.activation  sparse_categorical_crossentropy with from_logits needs"],
            id="softmax twice",
        ),
        pytest.param(
            ["loss={type: sparse_categorical_crossentropy, from_logits: true}", "~layers.output.activation"],
            [],
            id="logits as they should be",
        ),
        pytest.param(
            [f"layers=[Flatten, {', '.join(['{type: Dense, units: 20, activation: sigmoid}'] * 3)}, {OUTPUT}]"],
            ["model.layers.1.activation  3 hidden layers with saturating activations such as sigmoid"],
            id="deep sigmoid",
        ),
        pytest.param(
            [
                f"layers=[Flatten, {', '.join(['{type: Dense, units: 20, activation: sigmoid}'] * 3)},"
                " {type: Dense, units: 10}]",
                "loss={type: sparse_categorical_crossentropy, from_logits: true}",
            ],
            ["model.layers.1.activation  3 hidden layers with saturating activations such as sigmoid"],
            id="deep sigmoid before logits",
        ),
        pytest.param(
            [f"layers=[{IMAGE}, RandomFlip, MaxPooling2D, {BRIGHTNESS}, AutoContrast, Flatten, {OUTPUT}]"],
            [
                "model.layers.3.value_range  the range is 0 to 255, but the layer receives pixels from 0 to 1",
                "model.layers.4.value_range  the range is 0 to 255, but the layer receives pixels from 0 to 1",
            ],
            id="range of pixels",
        ),
        pytest.param(
            [f"layers=[{IMAGE}, {{type: Rescaling, scale: 255}}, {BRIGHTNESS}, Flatten, {OUTPUT}]"],
            [],
            id="range after Rescaling",
        ),
        pytest.param(
            [f"layers=[{IMAGE}, BatchNormalization, {BRIGHTNESS}, Flatten, {OUTPUT}]"],
            [],
            id="range after a normalization",
        ),
        pytest.param(
            [f"layers=[{IMAGE}, {BRIGHTNESS}, Flatten, {OUTPUT}]", "data.standardize=true"],
            [],
            id="range of standardized pixels",
        ),
    ],
)
def test_advice(config, overrides, advice):
    messages = [str(issue) for issue in load_experiment(config(), overrides).advice]
    assert len(messages) == len(advice)
    for message, expected in zip(messages, advice, strict=True):
        assert expected in message
