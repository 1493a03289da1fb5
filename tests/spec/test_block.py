import pytest

from dnn_cli.errors import ConfigError
from dnn_cli.spec.load import load, to_yaml
from dnn_cli.spec.stack import layer_names
from dnn_cli.spec.summary import summarize

BODY = """\
data: {dataset: digits}
model:
  layers:
    - Flatten
    - repeat: 3
      name: body
      layers:
        - {type: Dense, units: 20, activation: relu, name: hidden}
        - {type: Dropout, rate: 0.1}
    - {type: Dense, units: 10, activation: softmax, name: output}
"""


def stack(file, *overrides):
    return load(file, overrides).experiment.model.stack


def test_a_block_stands_as_often_as_it_says(config):
    layers = stack(config(BODY))
    assert [layer.type for layer in layers] == ["Flatten", *["Dense", "Dropout"] * 3, "Dense"]
    assert layer_names(layers)[1::2] == ["hidden_1", "hidden_2", "hidden_3", "output"]


@pytest.mark.parametrize(
    ("override", "depth", "units"),
    [
        pytest.param("layers.body.repeat=6", 7, 20, id="depth by the block's name"),
        pytest.param("layers.1.repeat=1", 2, 20, id="depth by index"),
        pytest.param("layers.hidden.units=30", 4, 30, id="a layer within by its name"),
        pytest.param("layers.body.layers.0.units=40", 4, 40, id="a layer within by index"),
    ],
)
def test_depth_is_one_number(config, override, depth, units):
    experiment = load(config(BODY), [override]).experiment
    assert summarize(experiment).depth == depth
    assert experiment.model.stack[1].units == units


def test_blocks_within_blocks_multiply(config):
    inner = "{repeat: 2, layers: [{type: Dense, units: 20, name: a}, {repeat: 3, layers: [Dropout_]}]}"
    inner = inner.replace("Dropout_", "{type: Dense, units: 20, name: b}")
    layers = stack(config(BODY), f"layers=[Flatten, {inner}, {{type: Dense, units: 10, name: o}}]")
    assert [layer.name for layer in layers[1:]] == ["a_1", "b_1_1", "b_1_2", "b_1_3", "a_2", "b_2_1", "b_2_2", "b_2_3",
                                                    "o"]  # fmt: skip


def test_a_resolved_block_is_the_same_experiment(config, tmp_path):
    experiment = load(config(BODY)).experiment
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(experiment))
    assert load(str(again)).experiment == experiment


@pytest.mark.parametrize(
    ("override", "line"),
    [
        pytest.param("layers.body.repeat=0", "model.layers.1.repeat  needs a number > 0, not 0", id="zero"),
        pytest.param("layers.body.repeat=3.0", "model.layers.1.repeat  needs a whole number, not 3.0", id="a float"),
        pytest.param("layers.body.layers=[]", "model.layers.1.layers  holds 0 entries", id="nothing to repeat"),
        pytest.param("layers.body.repaet=2", "model.layers.1.repaet  is not a key of a config  (did you mean repeat?)",
                     id="unknown key"),
        pytest.param("layers.hidden.units=0", "model.layers.1.layers.0.units  needs a number > 0", id="fault within"),
        pytest.param("layers.body.layers.1=Conv2D", "model.layers.1.layers.1.filters  is missing", id="missing within"),
        pytest.param("layers.body.layers.1=MaxPooling2D", "model.layers.1.layers.1  layer max_pooling2d: MaxPooling2D",
                     id="misfit within, once"),
        pytest.param("layers.body={repeat: 9000, layers: [{repeat: 9000, layers: [Flatten]}]}",
                     "model.layers  make 81,000,002 layers", id="too many"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_block_is_told_once_where_it_is_written(config, override, line):
    with pytest.raises(ConfigError) as refused:
        load(config(BODY), [override])
    lines = [str(fault) for fault in refused.value.faults]
    assert line in lines[0]
    assert sum(line in found for found in lines) == 1


@pytest.mark.parametrize("key", ["seed", "kernel_initializer"])
def test_a_seed_that_is_repeated_is_advised_on(config, key):
    drawn = "layers.hidden.kernel_initializer={type: he_normal, seed: 7}"
    change = "layers.body.layers.1.seed=7" if key == "seed" else drawn
    (advice,) = load(config(BODY), [change]).advice
    assert "is the same in every round of its block" in advice.message
    assert advice.key.endswith("seed")


def test_advice_on_a_repeated_layer_comes_once(config):
    advice = load(config(BODY), ["layers.hidden.activation=sigmoid", "layers.hidden.units=5"]).advice
    assert [fault.key for fault in advice] == ["model.layers.1.layers.0.units", "model.layers.1.layers.0.activation"]
