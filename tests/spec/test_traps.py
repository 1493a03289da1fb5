"""Every way a config can be wrong, by every way it can get there: told in one line, at its place."""

import codecs
import os
from pathlib import Path

import pytest

from dnn_cli.errors import ConfigError
from dnn_cli.spec.load import load
from dnn_cli.spec.names import slug

OUTPUT = "{type: Dense, units: 10, activation: softmax}"
SOUND = {"model": f"model: {{layers: [Flatten, {OUTPUT}]}}", "data": "data: {dataset: digits}"}


def whole(text):
    """A config with the keys in question first, then those that it lacks."""
    return "\n".join([text, *(line for key, line in SOUND.items() if not text.startswith(key)), ""])


def layer(text):
    return f"model: {{layers: [Flatten, {text}, {OUTPUT}]}}"


def case(name, text, place, message):
    return pytest.param(text, place, message, id=name)


VALUES = [
    case("key twice", "data: {dataset: digits, dataset: iris}", "1:25", "data.dataset  the key stands twice, first in"),
    case("no for a number", "epochs: no", "1:1", "epochs  needs a whole number, not the text 'no'"),
    case("off for false", "data: {dataset: digits, flatten: off}", "1:25", "data.flatten  needs true or false, not the"),
    case("no as a key", "no: 1", "1:1", "no  is not a key of a config  (keys are name, seed, "),
    case("on as a key", "on: 1", "1:1", "on  is not a key of a config"),
    case("octal", "epochs: 010", "1:1", "epochs  needs a whole number, not the text '010'  (did you mean 10?)"),
    case("minutes", "epochs: 1:30", "1:1", "epochs  needs a whole number, not the text '1:30'"),
    case("underscore", "epochs: 1_000", "1:1", "epochs  needs a whole number, not the text '1_000'  (did you mean 1000?)"),
    case("date for a number", "epochs: 2026-13-45", "1:1", "epochs  needs a whole number, not the text '2026-13-45'"),
    case("whole float", "epochs: 10.0", "1:1", "epochs  needs a whole number, not 10.0  (did you mean 10?)"),
    case("quoted number", 'epochs: "10"', "1:1", "epochs  needs a whole number, not the text '10'  (did you mean 10?)"),
    case("true for a number", "epochs: true", "1:1", "epochs  needs a whole number, not true"),
    case("number for a name", "name: 7", "1:1", "name  needs text, not 7"),
    case("nothing for a name", "name: ~", "1:1", "name  needs text, not nothing"),
    case("nan", "optimizer: {learning_rate: .nan}", "1:28", "optimizer.learning_rate  .nan is not a number to calculate"),
    case("inf", "optimizer: {learning_rate: .inf}", "1:28", "optimizer.learning_rate  .inf is not a number to calculate"),
    case("overflow", "optimizer: {learning_rate: 1.0e+400}", "1:28", "optimizer.learning_rate  the number is too large"),
    case("5,000 digits", f"seed: {'9' * 5000}", "1:7", "seed  the number is too large"),
    case("3,000 lists deep", f"name: {'[' * 3000}", "1:57", "is nested more than 50 deep"),
    case("3,000 mappings deep", f"name: {'{a: ' * 3000}1{'}' * 3000}", "1:207", "is nested more than 50 deep"),
    case("alias to nothing", "name: *a", "1:7", "the alias *a has no value before it to stand for"),
    case("alias to itself", "name: &a {b: *a}", "1:14", "the alias *a has no value before it to stand for"),
    case("python object", "name: !!python/object/apply:os.system [ls]", "1:7", "name  the tag tag:yaml.org,2002:python/"),
    case("binary", "name: !!binary AAAA", "1:7", "name  the tag tag:yaml.org,2002:binary has no meaning"),
    case("set", "name: !!set {a}", "1:7", "name  the tag tag:yaml.org,2002:set has no meaning"),
    case("escaped NUL", 'name: "a\\0b"', "1:7", "name  the text holds a control character or half a character"),
    case("escaped colour", 'name: "\\e[31m"', "1:7", "name  the text holds a control character or half a character"),
    case("half a character", 'name: "\\ud800"', "1:10", "is not YAML: while parsing a quoted scalar"),
    case("writing backwards", 'name: "a\\u202eb"', "1:1", "name  a name may not hold control or formatting characters"),
    case("name of 300", f"name: {'x' * 300}", "1:1", "name  has 300 characters  (at most 100)"),
    case("name of nothing", "name: ''", "1:1", "name  a name needs at least one visible character"),
    case("markup in a name", 'model: {name: "[/red]"}', "1:9", "model.name  Keras takes no / in a name"),
    case("markup as a class", 'optimizer: "[/red]"', "1:1", "optimizer  '[/red]' is no optimizer  (one of sgd, "),
    case("unknown key", "epoch: 1", "1:1", "epoch  is not a key of a config  (did you mean epochs?)"),
    case("unknown argument", layer("{type: Dense, units: 5, unit: 5}"), "1:51", "model.layers.1.unit  is not an argument of"),
    case("unknown layer", layer("Danse"), "1:27", "model.layers.1  'Danse' is no layer  (did you mean Dense?)"),
    case("unknown optimizer", "optimizer: adm", "1:1", "optimizer  'adm' is no optimizer  (did you mean adam?)"),
    case("unknown activation", layer("{type: Activation, activation: rleu}"), "1:46",
         "model.layers.1.activation  'rleu' is no activation  (did you mean relu?)"),
    case("unknown loss", "loss: hubber", "1:1", "loss  'hubber' is no loss  (did you mean huber?)"),
    case("unknown metric", "metrics: [acuracy]", "1:11", "metrics.0  'acuracy' is no metric  (did you mean accuracy?)"),
    case("unknown dataset", "data: {dataset: digit}", "1:8", "data.dataset  'digit' is no dataset  (did you mean digits?)"),
    case("activation as layer", layer("relu"), "1:27", "model.layers.1  'relu' is no layer  (it is an activation: write "),
    case("optimizer as layer", layer("adam"), "1:27", "model.layers.1  'adam' is no layer  (it is an optimizer)"),
    case("layer as optimizer", "optimizer: Dense", "1:1", "optimizer  'Dense' is no optimizer  (it is a layer)"),
    case("optimizer as loss", "loss: adam", "1:1", "loss  'adam' is no loss  (it is an optimizer)"),
    case("argument of others", "optimizer: {type: adam, momentum: 0.9}", "1:25",
         "optimizer.momentum  is not an argument of adam  (sgd, rmsprop, muon have it)"),
    case("abbreviation", "optimizer: {type: adam, lr: 1}", "1:25", "optimizer.lr  is not an argument of adam  (did you"),
    case("no type", layer("{units: 5}"), "1:27", "model.layers.1  needs a type  (one of Dense, "),
    case("no units", layer("{type: Dense}"), "1:27", "model.layers.1.units  is missing"),
    case("no layers", "model: {layers: []}", "1:9", "model.layers  holds 0 entries  (at least 1)"),
    case("null as layer", layer("~"), "1:27", "model.layers.1  needs a mapping of keys, not nothing"),
    case("text for a mapping", "data: digits", "1:1", "data  needs a mapping of keys, not the text 'digits'"),
    case("text for a list", "metrics: accuracy", "1:1", "metrics  needs a list, not the text 'accuracy'"),
    case("zero units", layer("{type: Dense, units: 0}"), "1:41", "model.layers.1.units  needs a number > 0, not 0"),
    case("negative units", layer("{type: Dense, units: -5}"), "1:41", "model.layers.1.units  needs a number > 0, not -5"),
    case("absurd units", layer("{type: Dense, units: 10000001}"), "1:41", "model.layers.1.units  needs a number ≤ 10,000,0"),
    case("zero batch", "batch_size: 0", "1:1", "batch_size  needs a number > 0, not 0"),
    case("absurd batch", "batch_size: 10000001", "1:1", "batch_size  needs a number ≤ 10,000,000, not 10000001"),
    case("negative epochs", "epochs: -1", "1:1", "epochs  needs a number > 0, not -1"),
    case("absurd epochs", "epochs: 1000001", "1:1", "epochs  needs a number ≤ 1,000,000, not 1000001"),
    case("zero rate", "optimizer: {learning_rate: 0}", "1:13", "optimizer.learning_rate  needs a number > 0, not 0"),
    case("absurd rate", "optimizer: {learning_rate: 1e9}", "1:13", "optimizer.learning_rate  needs a number ≤ 1000, not"),
    case("dropout of all and more", layer("{type: Dropout, rate: 1.5}"), "1:43", "model.layers.1.rate  needs a number ≤ 1, "),
    case("more than memory", layer("{type: Dense, units: 9000000}, {type: Dense, units: 9000000}"), "1:9",
         "model.layers  the weights, their gradients and the optimizer's memory take 972,008 GB, and this machine has "),
    case("image layer on a vector", layer("{type: Conv2D, filters: 3, kernel_size: 3}"), "1:27",
         "model.layers.1  layer conv2d: Conv2D takes (height, width, channels) and gets (64,): put Reshape before it"),
    case("image layer on a plane", f"model: {{layers: [MaxPooling2D, Flatten, {OUTPUT}]}}", "1:18",
         "model.layers.0  layer max_pooling2d: MaxPooling2D takes (height, width, channels) and gets (8, 8): put {type: "
         "Reshape, target_shape: [8, 8, 1]} before it"),
    case("7 outputs of 10", "model: {layers: [Flatten, {type: Dense, units: 7}]}", "1:41",
         "model.layers.1.units  layer dense ends the stack with (None, 7), but digits has 10 classes and needs (None, 10)  "
         "(units: 10)"),
    case("name of a layer twice", layer("{type: Dense, units: 9, name: a}, {type: Dense, units: 9, name: a}"), "1:61",
         "model.layers.2  the name a is taken by layer 1; every layer needs its own"),
    case("loss of two classes", "loss: binary_crossentropy", "1:1", "loss  binary_crossentropy is for two classes, and "),
    case("class that is not", "loss: {type: sparse_categorical_crossentropy, ignore_class: 10}", "1:47",
         "loss.ignore_class  10 is no class: they are numbered 0 to 9"),
    case("metric of other labels", "metrics: [categorical_accuracy]", "1:11", "metrics.0  categorical_accuracy needs cla"),
]  # fmt: skip
"""`key: value` in the first line: a file, a parent, or an override can say it."""

TEXTS = [
    case("empty", b"", "1:1", "is empty"),
    case("scalar", b"Dense", "1:1", "is not a mapping of keys"),
    case("list", b"- Dense\n", "1:1", "is not a mapping of keys"),
    case("two documents", whole("seed: 1\n---\nseed: 2"), "2:1", "starts a second document"),
    case("key twice, lines apart", whole("seed: 1\n\nseed: 2"), "3:1", "seed  the key stands twice, first in line 1"),
    case("tab", "model:\n\tlayers: [Flatten]\n", "2:1", "is not YAML: "),
    case("bracket open", "model: {layers: [Flatten}\n", "1:25", "is not YAML: while parsing a flow sequence"),
    case("two colons", whole("epochs: 1\nname: a: b"), "2:8", "is not YAML: mapping values are not allowed"),
    case("NUL", whole("epochs: 1\nname: a\x00b"), "2:8", "holds the control character U+0000"),
    case("colour", whole("epochs: 1\nname: a\x1b[31m"), "2:8", "holds the control character U+001B"),
    case("Latin-1", whole("epochs: 1\nname: café").encode("latin-1"), "2:10", "is not UTF-8 text  (save the file as UTF-8)"),
    case("UTF-16", whole("epochs: 1").encode("utf-16"), "1:1", "is not UTF-8 text  (save the file as UTF-8)"),
    case("merge key", whole("epochs: 1\n<<: {seed: 1}"), "2:1", "<<  merge keys are not part of the config language"),
    case("list as key", whole("epochs: 1\n? [1]\n: 2"), "2:3", "a key must be a word"),
    case("alias bomb", "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in
         zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst", strict=True)), "13:12", "holds more than 50,000 values, aliases"),
    case("layer in a block", whole("model:\n  layers:\n    - Flatten\n    - type: Dense\n      units: -1"), "5:7",
         "model.layers.1.units  needs a number > 0, not -1"),
    case("grandparent missing", whole("epochs: 1\nextends: nowhere.yaml"), "2:1", "extends  there is no nowhere.yaml"),
    case("no parent named", whole("epochs: 1\nextends: []"), "2:1", "extends  needs the name of one config file"),
]  # fmt: skip
"""What only a file can say."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def reach(route, text):
    """The arguments of `load` by which a text gets to it, and how what it says is placed."""
    raw = text if isinstance(text, bytes) else (text if "\n" in text else whole(text)).encode()
    if route == "override":
        override = text.replace(": ", "=", 1)
        raw, place = whole("epochs: 1").encode(), override
    else:
        override, place = None, "bad.yaml:{}"
    Path("bad.yaml").write_bytes(raw)
    Path("child.yaml").write_text("extends: bad.yaml\nbatch_size: 8\n")
    return ("child.yaml" if route == "extends" else "bad.yaml", [override] if override else []), place
