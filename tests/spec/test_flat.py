from dnn_cli.spec.flat import flat, hyperparameters


def test_every_setting_has_the_key_of_the_command_line(experiment):
    found = flat(experiment("class_weight={'3': 2.0}").model_dump(mode="json"))
    assert found["layers.hidden.units"] == 16
    assert found["layers.hidden.kernel_initializer.type"] == "glorot_uniform"
    assert found["optimizer.beta_1"] == 0.9
    assert found["data.standardize"] is False
    assert found["metrics"] == "accuracy"
    assert found["class_weight.3"] == 2.0
    assert "early_stopping" not in found


def test_hyperparameters_are_what_matters(experiment):
    found = hyperparameters(experiment("layers.hidden.kernel_initializer=he_normal").model_dump(mode="json"))
    assert found == {
        "seed": 42, "data.dataset": "digits", "layers.hidden.units": 16, "layers.hidden.activation": "relu",
        "layers.hidden.kernel_initializer.type": "he_normal", "layers.output.units": 10,
        "layers.output.activation": "softmax", "optimizer.type": "adam", "optimizer.learning_rate": 0.001,
        "loss.type": "sparse_categorical_crossentropy", "epochs": 2, "batch_size": 32,
        "layers": "Flatten, Dense units=16 activation=relu kernel_initializer=he_normal, "
        "Dense units=10 activation=softmax",
    }  # fmt: skip


def test_a_number_and_a_schedule_have_keys_of_their_own(experiment):
    rate = "optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.01, decay_steps: 100}"
    found = hyperparameters(experiment(rate).model_dump(mode="json"))
    assert "optimizer.learning_rate" not in found
    assert found["optimizer.learning_rate.type"] == "CosineDecay"
    assert found["optimizer.learning_rate.initial_learning_rate"] == 0.01
