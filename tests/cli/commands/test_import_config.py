"""`dnn import`: the config, the lines on standard error, and the refusal of what a config cannot contain."""

import json

import pytest
import yaml

from tests.helpers.imported_programs import build_sequential_document, write_architecture

SCRIPT = """\
from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([
    keras.layers.Flatten(input_shape=[28, 28]),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
model.fit(x, y, epochs=5, validation_split=0.1)
"""

CONFIG = """\
# Imported from train.py by dnn import.
#
#     dnn train 'my first.yaml'
data:
  dataset: mnist
  validation_size: 0.1
model:
  layers:
    - Flatten
    - {type: Dense, units: 10, activation: softmax}
optimizer: sgd
loss: sparse_categorical_crossentropy
metrics: [accuracy]
epochs: 5
batch_size: 32                                # not in the file: the default of Keras
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)


def test_config_is_written(dnn, tmp_path, script):
    done = dnn("import", "train.py", "-o", "my first.yaml")
    assert (done.returncode, done.stdout) == (0, "wrote my first.yaml; next: dnn train 'my first.yaml'\n")
    assert (tmp_path / "my first.yaml").read_text() == CONFIG
    assert done.stderr.splitlines() == [
        "from the file: 2 layers; data.dataset mnist; optimizer sgd; loss sparse_categorical_crossentropy; "
        "metrics accuracy; epochs 5",
        "not in the file: batch_size 32 (the default of Keras)",
    ]
    assert dnn("check", "my first.yaml").stdout == "my first.yaml  ok\n"


def test_config_is_printed(dnn, script):
    done = dnn("import", "train.py")
    assert yaml.safe_load(done.stdout) == yaml.safe_load(CONFIG)


def test_existing_config_is_kept(dnn, tmp_path, script):
    (tmp_path / "old.yaml").write_text("epochs: 1\n")
    done = dnn("import", "train.py", "-o", "old.yaml")
    assert (done.returncode, (tmp_path / "old.yaml").read_text()) == (2, "epochs: 1\n")
    assert done.stderr == "dnn: old.yaml already exists\n  use --force to replace it, or choose another path\n"
    assert dnn("import", "train.py", "-o", "old.yaml", "--force").returncode == 0


def test_nothing_is_written_with_issues(dnn, tmp_path):
    document = build_sequential_document([], (4,))
    document["config"]["layers"].append({"class_name": "Lambda", "config": {"function": ["4wEAAAA", None, None]}})
    write_architecture(tmp_path, document)
    done = dnn("import", "model.json", "-o", "new.yaml")
    assert (done.returncode, done.stdout, (tmp_path / "new.yaml").exists()) == (2, "", False)
    assert done.stderr.startswith("model.json  layer 1 (Lambda)  Lambda is left out: it runs arbitrary code")
    assert len(done.stderr.splitlines()) == 1


def test_placeholder_is_a_next_step(dnn, tmp_path, script):
    (tmp_path / "train.py").write_text(SCRIPT.replace("mnist", "cifar10").replace("[28, 28]", "[32, 32, 3]"))
    done = dnn("import", "train.py", "-o", "new.yaml")
    assert done.stdout == "wrote new.yaml; write the path of your data, then dnn check new.yaml\n"
    assert (
        "  path: data.npz                              # not in the file: write the path of your own data\n"
        in (tmp_path / "new.yaml").read_text()
    )
    assert "data.npz" in dnn("check", "new.yaml").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.keras"], "dnn: missing.keras cannot be read: No such file or directory\n  check the path\n"),
        (["."], "dnn: . is not a file\n  name a .keras, .json, .h5, .py or .ipynb file\n"),
        (["old.yaml"],
         "dnn: old.yaml has the suffix of a config\n  if it is a config, use dnn train old.yaml\n"),
        (["notes.txt"],
         "dnn: notes.txt is not a model or a program\n  name a .keras, .json, .h5, .py or .ipynb file\n"),
        (["train.py", "-o", "a.txt"],
         "dnn: a.txt is not a valid path of a config\n  for example: dnn import model.keras -o my.yaml\n"),
        (["train.py", "-o", "none/a.yaml"],
         "dnn: none does not exist\n  create the directory, or choose another path\n"),
        (["train.py", "--model", "2"], "dnn: train.py has 1 model, and no model 2\n  use --model 1\n"),
    ],
)  # fmt: skip
def test_wrong_command_lines(dnn, tmp_path, script, words, message):
    for name in ("old.yaml", "notes.txt"):
        (tmp_path / name).write_text("epochs: 1\n")
    done = dnn("import", *words)
    assert (done.returncode, done.stderr) == (2, message)


def test_control_characters_are_not_printed(dnn, tmp_path):
    document = json.loads(json.dumps(build_sequential_document([], (4,))).replace("InputLayer", "\\u001b[31mEvil"))
    write_architecture(tmp_path, document)
    done = dnn("import", "model.json")
    assert (done.returncode, "\x1b" in done.stderr) == (2, False)
