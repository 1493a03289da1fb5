"""Repeated blocks of layers become loops of a script."""

import keras
import pytest

from dnn_cli.script.layer_groups import list_layer_groups
from dnn_cli.training.model_builder import build_model
from tests.helpers.scripts import write_program

OUTPUT = "{type: Dense, units: 10, activation: softmax}"
STACKS = {
    "named": (
        f"[Flatten, {{repeat: 3, layers: [{{type: Dense, units: 9, name: hidden}}, ReLU]}}, {OUTPUT}]",
        [1, 3, 1],
    ),
    "nested": (
        f"[Flatten, {{repeat: 2, layers: [ReLU, {{repeat: 2, layers: [{{type: Dense, units: 9}}]}}]}}, {OUTPUT}]",
        [1],
    ),
    "first": (f"[{{repeat: 2, layers: [{{type: Dense, units: 9}}]}}, Flatten, {OUTPUT}]", [1, 2, 1]),
    "once": (f"[Flatten, {{repeat: 1, layers: [{{type: Dense, units: 9, name: hidden}}]}}, {OUTPUT}]", [1]),
}


@pytest.mark.parametrize(("stack", "repeats"), STACKS.values(), ids=STACKS)
def test_layers_have_the_order_and_names_of_the_network(stack, repeats, experiment):
    new_experiment = experiment(f"layers={stack}")
    assert [group.repeat for group in list_layer_groups(new_experiment, "float32")] == repeats
    code = write_program(new_experiment).partition("# Build the model.")[2].partition("\n\n")[0].partition("\n")[2]
    names = {"keras": keras}
    keras.utils.clear_session(free_memory=False)
    exec(code, names)
    written, built = names["model"], build_model(new_experiment)
    assert [layer.name for layer in written.layers] == [layer.name for layer in built.layers]
    assert all((ours == theirs).all() for ours, theirs in zip(written.get_weights(), built.get_weights(), strict=True))
