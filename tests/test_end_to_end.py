"""The whole path on the real Fashion-MNIST, as the README's first command goes it."""

import shutil

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from dnn_cli.config.experiment import Data
from dnn_cli.data.examples import load_examples, load_test_examples
from tests.helpers.cli_output import parse_json_output
from tests.helpers.settings import ROOT


def test_train_and_compare_fashion_mnist(dnn, tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    done = dnn("train", "configs/relu_adam.yaml", "epochs=1", "batch_size=100", "--json")
    assert done.returncode == 0, done.stderr
    (adam,) = parse_json_output(done)["runs"]
    # Without the compilation by XLA, which the first training shows.
    other = dnn("train", "configs/relu_sgd.yaml", "epochs=1", "batch_size=100", "jit=false", "--json")
    (sgd,) = parse_json_output(other)["runs"]
    assert adam["last"]["val_accuracy"] > 0.83
    assert 0.7 < sgd["last"]["val_accuracy"] < adam["last"]["val_accuracy"]
    assert "fashion_mnist: 48,000 images for training, 12,000 for validation, 28 × 28, 10 classes" in done.stderr

    compared = parse_json_output(dnn("compare", "--json"))
    assert [group["name"] for group in compared["groups"]] == ["optimizer adam, jit auto", "optimizer sgd, jit false"]

    examples = load_examples(Data())
    assert examples.inputs.shape == (60_000, 28, 28)
    assert np.bincount(examples.targets).tolist() == [6_000] * 10
    assert np.bincount(load_test_examples(Data()).targets).tolist() == [1_000] * 10
    _, images, _, labels = train_test_split(examples.inputs, examples.targets, test_size=0.2, random_state=42)
    model = keras.saving.load_model(tmp_path / adam["dir"] / "model.keras", safe_mode=True)
    scores = model.evaluate(images / 255.0, labels.astype("int32"), batch_size=100, verbose=0, return_dict=True)
    assert scores["accuracy"] == adam["last"]["val_accuracy"]
    assert scores["loss"] == adam["last"]["val_loss"]
