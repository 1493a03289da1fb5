import pytest

from dnn_cli.config.keys import complete_override, flatten_config, select_hyperparameters
from dnn_cli.config.yaml_reader import parse_yaml
from tests.helpers.digits import DIGITS_YAML

BLOCK = DIGITS_YAML.replace("    - {type: Dense, units: 16, activation: relu, name: hidden}\n", (
    "    - {repeat: 3, name: body, layers: [{type: Dense, units: 16, name: hidden}]}\n"
))  # fmt: skip


def list_completions(word, text=DIGITS_YAML):
    config = parse_yaml(text, "").value
    return [completion.text for completion in complete_override(config, word) if completion.text.startswith(word)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("ep", ["epochs="], id="a key"),
        pytest.param("optimizer.t", ["optimizer.type="], id="a key of a part"),
        pytest.param("opt", ["optimizer=", "optimizer."], id="a part is a value and has keys"),
        pytest.param("layers.h", ["layers.hidden."], id="a layer"),
        pytest.param("layers.hidden.un", ["layers.hidden.units="], id="a key of a layer"),
        pytest.param("model.layers.hidden.un", ["model.layers.hidden.units="], id="in full"),
        pytest.param("early_stopping.pat", ["early_stopping.patience="], id="of what is not there yet"),
        pytest.param("optimizer=ada", ["optimizer=adagrad", "optimizer=adam", "optimizer=adamw", "optimizer=adadelta",
                                       "optimizer=adamax", "optimizer=adafactor"], id="the types of a part"),
        pytest.param("optimizer.type=rm", ["optimizer.type=rmsprop"], id="a type"),
        pytest.param("optimizer=sgd,rm", ["optimizer=sgd,rmsprop"], id="one of several"),
        pytest.param("layers.hidden.activation=relu", ["layers.hidden.activation=relu",
                                                       "layers.hidden.activation=relu6"], id="activations"),
        pytest.param("jit=", ["jit=auto", "jit=true", "jit=false"], id="choices"),
        pytest.param("data.dataset=i", ["data.dataset=iris", "data.dataset=image_folder"], id="datasets"),
        pytest.param("layers.output.kernel_initializer=he_n", ["layers.output.kernel_initializer=he_normal"],
                     id="a part of a layer"),
        pytest.param("~layers.h", ["~layers.hidden"], id="to remove a layer"),
        pytest.param("~opt", ["~optimizer"], id="to remove a key"),
        pytest.param("nope.", [], id="no such part"),
        pytest.param("epochs.", [], id="nothing below a number"),
        pytest.param("epochs=", [], id="any number"),
    ],
)  # fmt: skip
def test_completions(word, expected):
    assert list_completions(word) == expected


def test_layers_within_repeats_are_completed():
    assert list_completions("layers.body.r", BLOCK) == ["layers.body.repeat="]
    assert list_completions("layers.body.layers.hidden.un", BLOCK) == ["layers.body.layers.hidden.units="]


def test_types_of_layers_and_layers_within_layers_are_completed():
    block = "{residual: [{type: TimeDistributed, layer: {type: Dense, units: 16}}], name: block}"
    config = DIGITS_YAML.replace("{type: Dense, units: 16, activation: relu, name: hidden}", block)
    inner = "layers.block.residual.time_distributed.layer"
    assert list_completions("layers.block.residual.t", config) == ["layers.block.residual.time_distributed."]
    assert list_completions(f"{inner}.un", config) == [f"{inner}.units="]
    assert list_completions(f"{inner}=GRU", config) == [f"{inner}=GRU"]
    assert list_completions(f"{inner}.type=Ein", config) == [f"{inner}.type=EinsumDense"]
    assert list_completions("layers.output.type=Ein", config) == ["layers.output.type=EinsumDense"]


def test_missing_part_has_the_keys_of_its_default():
    assert "optimizer.rho=" in list_completions("optimizer.", DIGITS_YAML.replace("optimizer: adam\n", ""))


@pytest.mark.parametrize("config", [None, 3, [], {"model": 3}, {"model": {"layers": [3, {"type": "Nope"}, None]}}, {}])
def test_broken_configs_raise_no_error(config):
    for word in ("", "layers.", "model.layers.nope.", "optimizer=", "layers.x.y=", "~", "=", "layers=", "..."):
        complete_override(config, word)


def test_flattened_keys_are_override_keys(experiment):
    settings = flatten_config(experiment("class_weight={'3': 2.0}").model_dump(mode="json"))
    assert settings["layers.hidden.units"] == 16
    assert settings["layers.hidden.kernel_initializer.type"] == "glorot_uniform"
    assert settings["optimizer.beta_1"] == 0.9
    assert settings["data.standardize"] is False
    assert settings["metrics"] == "accuracy"
    assert settings["class_weight.3"] == 2.0
    assert "early_stopping" not in settings


def test_hyperparameters_omit_names_and_defaults(experiment):
    settings = select_hyperparameters(experiment("layers.hidden.kernel_initializer=he_normal").model_dump(mode="json"))
    assert settings == {
        "seed": 42, "data.dataset": "digits", "layers.hidden.units": 16, "layers.hidden.activation": "relu",
        "layers.hidden.kernel_initializer.type": "he_normal", "layers.output.units": 10,
        "layers.output.activation": "softmax", "optimizer.type": "adam", "optimizer.learning_rate": 0.001,
        "loss.type": "sparse_categorical_crossentropy", "epochs": 2, "batch_size": 32,
        "layers": "Flatten, Dense units=16 activation=relu kernel_initializer=he_normal, "
        "Dense units=10 activation=softmax",
    }  # fmt: skip


def test_schedule_and_number_have_separate_keys(experiment):
    rate = "optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.01, decay_steps: 100}"
    settings = select_hyperparameters(experiment(rate).model_dump(mode="json"))
    assert "optimizer.learning_rate" not in settings
    assert settings["optimizer.learning_rate.type"] == "CosineDecay"
    assert settings["optimizer.learning_rate.initial_learning_rate"] == 0.01
