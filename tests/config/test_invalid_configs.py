"""Every kind of invalid config, from every source: the message is one line with the location."""

import os
from pathlib import Path

import pytest

from dnn_cli.config.identifiers import make_slug
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import ConfigError

OUTPUT = "{type: Dense, units: 10, activation: softmax}"
VALID_LINES = {"model": f"model: {{layers: [Flatten, {OUTPUT}]}}", "data": "data: {dataset: digits}"}


def complete_config(text):
    """A config with the keys in question first, then those that it lacks."""
    return "\n".join([text, *(line for key, line in VALID_LINES.items() if not text.startswith(key)), ""])


def build_layer_line(text):
    return f"model: {{layers: [Flatten, {text}, {OUTPUT}]}}"


def build_case(name, text, location, message):
    return pytest.param(text, location, message, id=name)


VALUE_CASES = [
    build_case("no for a number", "epochs: no", "1:1", "epochs  needs a whole number, not the text 'no'"),
    build_case("off for false", "data: {dataset: digits, flatten: off}", "1:25", "data.flatten  needs true or false"),
    build_case("no as a key", "no: 1", "1:1", "no  is not a key of a config  (the keys are name, seed, "),
    build_case("octal", "epochs: 010", "1:1", "epochs  needs a whole number, not the text '010'  (did you mean 10?)"),
    build_case("minutes", "epochs: 1:30", "1:1", "epochs  needs a whole number, not the text '1:30'"),
    build_case("underscore", "epochs: 1_000", "1:1", "epochs  needs a whole number, not the text '1_000'"),
    build_case(
        "date for a number", "epochs: 2026-13-45", "1:1", "epochs  needs a whole number, not the text '2026-13-45'"
    ),
    build_case("whole float", "epochs: 10.0", "1:1", "epochs  needs a whole number, not 10.0  (did you mean 10?)"),
    build_case(
        "quoted number", 'epochs: "10"', "1:1", "epochs  needs a whole number, not the text '10'  (did you mean 10?)"
    ),
    build_case("true for a number", "epochs: true", "1:1", "epochs  needs a whole number, not true"),
    build_case(
        "nan", "optimizer: {learning_rate: .nan}", "1:28", "optimizer.learning_rate  .nan is not a finite number"
    ),
    build_case(
        "inf", "optimizer: {learning_rate: .inf}", "1:28", "optimizer.learning_rate  .inf is not a finite number"
    ),
    build_case("overflow", "optimizer: {learning_rate: 1.0e+400}", "1:28", "optimizer.learning_rate  the number is"),
    build_case("5,000 digits", f"seed: {'9' * 5000}", "1:7", "seed  the number is too large"),
    build_case("900 lists deep", f"name: {'[' * 900}", "1:57", "is nested more than 50 levels deep"),
    build_case(
        "3,000 mappings deep", f"name: {'{a: ' * 3000}1{'}' * 3000}", "1:207", "is nested more than 50 levels deep"
    ),
    build_case(
        "escaped NUL", 'name: "a\\0b"', "1:7", "name  the text contains a control character or half of a character"
    ),
    build_case(
        "escaped colour", 'name: "\\e[31m"', "1:7", "name  the text contains a control character or half of a character"
    ),
    build_case("half a character", 'name: "\\ud800"', "1:10", "is not valid YAML: while parsing a quoted scalar"),
    build_case(
        "writing backwards",
        'name: "a\\u202eb"',
        "1:1",
        "name  a name must not contain control or formatting characters",
    ),
    build_case("name of 300", f"name: {'x' * 300}", "1:1", "name  has 300 characters  (write at most 100)"),
    build_case(
        "column without a type",
        "data: {dataset: csv, path: t.csv, columns: {a: null}}",
        "1:45",
        "data.columns.a  needs a mapping of keys, not an empty value  (use one of number, category, boolean, date)",
    ),
    build_case(
        "column without a name",
        'data: {dataset: csv, path: t.csv, columns: {"": number}}',
        "1:45",
        "data.columns.  the name has 0 characters  (write at least 1)",
    ),
    build_case(
        "number for missing cells",
        "data: {dataset: csv, path: t.csv, columns: {a: number}, missing: [-9]}",
        "1:67",
        'data.missing.0  needs text, not -9  (did you mean "-9"?)',
    ),
    build_case(
        "short format of dates",
        "data: {dataset: csv, path: t.csv, columns: {a: {type: date, format: '%'}}}",
        "1:61",
        "data.columns.a.format  has 1 character  (write at least 2)",
    ),
    build_case(
        "format with a part twice",
        "data: {dataset: csv, path: t.csv, columns: {a: {type: date, format: '%d %d'}}}",
        "1:61",
        "data.columns.a.format  has a part of a date twice: use parts such as %d/%m/%Y %H:%M",
    ),
    build_case("name of nothing", "name: ''", "1:1", "name  a name needs at least one visible character"),
    build_case(
        "slash for Keras",
        build_layer_line("{type: Flatten, name: a/b}"),
        "1:43",
        "model.layers.1.name  Keras does not accept /",
    ),
    build_case(
        "markup as a class", 'optimizer: "[/red]"', "1:1", "optimizer  '[/red]' is not an optimizer  (use one of sgd, "
    ),
    build_case("unknown key", "epoch: 1", "1:1", "epoch  is not a key of a config  (did you mean epochs?)"),
    build_case(
        "unknown argument", build_layer_line("{type: Dense, units: 5, unit: 5}"), "1:51", "model.layers.1.unit  is not "
    ),
    build_case(
        "range in the wrong order",
        build_layer_line("{type: AutoContrast, value_range: [1, 0]}"),
        "1:48",
        "model.layers.1.value_range  the first number must be smaller than the second number",
    ),
    build_case(
        "layer that is left out",
        build_layer_line("{type: Attention}"),
        "1:28",
        "model.layers.1  Attention is left out: it takes several inputs, and a layer of a stack has one  (dnn help ",
    ),
    build_case(
        "even window",
        build_layer_line("{type: RandomGaussianBlur, kernel_size: 4}"),
        "1:54",
        "model.layers.1.kernel_size  a window needs an odd number of pixels",
    ),
    build_case(
        "unknown layer",
        build_layer_line("Danse"),
        "1:27",
        "model.layers.1  'Danse' is not a layer  (did you mean Dense?)",
    ),
    build_case(
        "unknown optimizer", "optimizer: adm", "1:1", "optimizer  'adm' is not an optimizer  (did you mean adam?)"
    ),
    build_case(
        "unknown activation",
        build_layer_line("{type: Activation, activation: rleu}"),
        "1:46",
        "model.layers.1.activation  'rleu' is not an activation  (did you mean relu?)",
    ),
    build_case("unknown loss", "loss: hubber", "1:1", "loss  'hubber' is not a loss  (did you mean huber?)"),
    build_case(
        "unknown metric", "metrics: [acuracy]", "1:11", "metrics.0  'acuracy' is not a metric  (did you mean accuracy?)"
    ),
    build_case(
        "unknown dataset",
        "data: {dataset: digit}",
        "1:8",
        "data.dataset  'digit' is not a dataset  (did you mean digits?)",
    ),
    build_case(
        "activation as layer",
        build_layer_line("relu"),
        "1:27",
        "model.layers.1  'relu' is not a layer  (write {type: Activation, activation: relu}",
    ),
    build_case(
        "optimizer as layer",
        build_layer_line("adam"),
        "1:27",
        "model.layers.1  'adam' is not a layer  (adam is an optimizer)",
    ),
    build_case(
        "layer as optimizer", "optimizer: Dense", "1:1", "optimizer  'Dense' is not an optimizer  (Dense is a layer)"
    ),
    build_case("optimizer as loss", "loss: adam", "1:1", "loss  'adam' is not a loss  (adam is an optimizer)"),
    build_case(
        "argument of others",
        "optimizer: {type: adam, momentum: 0.9}",
        "1:25",
        "optimizer.momentum  is not an argument of adam  (sgd, rmsprop, muon have this argument)",
    ),
    build_case(
        "abbreviation",
        "optimizer: {type: adam, lr: 1}",
        "1:25",
        "optimizer.lr  is not an argument of adam  (did you mean learning_rate?)",
    ),
    build_case("no type", build_layer_line("{units: 5}"), "1:27", "model.layers.1  needs a type  (use one of Dense, "),
    build_case("no units", build_layer_line("{type: Dense}"), "1:27", "model.layers.1.units  is missing"),
    build_case("no layers", "model: {layers: []}", "1:9", "model.layers  has 0 entries  (write at least 1)"),
    build_case(
        "one value for two",
        "optimizer: {learning_rate: {type: PiecewiseConstantDecay, boundaries: [5], values: [1]}}",
        "1:76",
        "optimizer.learning_rate.values  has 1 entry  (write at least 2)",
    ),
    build_case(
        "null as layer", build_layer_line("~"), "1:27", "model.layers.1  needs a mapping of keys, not an empty value"
    ),
    build_case("text for a mapping", "data: digits", "1:1", "data  needs a mapping of keys, not the text 'digits'"),
    build_case("text for a list", "data: {ignore: a}", "1:8", "data.ignore  needs a list, not the text 'a'"),
    build_case(
        "zero units",
        build_layer_line("{type: Dense, units: 0}"),
        "1:41",
        "model.layers.1.units  needs a number > 0, not 0",
    ),
    build_case(
        "negative units",
        build_layer_line("{type: Dense, units: -5}"),
        "1:41",
        "model.layers.1.units  needs a number > 0",
    ),
    build_case(
        "absurd units",
        build_layer_line("{type: Dense, units: 10000001}"),
        "1:41",
        "model.layers.1.units  needs a number ≤ ",
    ),
    build_case("zero batch", "batch_size: 0", "1:1", "batch_size  needs a number > 0, not 0"),
    build_case("absurd batch", "batch_size: 10000001", "1:1", "batch_size  needs a number ≤ 10,000,000, not 10000001"),
    build_case("negative epochs", "epochs: -1", "1:1", "epochs  needs a number > 0, not -1"),
    build_case("absurd epochs", "epochs: 1000001", "1:1", "epochs  needs a number ≤ 1,000,000, not 1000001"),
    build_case(
        "zero rate", "optimizer: {learning_rate: 0}", "1:13", "optimizer.learning_rate  needs a number > 0, not 0"
    ),
    build_case(
        "absurd rate", "optimizer: {learning_rate: 1e9}", "1:13", "optimizer.learning_rate  needs a number ≤ 1000"
    ),
    build_case(
        "rate of dropout",
        build_layer_line("{type: Dropout, rate: 1.5}"),
        "1:43",
        "model.layers.1.rate  needs a number ≤ 1",
    ),
    build_case(
        "more than memory",
        build_layer_line("{type: Dense, units: 9000000}, {type: Dense, units: 9000000}"),
        "1:9",
        "model.layers  the weights, their gradients and the optimizer's memory need 972,008 GB, but this machine has",
    ),
    build_case(
        "image layer on a vector",
        build_layer_line("{type: Conv2D, filters: 3, kernel_size: 3}"),
        "1:27",
        "model.layers.1  layer conv2d: Conv2D needs the input shape (height, width, channels), not (64,): "
        "put Reshape before this layer",
    ),
    build_case(
        "image layer on a plane",
        f"model: {{layers: [MaxPooling2D, Flatten, {OUTPUT}]}}",
        "1:18",
        "model.layers.0  layer max_pooling2d: MaxPooling2D needs the input shape (height, width, channels), "
        "not (8, 8): put {type: Reshape, target_shape: [8, 8, 1]} before this layer",
    ),
    build_case(
        "7 outputs of 10",
        "model: {layers: [Flatten, {type: Dense, units: 7}]}",
        "1:41",
        "model.layers.1.units  the output shape of the last layer, dense, is (None, 7), but digits has 10 classes "
        "and needs (None, 10)  (write units: 10)",
    ),
    build_case(
        "name of a layer twice",
        build_layer_line("{type: Dense, units: 9, name: a}, {type: Dense, units: 9, name: a}"),
        "1:61",
        "model.layers.2  duplicate name a, first used by layer 1; every layer needs another name",
    ),
    build_case(
        "loss of two classes", "loss: binary_crossentropy", "1:1", "loss  binary_crossentropy is for two classes"
    ),
    build_case(
        "class that is not",
        "loss: {type: sparse_categorical_crossentropy, ignore_class: 10}",
        "1:47",
        "loss.ignore_class  is not a class: the numbers of classes are 0 to 9",
    ),
    build_case(
        "metric of other labels", "metrics: [categorical_accuracy]", "1:11", "metrics.0  categorical_accuracy needs "
    ),
]
"""`key: value` in the first line: a file, a parent, or an override can say it."""

FILE_CASES = [
    build_case("number for a name", "name: 7", "1:1", "name  needs text, not 7"),
    build_case("alias to nothing", "name: *a", "1:7", "the alias *a needs a complete value with the anchor &a"),
    build_case("alias to itself", "name: &a {b: *a}", "1:14", "the alias *a needs a complete value with the anchor &a"),
    build_case("python object", "name: !!python/object/apply:os.system [ls]", "1:7", "name  the tag "),
    build_case("binary", "name: !!binary AAAA", "1:7", "name  the tag tag:yaml.org,2002:binary is not allowed"),
    build_case("set", "name: !!set {a}", "1:7", "name  the tag tag:yaml.org,2002:set is not allowed"),
    build_case("two documents", "seed: 1\n---\nseed: 2", "2:1", "a second YAML document starts here"),
    build_case(
        "key twice", "seed: 1\n\nseed: 2", "3:1", "seed  duplicate key, first used in line 1  (keep one of the two)"
    ),
    build_case("key twice in a line", "data: {dataset: digits, dataset: iris}", "1:25", "data.dataset  duplicate key"),
    build_case("tab", "model:\n\tlayers: [Flatten]\n", "2:1", "is not valid YAML: "),
    build_case(
        "bracket open", "model: {layers: [Flatten}\n", "1:25", "is not valid YAML: while parsing a flow sequence"
    ),
    build_case("two colons", "epochs: 1\nname: a: b", "2:8", "is not valid YAML: mapping values are not allowed"),
    build_case("NUL", "epochs: 1\nname: a\x00b", "2:8", "contains the control character U+0000"),
    build_case("colour", "epochs: 1\nname: a\x1b[31m", "2:8", "contains the control character U+001B"),
    build_case(
        "Latin-1", "epochs: 1\nname: café".encode("latin-1"), "2:10", "is not UTF-8 text  (save the file as UTF-8)"
    ),
    build_case("UTF-16", "epochs: 1".encode("utf-16"), "1:1", "is not UTF-8 text  (save the file as UTF-8)"),
    build_case("merge key", "epochs: 1\n<<: {seed: 1}", "2:1", "<<  merge keys (<<) are not supported"),
    build_case("list as key", "epochs: 1\n? [1]\n: 2", "2:3", "a key must be text"),
    build_case(
        "alias bomb",
        "a: &a [x, x]\n"
        + "".join(
            f"{new}: &{new} [*{old}, *{old}]\n"
            for old, new in zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst", strict=True)
        ),
        "13:12",
        "has more than 50,000 values, including aliases",
    ),
    build_case(
        "layer in a block",
        "model:\n  layers:\n    - Flatten\n    - type: Dense\n      units: -1",
        "5:7",
        "model.layers.1.units  needs a number > 0, not -1",
    ),
    build_case(
        "grandparent missing", "epochs: 1\nextends: nowhere.yaml", "2:1", "extends  nowhere.yaml does not exist"
    ),
    build_case("no parent named", "epochs: 1\nextends: []", "2:1", "extends  needs the name of one config file"),
]
"""What only a file can say; on the command line such a value is the text that was typed."""


@pytest.fixture(autouse=True)
def config_directory(tmp_path, monkeypatch):
    """Change to a directory with a valid config, and one that extends the config of the test."""
    monkeypatch.chdir(tmp_path)
    write_config("good.yaml", "epochs: 1")
    Path("child.yaml").write_text("extends: bad.yaml\nengine: keras\n")


def write_config(name, text):
    Path(name).write_bytes(text if isinstance(text, bytes) else complete_config(text).encode())


def read_error_line(file, *overrides):
    """The one line in which a config is refused."""
    with pytest.raises(ConfigError) as refused:
        load_experiment(file, overrides, to_train=True)
    assert refused.value.exit_code == 2
    assert str(refused.value).isprintable()
    return str(refused.value)


BY_BOTH_FILES = pytest.mark.parametrize("file", ["bad.yaml", "child.yaml"], ids=["file", "extends"])


@BY_BOTH_FILES
@pytest.mark.parametrize(("text", "location", "message"), [*VALUE_CASES, *FILE_CASES])
def test_issue_has_line_and_column(file, text, location, message):
    write_config("bad.yaml", text)
    assert read_error_line(file).startswith(f"bad.yaml:{location}  {message}")


@pytest.mark.parametrize(("text", "location", "message"), VALUE_CASES)
def test_override_gives_same_message(text, location, message):
    override = text.replace(": ", "=", 1)
    assert read_error_line("good.yaml", override).startswith(f"{override}  {message}")


@pytest.mark.parametrize("text", [b"", b"Dense", b"- Dense\n"], ids=["empty", "word", "list"])
def test_non_mapping_config_is_refused(text):
    write_config("bad.yaml", text)
    assert read_error_line("bad.yaml").startswith("bad.yaml:1:1  is ")
    assert read_error_line("child.yaml").startswith("child.yaml:1:1  extends  bad.yaml is not a mapping of keys")


def make_directory(path):
    path.mkdir()


def make_unreadable_file(path):
    path.touch(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")


def make_large_file(path):
    path.touch()
    os.truncate(path, 2**30)


@BY_BOTH_FILES
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(make_directory, "is not a file", id="directory"),
        pytest.param(os.mkfifo, "is not a file", id="FIFO"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "is not a file", id="device"),
        pytest.param(make_unreadable_file, "cannot be read: Permission denied", id="unreadable"),
        pytest.param(make_large_file, "is larger than 1,000,000 bytes", id="1 GB"),
    ],
)
def test_unreadable_file_is_refused(file, make, message):
    make(Path("bad.yaml"))
    assert read_error_line(file).startswith(f"bad.yaml  {message}")


def test_circular_extends_is_refused():
    for name, parent in ("ab", "bc", "ca"):
        Path(f"{name}.yaml").write_text(f"epochs: 1\nextends: {parent}.yaml\n")
    assert read_error_line("a.yaml") == "c.yaml:2:1  extends  forms a cycle: a.yaml extends this file"


def test_issues_of_parent_child_and_override_are_all_reported():
    write_config("bad.yaml", "seed: 1\nepoch: 1")
    Path("child.yaml").write_text("extends: bad.yaml\nbatch_size: 0\n")
    with pytest.raises(ConfigError) as refused:
        load_experiment("child.yaml", ["loss=hubber"])
    assert str(refused.value).splitlines() == [
        "bad.yaml:2:1  epoch  is not a key of a config  (did you mean epochs?)",
        "child.yaml:2:1  batch_size  needs a number > 0, not 0",
        "loss=hubber  loss  'hubber' is not a loss  (did you mean huber?)",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("epochs", "is not an override  (write KEY=VALUE", id="no equals sign"),
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
def test_override_of_missing_key_is_refused(override, message):
    assert read_error_line("good.yaml", override).startswith(f"{override}  {message}")


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
def test_unusual_values_are_accepted(text, read, value):
    write_config("bad.yaml", text)
    override = text.lstrip("\ufeff").replace(": ", "=", 1)
    for file, *overrides in (("bad.yaml",), ("child.yaml",), ("good.yaml", override)):
        assert read(load_experiment(file, overrides).experiment) == value


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
def test_name_cannot_escape_runs_directory(name, directory):
    write_config("bad.yaml", f"name: {name}")
    assert make_slug(load_experiment("bad.yaml").experiment.name) == directory


@pytest.mark.parametrize("verb", ["check", "train"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("epoch: 1", "bad.yaml:1:1  epoch  is not a key of a config  (did you mean epochs?)", id="key"),
        pytest.param("name: a: b", "bad.yaml:1:8  is not valid YAML: mapping values are not allowed", id="YAML"),
        pytest.param('optimizer: "[/red]\\n"', "bad.yaml:1:1  optimizer  '[/red]�' is not an optimizer", id="markup"),
        pytest.param("extends: x.yaml", "bad.yaml:1:1  extends  x.yaml does not exist", id="parent"),
        pytest.param("batch_size: 0", "bad.yaml:1:1  batch_size  needs a number > 0, not 0", id="bound"),
    ],
)
def test_program_prints_issue_and_trains_nothing(dnn, verb, text, line):
    write_config("bad.yaml", text)
    done = dnn(verb, "child.yaml")
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    (printed,) = (done.stdout + done.stderr).splitlines()
    assert printed.startswith(line)
    assert not Path("runs").exists()
