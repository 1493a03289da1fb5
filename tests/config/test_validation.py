import pytest

from dnn_cli.config import validation
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import ConfigError

DENSE = "{type: Dense, units: 10, activation: softmax}"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            [f"layers=[{{type: Conv2D, filters: 3, kernel_size: 3}}, Flatten, {DENSE}]"],
            "model.layers.0  layer conv2d: Conv2D needs the input shape (height, width, channels), not (8, 8): "
            "put {type: Reshape, target_shape: [8, 8, 1]} before this layer",
            id="convolution of a plane",
        ),
        pytest.param(
            ["layers.output.units=7"],
            "model.layers.2.units  the output shape of the last layer, output, is (None, 7), but digits has 10 classes "
            "and needs (None, 10)  (write units: 10)",
            id="too few outputs",
        ),
        pytest.param(
            [f"layers=[{DENSE}]"],
            "model.layers.0  the output shape of the last layer, dense, is (None, 8, 10), but digits has 10 classes "
            "and needs (None, 10)  (put Flatten before the first Dense layer)",
            id="rows of outputs",
        ),
        pytest.param(
            ["layers.output.name=hidden"],
            "model.layers.2  duplicate name hidden, first used by layer 1; every layer needs another name",
            id="one name twice",
        ),
        pytest.param(
            ["layers.hidden.name=dense", "~layers.output.name"],
            "model.layers.2  duplicate name dense, first used by layer 1; every layer needs another name",
            id="a name that Keras would give",
        ),
        pytest.param(
            ["layers.0={type: Reshape, target_shape: [5, -1]}"],
            "model.layers.0  layer reshape: target_shape [5, -1] does not fit the 64 numbers of (8, 8)",
            id="reshape to another size",
        ),
        pytest.param(
            ["layers.hidden.bias_initializer=orthogonal"],
            "model.layers.1.bias_initializer  orthogonal needs a weight of two or more axes, not of shape (16,)",
            id="initializer for matrices on a bias",
        ),
        pytest.param(
            ["optimizer={type: sgd, clipnorm: 1, clipvalue: 1}"],
            "optimizer.clipvalue  cannot be combined with clipnorm: Keras clips in one way only",
            id="two ways to clip",
        ),
        pytest.param(
            ["optimizer.learning_rate={type: PiecewiseConstantDecay, boundaries: [1, 2], values: [1, 2]}"],
            "learning_rate.values  has 2 values for 2 boundaries  (write 3 values: one more than boundaries)",
            id="values and boundaries",
        ),
        pytest.param(
            ["metrics=[accuracy, accuracy]"],
            "metrics.1  duplicate metric accuracy  (keep one of the two)",
            id="metric twice",
        ),
        pytest.param(
            ["metrics=[categorical_accuracy]"],
            "metrics.0  categorical_accuracy needs one-hot vectors as targets, but sparse_categorical_crossentropy "
            "uses class numbers  (write loss: categorical_crossentropy)",
            id="metric for other labels",
        ),
        pytest.param(["data.validation_size=0.9999"], "leaves none of the 1,797 examples", id="nothing to train on"),
        pytest.param(
            ["layers.hidden.activity_regularizer=orthogonal_regularizer"],
            "layers.1.activity_regularizer  orthogonal_regularizer cannot be the value of this key  "
            "(use one of l1, l2, l1_l2)",
            id="regularizer for matrices on outputs",
        ),
        pytest.param(["data.path=/tmp"], "data.path  digits is part of scikit-learn", id="path of embedded data"),
    ],
)  # fmt: skip
def test_incompatible_parts_are_reported(config, overrides, message):
    with pytest.raises(ConfigError) as refused:
        load_experiment(config(), overrides)
    assert message in str(refused.value)


def test_all_issues_are_reported_at_once(config):
    orthogonal = [f"layers.{name}.bias_initializer=orthogonal" for name in ("hidden", "output")]
    with pytest.raises(ConfigError) as refused:
        load_experiment(config(), ["epochs=x", "layers.output.units=7", *orthogonal])
    assert sorted(issue.key for issue in refused.value.issues) == [
        "epochs", "model.layers.1.bias_initializer", "model.layers.2.bias_initializer", "model.layers.2.units",
    ]  # fmt: skip


def test_too_large_network_is_refused_only_before_training(config):
    overrides = ["layers=[Flatten, {type: Dense, units: 9000000}, {type: Dense, units: 9000000}, "
                 "{type: Dense, units: 10, activation: softmax}]"]  # fmt: skip
    load_experiment(config(), overrides)
    with pytest.raises(ConfigError, match=r"model\.layers  the weights, .* GB, but this machine has"):
        load_experiment(config(), overrides, to_train=True)


def test_batch_memory_is_limited_by_dataset_size(config):
    load_experiment(config(), ["batch_size=10000000"], to_train=True)


def test_advice_compares_data_and_tensorflow_with_the_memory_of_the_container(experiment, monkeypatch):
    fashion = experiment("data.dataset=fashion_mnist")
    monkeypatch.setattr(validation, "get_usable_memory", lambda: 700_000_000)
    assert not list(validation.find_memory_advice(fashion))
    monkeypatch.setattr(validation, "get_usable_memory", lambda: 690_000_000)
    (advice,) = validation.find_memory_advice(fashion)
    assert advice.path == ("data",)
    assert advice.message == (
        "a training needs about 0.7 GB of memory, and may use 0.7 GB; use fewer or smaller examples"
    )
