import keras
import numpy as np
import pytest

from dnn_cli.config.registry import CLASSES_BY_KIND, NAMES_BY_KIND
from dnn_cli.training.model_builder import build_model


def test_model_has_configured_layers_and_optimizer(experiment):
    model = build_model(experiment("model.name=net", "optimizer={type: sgd, learning_rate: 0.5, nesterov: true}"))
    assert model.name == "net"
    assert [layer.name for layer in model.layers] == ["flatten", "hidden", "output"]
    assert model.layers[1].activation is keras.activations.relu
    assert model.optimizer.nesterov
    assert float(model.optimizer.learning_rate) == 0.5


def test_layer_may_be_named_input_layer(experiment):
    assert build_model(experiment("layers.hidden.name=input_layer")).layers[1].name == "input_layer"


def test_initial_weights_depend_on_the_seed_alone(experiment):
    first = build_model(experiment()).get_weights()
    build_model(experiment("seed=1"))
    second = build_model(experiment()).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", ["initializer", "regularizer", "constraint"])
def test_kernel_options_reach_keras(experiment, kind):
    classes = CLASSES_BY_KIND[kind]
    layers = [f"{{type: Dense, units: 10, kernel_{kind}: {name}}}" for name in classes]
    model = build_model(experiment(f"layers=[Flatten, {', '.join(layers)}]"))
    for layer, cls in zip(model.layers[1:], classes.values(), strict=True):
        assert type(getattr(layer, f"kernel_{kind}")).__name__ == cls.keras_name.rpartition(".")[2]


def test_option_arguments_reach_keras(experiment):
    model = build_model(
        experiment(
            "layers.hidden.kernel_initializer={type: constant, value: 0.25}",
            "layers.hidden.kernel_regularizer={type: l2, l2: 0.5}",
            "layers.hidden.use_bias=false",
        )
    )
    (kernel,) = model.layers[1].get_weights()
    assert np.all(kernel == 0.25)
    assert float(model.losses[0]) == 0.5 * 64 * 16 * 0.25**2


def test_every_activation_is_keras_own(experiment):
    (_, hidden, _) = experiment().model.stack
    for name in NAMES_BY_KIND["activation"]:
        if name != "glu":
            layer = hidden.model_copy(update={"activation": name}).build_keras_object(name="hidden")
            assert layer.activation is keras.activations.get(name)
