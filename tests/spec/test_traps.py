"""Every way a config can be wrong, by every way it can get there: told in one line, at its place."""

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
    case("no for a number", "epochs: no", "1:1", "epochs  needs a whole number, not the text 'no'"),
    case("off for false", "data: {dataset: digits, flatten: off}", "1:25", "data.flatten  needs true or false"),
    case("no as a key", "no: 1", "1:1", "no  is not a key of a config  (keys are name, seed, "),
    case("octal", "epochs: 010", "1:1", "epochs  needs a whole number, not the text '010'  (did you mean 10?)"),
    case("minutes", "epochs: 1:30", "1:1", "epochs  needs a whole number, not the text '1:30'"),
    case("underscore", "epochs: 1_000", "1:1", "epochs  needs a whole number, not the text '1_000'"),
    case("date for a number", "epochs: 2026-13-45", "1:1", "epochs  needs a whole number, not the text '2026-13-45'"),
    case("whole float", "epochs: 10.0", "1:1", "epochs  needs a whole number, not 10.0  (did you mean 10?)"),
    case("quoted number", 'epochs: "10"', "1:1", "epochs  needs a whole number, not the text '10'  (did you mean 10?)"),
    case("true for a number", "epochs: true", "1:1", "epochs  needs a whole number, not true"),
    case("nan", "optimizer: {learning_rate: .nan}", "1:28", "optimizer.learning_rate  .nan is not a number"),
    case("inf", "optimizer: {learning_rate: .inf}", "1:28", "optimizer.learning_rate  .inf is not a number"),
    case("overflow", "optimizer: {learning_rate: 1.0e+400}", "1:28", "optimizer.learning_rate  the number is"),
    case("5,000 digits", f"seed: {'9' * 5000}", "1:7", "seed  the number is too large"),
    case("900 lists deep", f"name: {'[' * 900}", "1:57", "is nested more than 50 deep"),
    case("3,000 mappings deep", f"name: {'{a: ' * 3000}1{'}' * 3000}", "1:207", "is nested more than 50 deep"),
    case("escaped NUL", 'name: "a\\0b"', "1:7", "name  the text holds a control character or half a character"),
    case("escaped colour", 'name: "\\e[31m"', "1:7", "name  the text holds a control character or half a character"),
    case("half a character", 'name: "\\ud800"', "1:10", "is not YAML: while parsing a quoted scalar"),
    case("writing backwards", 'name: "a\\u202eb"', "1:1", "name  a name may not hold control or formatting characters"),
    case("name of 300", f"name: {'x' * 300}", "1:1", "name  has 300 characters  (at most 100)"),
    case("name of nothing", "name: ''", "1:1", "name  a name needs at least one visible character"),
    case("slash for Keras", layer("{type: Flatten, name: a/b}"), "1:43", "model.layers.1.name  Keras takes no /"),
    case("markup as a class", 'optimizer: "[/red]"', "1:1", "optimizer  '[/red]' is no optimizer  (one of sgd, "),
    case("unknown key", "epoch: 1", "1:1", "epoch  is not a key of a config  (did you mean epochs?)"),
    case("unknown argument", layer("{type: Dense, units: 5, unit: 5}"), "1:51", "model.layers.1.unit  is not "),
    case("unknown layer", layer("Danse"), "1:27", "model.layers.1  'Danse' is no layer  (did you mean Dense?)"),
    case("unknown optimizer", "optimizer: adm", "1:1", "optimizer  'adm' is no optimizer  (did you mean adam?)"),
    case("unknown activation", layer("{type: Activation, activation: rleu}"), "1:46",
         "model.layers.1.activation  'rleu' is no activation  (did you mean relu?)"),
    case("unknown loss", "loss: hubber", "1:1", "loss  'hubber' is no loss  (did you mean huber?)"),
    case("unknown metric", "metrics: [acuracy]", "1:11", "metrics.0  'acuracy' is no metric  (did you mean accuracy?)"),
    case("unknown dataset", "data: {dataset: digit}", "1:8",
         "data.dataset  'digit' is no dataset  (did you mean digits?)"),
    case("activation as layer", layer("relu"), "1:27", "model.layers.1  'relu' is no layer  (it is an activation"),
    case("optimizer as layer", layer("adam"), "1:27", "model.layers.1  'adam' is no layer  (it is an optimizer)"),
    case("layer as optimizer", "optimizer: Dense", "1:1", "optimizer  'Dense' is no optimizer  (it is a layer)"),
    case("optimizer as loss", "loss: adam", "1:1", "loss  'adam' is no loss  (it is an optimizer)"),
    case("argument of others", "optimizer: {type: adam, momentum: 0.9}", "1:25",
         "optimizer.momentum  is not an argument of adam  (sgd, rmsprop, muon have it)"),
    case("abbreviation", "optimizer: {type: adam, lr: 1}", "1:25",
         "optimizer.lr  is not an argument of adam  (did you mean learning_rate?)"),
    case("no type", layer("{units: 5}"), "1:27", "model.layers.1  needs a type  (one of Dense, "),
    case("no units", layer("{type: Dense}"), "1:27", "model.layers.1.units  is missing"),
    case("no layers", "model: {layers: []}", "1:9", "model.layers  holds 0 entries  (at least 1)"),
    case("one value for two",
         "optimizer: {learning_rate: {type: PiecewiseConstantDecay, boundaries: [5], values: [1]}}", "1:76",
         "optimizer.learning_rate.values  holds 1 entry  (at least 2)"),
    case("null as layer", layer("~"), "1:27", "model.layers.1  needs a mapping of keys, not nothing"),
    case("text for a mapping", "data: digits", "1:1", "data  needs a mapping of keys, not the text 'digits'"),
    case("text for a list", "data: {ignore: a}", "1:8", "data.ignore  needs a list, not the text 'a'"),
    case("zero units", layer("{type: Dense, units: 0}"), "1:41", "model.layers.1.units  needs a number > 0, not 0"),
    case("negative units", layer("{type: Dense, units: -5}"), "1:41", "model.layers.1.units  needs a number > 0"),
    case("absurd units", layer("{type: Dense, units: 10000001}"), "1:41", "model.layers.1.units  needs a number ≤ "),
    case("zero batch", "batch_size: 0", "1:1", "batch_size  needs a number > 0, not 0"),
    case("absurd batch", "batch_size: 10000001", "1:1", "batch_size  needs a number ≤ 10,000,000, not 10000001"),
    case("negative epochs", "epochs: -1", "1:1", "epochs  needs a number > 0, not -1"),
    case("absurd epochs", "epochs: 1000001", "1:1", "epochs  needs a number ≤ 1,000,000, not 1000001"),
    case("zero rate", "optimizer: {learning_rate: 0}", "1:13", "optimizer.learning_rate  needs a number > 0, not 0"),
    case("absurd rate", "optimizer: {learning_rate: 1e9}", "1:13", "optimizer.learning_rate  needs a number ≤ 1000"),
    case("rate of dropout", layer("{type: Dropout, rate: 1.5}"), "1:43", "model.layers.1.rate  needs a number ≤ 1"),
    case("more than memory", layer("{type: Dense, units: 9000000}, {type: Dense, units: 9000000}"), "1:9",
         "model.layers  the weights, their gradients and the optimizer's memory take 972,008 GB, and this machine has"),
    case("image layer on a vector", layer("{type: Conv2D, filters: 3, kernel_size: 3}"), "1:27",
         "model.layers.1  layer conv2d: Conv2D takes (height, width, channels) and gets (64,): put Reshape before it"),
    case("image layer on a plane", f"model: {{layers: [MaxPooling2D, Flatten, {OUTPUT}]}}", "1:18",
         "model.layers.0  layer max_pooling2d: MaxPooling2D takes (height, width, channels) and gets (8, 8): "
         "put {type: Reshape, target_shape: [8, 8, 1]} before it"),
    case("7 outputs of 10", "model: {layers: [Flatten, {type: Dense, units: 7}]}", "1:41",
         "model.layers.1.units  layer dense ends the stack with (None, 7), but digits has 10 classes and needs "
         "(None, 10)  (units: 10)"),
    case("name of a layer twice", layer("{type: Dense, units: 9, name: a}, {type: Dense, units: 9, name: a}"), "1:61",
         "model.layers.2  the name a is taken by layer 1; every layer needs its own"),
    case("loss of two classes", "loss: binary_crossentropy", "1:1", "loss  binary_crossentropy is for two classes"),
    case("class that is not", "loss: {type: sparse_categorical_crossentropy, ignore_class: 10}", "1:47",
         "loss.ignore_class  is no class: they are numbered 0 to 9"),
    case("metric of other labels", "metrics: [categorical_accuracy]", "1:11", "metrics.0  categorical_accuracy needs "),
]  # fmt: skip
"""`key: value` in the first line: a file, a parent, or an override can say it."""

TEXTS = [
    case("number for a name", "name: 7", "1:1", "name  needs text, not 7"),
    case("alias to nothing", "name: *a", "1:7", "the alias *a has no value before it to stand for"),
    case("alias to itself", "name: &a {b: *a}", "1:14", "the alias *a has no value before it to stand for"),
    case("python object", "name: !!python/object/apply:os.system [ls]", "1:7", "name  the tag "),
    case("binary", "name: !!binary AAAA", "1:7", "name  the tag tag:yaml.org,2002:binary has no meaning"),
    case("set", "name: !!set {a}", "1:7", "name  the tag tag:yaml.org,2002:set has no meaning"),
    case("two documents", "seed: 1\n---\nseed: 2", "2:1", "starts a second document"),
    case("key twice", "seed: 1\n\nseed: 2", "3:1", "seed  the key stands twice, first in line 1  (keep one of them)"),
    case("key twice in a line", "data: {dataset: digits, dataset: iris}", "1:25", "data.dataset  the key stands twice"),
    case("tab", "model:\n\tlayers: [Flatten]\n", "2:1", "is not YAML: "),
    case("bracket open", "model: {layers: [Flatten}\n", "1:25", "is not YAML: while parsing a flow sequence"),
    case("two colons", "epochs: 1\nname: a: b", "2:8", "is not YAML: mapping values are not allowed"),
    case("NUL", "epochs: 1\nname: a\x00b", "2:8", "holds the control character U+0000"),
    case("colour", "epochs: 1\nname: a\x1b[31m", "2:8", "holds the control character U+001B"),
    case("Latin-1", "epochs: 1\nname: café".encode("latin-1"), "2:10", "is not UTF-8 text  (save the file as UTF-8)"),
    case("UTF-16", "epochs: 1".encode("utf-16"), "1:1", "is not UTF-8 text  (save the file as UTF-8)"),
    case("merge key", "epochs: 1\n<<: {seed: 1}", "2:1", "<<  merge keys are not part of the config language"),
    case("list as key", "epochs: 1\n? [1]\n: 2", "2:3", "a key must be a word"),
    case("alias bomb", "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in
         zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst", strict=True)), "13:12",
         "holds more than 50,000 values, aliases counted"),
    case("layer in a block", "model:\n  layers:\n    - Flatten\n    - type: Dense\n      units: -1", "5:7",
         "model.layers.1.units  needs a number > 0, not -1"),
    case("grandparent missing", "epochs: 1\nextends: nowhere.yaml", "2:1", "extends  there is no nowhere.yaml"),
    case("no parent named", "epochs: 1\nextends: []", "2:1", "extends  needs the name of one config file"),
]  # fmt: skip
"""What only a file can say; on the command line such a value is the text that was typed."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a sound config, and one that extends whatever a test puts beside it."""
    monkeypatch.chdir(tmp_path)
    write("good.yaml", "epochs: 1")
    Path("child.yaml").write_text("extends: bad.yaml\nengine: keras\n")


def write(name, text):
    Path(name).write_bytes(text if isinstance(text, bytes) else whole(text).encode())


def refusal(file, *overrides):
    """The one line in which a config is refused."""
    with pytest.raises(ConfigError) as refused:
        load(file, overrides, to_train=True)
    assert refused.value.exit_code == 2
    assert str(refused.value).isprintable()
    return str(refused.value)


BY_BOTH_FILES = pytest.mark.parametrize("file", ["bad.yaml", "child.yaml"], ids=["file", "extends"])


@BY_BOTH_FILES
@pytest.mark.parametrize(("text", "place", "message"), [*VALUES, *TEXTS])
def test_a_fault_is_told_at_its_line_and_column(file, text, place, message):
    write("bad.yaml", text)
    assert refusal(file).startswith(f"bad.yaml:{place}  {message}")


@pytest.mark.parametrize(("text", "place", "message"), VALUES)
def test_an_override_is_told_the_same(text, place, message):
    override = text.replace(": ", "=", 1)
    assert refusal("good.yaml", override).startswith(f"{override}  {message}")


@pytest.mark.parametrize("text", [b"", b"Dense", b"- Dense\n"], ids=["empty", "word", "list"])
def test_what_is_no_mapping_is_no_config_and_no_parent(text):
    write("bad.yaml", text)
    assert refusal("bad.yaml").startswith("bad.yaml:1:1  is ")
    assert refusal("child.yaml").startswith("child.yaml:1:1  extends  bad.yaml is not a mapping of keys")


def directory(path):
    path.mkdir()


def unreadable(path):
    path.touch(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")


def gigabyte(path):
    path.touch()
    os.truncate(path, 2**30)


@BY_BOTH_FILES
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(directory, "is not a file", id="directory"),
        pytest.param(os.mkfifo, "is not a file", id="FIFO"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "is not a file", id="device"),
        pytest.param(unreadable, "cannot be read: Permission denied", id="unreadable"),
        pytest.param(gigabyte, "is larger than 1,000,000 bytes", id="1 GB"),
    ],
)
def test_what_is_no_readable_file_is_refused(file, make, message):
    make(Path("bad.yaml"))
    assert refusal(file).startswith(f"bad.yaml  {message}")


def test_a_circle_of_three_is_told_where_it_closes():
    for name, parent in ("ab", "bc", "ca"):
        Path(f"{name}.yaml").write_text(f"epochs: 1\nextends: {parent}.yaml\n")
    assert refusal("a.yaml") == "c.yaml:2:1  extends  goes round in a circle: a.yaml extends this file"


def test_faults_of_parent_child_and_override_come_together():
    write("bad.yaml", "seed: 1\nepoch: 1")
    Path("child.yaml").write_text("extends: bad.yaml\nbatch_size: 0\n")
    with pytest.raises(ConfigError) as refused:
        load("child.yaml", ["loss=hubber"])
    assert str(refused.value).splitlines() == [
        "bad.yaml:2:1  epoch  is not a key of a config  (did you mean epochs?)",
        "child.yaml:2:1  batch_size  needs a number > 0, not 0",
        "loss=hubber  loss  'hubber' is no loss  (did you mean huber?)",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("epochs", "is not an override  (write key.path=value", id="no equals sign"),
        pytest.param(
            "optimzer.epsilon=1", "optimzer  is not a key of a config  (did you mean optimizer?)", id="no key"
        ),
        pytest.param("layers.2.units=1", "model.layers has no 2; indices are 0 to 1, names are", id="beyond the last"),
        pytest.param(
            "layers.-1.units=1", "model.layers has no -1; indices are 0 to 1, names are", id="before the first"
        ),
        pytest.param("~layers.densee", "model.layers has no densee; indices are 0 to 1, names are", id="no such layer"),
    ],
)
def test_an_override_needs_a_place_to_go(override, message):
    assert refusal("good.yaml", override).startswith(f"{override}  {message}")


@pytest.mark.parametrize(
    ("text", "read", "value"),
    [
        pytest.param("optimizer: {learning_rate: 1e-3}", lambda e: e.optimizer.learning_rate, 0.001, id="1e-3"),
        pytest.param("optimizer: {learning_rate: 1e3}", lambda e: e.optimizer.learning_rate, 1000.0, id="1e3"),
        pytest.param("name: no", lambda e: e.name, "no", id="no is a name"),
        pytest.param("name: 2026-13-45", lambda e: e.name, "2026-13-45", id="a bad date is a name"),
        pytest.param("name: 1:30", lambda e: e.name, "1:30", id="minutes are a name"),
        pytest.param("\ufeffname: x", lambda e: e.name, "x", id="byte order mark"),
    ],
)
def test_what_looks_odd_and_is_meant(text, read, value):
    write("bad.yaml", text)
    override = text.lstrip("\ufeff").replace(": ", "=", 1)
    for file, *overrides in (("bad.yaml",), ("child.yaml",), ("good.yaml", override)):
        assert read(load(file, overrides).experiment) == value


@pytest.mark.parametrize(
    ("name", "directory"),
    [
        ("../../etc", "etc"),
        ("/etc/passwd", "etc-passwd"),
        ("-rf", "rf"),
        ("'[/red]'", "red"),
        ("...", "run"),
        ("x" * 100, "x" * 60),
        ("패" * 100, "패" * 20),
    ],
)
def test_a_name_never_leads_a_run_elsewhere(name, directory):
    write("bad.yaml", f"name: {name}")
    assert slug(load("bad.yaml").experiment.name) == directory


@pytest.mark.parametrize("verb", ["check", "train"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("epoch: 1", "bad.yaml:1:1  epoch  is not a key of a config  (did you mean epochs?)", id="key"),
        pytest.param("name: a: b", "bad.yaml:1:8  is not YAML: mapping values are not allowed", id="YAML"),
        pytest.param('optimizer: "[/red]\\n"', "bad.yaml:1:1  optimizer  '[/red]�' is no optimizer", id="markup"),
        pytest.param("extends: x.yaml", "bad.yaml:1:1  extends  there is no x.yaml", id="parent"),
        pytest.param("batch_size: 0", "bad.yaml:1:1  batch_size  needs a number > 0, not 0", id="bound"),
    ],
)
def test_the_program_prints_the_line_and_trains_nothing(dnn, verb, text, line):
    write("bad.yaml", text)
    done = dnn(verb, "child.yaml")
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    (printed,) = (done.stdout + done.stderr).splitlines()
    assert printed.startswith(line)
    assert not Path("runs").exists()
