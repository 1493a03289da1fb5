"""Names of repeated layers in the keys of overrides."""

import re

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import ConfigError

REPEATED = """\
model:
  layers:
    - Flatten
    - repeat: 2
      layers:
        - {type: Dense, units: 20, name: hidden}
        - {type: Dense, units: 30, activation: relu}
    - {type: Dense, units: 40, activation: relu}
    - {type: Dense, units: 10, activation: softmax, name: output}
optimizer: adam
"""


def read_issue(config, override):
    """Return the only issue of an override of the repeated layers."""
    with pytest.raises(ConfigError) as error:
        load_experiment(config(REPEATED), [override])
    (issue,) = error.value.issues
    return issue


@pytest.mark.parametrize(
    ("step", "repeated_units", "units"),
    [
        pytest.param("hidden_2", [70, 30, 70, 30], 40, id="named layer"),
        pytest.param("dense_1", [20, 70, 20, 70], 40, id="layer without a name"),
        pytest.param("dense_2", [20, 30, 20, 30], 70, id="layer after the block"),
    ],
)
def test_suggested_step_changes_the_layer_of_the_network(config, step, repeated_units, units):
    issue = read_issue(config, f"layers.{step}.units=70")
    suggested_step = re.match(r"use (?:the index )?(\S+) ", issue.suggestion)[1]
    stack = load_experiment(config(REPEATED), [f"layers.{suggested_step}.units=70"]).experiment.model.stack
    assert [layer.units for layer in stack[1:]] == [*repeated_units, units, 10]


def test_message_says_that_the_layer_is_repeated(config):
    issue = read_issue(config, "layers.hidden_1.units=70")
    assert issue.message == "hidden_1 is one repetition of a layer"
    assert issue.suggestion == "use hidden for all repetitions"


def test_unknown_name_lists_each_name_once(config):
    message = read_issue(config, "layers.missing.units=70").message
    assert message.endswith("names are flatten, block, dense, output, hidden")


def test_block_with_many_repetitions_is_refused_quickly(config):
    text = REPEATED.replace("repeat: 2", "repeat: 1000000000")
    with pytest.raises(ConfigError, match="has no missing"):
        load_experiment(config(text), ["layers.missing.units=70"])
