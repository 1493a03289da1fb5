import pytest

from dnn_cli.config.layer_stack import list_layer_names
from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.errors import ConfigError

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


def load_stack(file, *overrides):
    return load_experiment(file, overrides).experiment.model.stack


def test_repeated_layers_are_unrolled(config):
    layers = load_stack(config(BODY))
    assert [layer.type for layer in layers] == ["Flatten", *["Dense", "Dropout"] * 3, "Dense"]
    assert list_layer_names(layers)[1::2] == ["hidden_1", "hidden_2", "hidden_3", "output"]


@pytest.mark.parametrize(
    ("override", "depth", "units"),
    [
        pytest.param("layers.body.repeat=6", 7, 20, id="depth by the block's name"),
        pytest.param("layers.1.repeat=1", 2, 20, id="depth by index"),
        pytest.param("layers.hidden.units=30", 4, 30, id="a layer within by its name"),
        pytest.param("layers.body.layers.0.units=40", 4, 40, id="a layer within by index"),
    ],
)
def test_override_changes_depth_or_repeated_layer(config, override, depth, units):
    experiment = load_experiment(config(BODY), [override]).experiment
    assert summarize_network(experiment).depth == depth
    assert experiment.model.stack[1].units == units


def test_nested_repeats_multiply(config):
    inner = "{repeat: 2, layers: [{type: Dense, units: 20, name: a}, {repeat: 3, layers: [Dropout_]}]}"
    inner = inner.replace("Dropout_", "{type: Dense, units: 20, name: b}")
    layers = load_stack(config(BODY), f"layers=[Flatten, {inner}, {{type: Dense, units: 10, name: o}}]")
    assert [layer.name for layer in layers[1:]] == ["a_1", "b_1_1", "b_1_2", "b_1_3", "a_2", "b_2_1", "b_2_2", "b_2_3",
                                                    "o"]  # fmt: skip


def test_resolved_repeat_is_the_same_experiment(config, tmp_path):
    experiment = load_experiment(config(BODY)).experiment
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(experiment))
    assert load_experiment(str(again)).experiment == experiment


@pytest.mark.parametrize(
    ("override", "line"),
    [
        pytest.param("layers.body.repeat=0", "model.layers.1.repeat  needs a number > 0, not 0", id="zero"),
        pytest.param("layers.body.repeat=3.0", "model.layers.1.repeat  needs a whole number, not 3.0", id="a float"),
        pytest.param("layers.body.layers=[]", "model.layers.1.layers  has 0 entries", id="nothing to repeat"),
        pytest.param("layers.body.repaet=2", "model.layers.1.repaet  is not a key of a repeated block  (did you mean "
                     "repeat?)", id="unknown key"),
        pytest.param("layers.hidden.units=0", "model.layers.1.layers.0.units  needs a number > 0", id="fault within"),
        pytest.param("layers.body.layers.1=Conv2D", "model.layers.1.layers.1.filters  is missing", id="missing within"),
        pytest.param("layers.body.layers.1=MaxPooling2D", "model.layers.1.layers.1  layer max_pooling2d: MaxPooling2D",
                     id="shape error within, once"),
        pytest.param("layers.body={repeat: 9000, layers: [{repeat: 9000, layers: [Flatten]}]}",
                     "model.layers  has 81,000,002 layers", id="too many"),
    ],
)  # fmt: skip
def test_issue_in_repeat_is_reported_once(config, override, line):
    with pytest.raises(ConfigError) as refused:
        load_experiment(config(BODY), [override])
    lines = [str(issue) for issue in refused.value.issues]
    assert line in lines[0]
    assert sum(line in printed for printed in lines) == 1


@pytest.mark.parametrize("key", ["seed", "kernel_initializer"])
def test_repeated_seed_gets_advice(config, key):
    drawn = "layers.hidden.kernel_initializer={type: he_normal, seed: 7}"
    change = "layers.body.layers.1.seed=7" if key == "seed" else drawn
    (advice,) = load_experiment(config(BODY), [change]).advice
    assert "is the same in every repetition" in advice.message
    assert advice.key.endswith("seed")


def test_repeated_layer_gets_advice_once(config):
    advice = load_experiment(config(BODY), ["layers.hidden.activation=sigmoid", "layers.hidden.units=5"]).advice
    assert [issue.key for issue in advice] == ["model.layers.1.layers.0.units", "model.layers.1.layers.0.activation"]
