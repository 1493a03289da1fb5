import pytest

from dnn_cli.spec.keys import suggestions
from dnn_cli.spec.yaml_file import parse_yaml
from tests.conftest import DIGITS

BLOCK = DIGITS.replace("    - {type: Dense, units: 16, activation: relu, name: hidden}\n", (
    "    - {repeat: 3, name: body, layers: [{type: Dense, units: 16, name: hidden}]}\n"
))  # fmt: skip


def texts(word, text=DIGITS):
    config = parse_yaml(text, "").value
    return [one.text for one in suggestions(config, word) if one.text.startswith(word)]


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
def test_what_may_follow(word, expected):
    assert texts(word) == expected


def test_layers_within_blocks():
    assert texts("layers.body.r", BLOCK) == ["layers.body.repeat="]
    assert texts("layers.body.layers.hidden.un", BLOCK) == ["layers.body.layers.hidden.units="]


def test_a_part_that_is_not_written_has_the_keys_of_its_default():
    assert "optimizer.rho=" in texts("optimizer.", DIGITS.replace("optimizer: adam\n", ""))


@pytest.mark.parametrize("config", [None, 3, [], {"model": 3}, {"model": {"layers": [3, {"type": "Nope"}, None]}}, {}])
def test_no_config_is_too_broken(config):
    for word in ("", "layers.", "model.layers.nope.", "optimizer=", "layers.x.y=", "~", "=", "layers=", "..."):
        suggestions(config, word)
