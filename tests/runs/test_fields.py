import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.entry import read_entry
from dnn_cli.runs.fields import (
    ABSENT,
    check_known,
    getter,
    in_order,
    known_fields,
    natural,
    nearest_field,
    reads_config,
)
from dnn_cli.runs.labels import Labels, write_labels
from dnn_cli.runs.record import Membership

BLOCK = """\
name: deep
data: {dataset: digits}
model:
  layers:
    - Flatten
    - {repeat: 2, name: body, layers: [{type: Dense, units: 7, activation: relu, name: inner}]}
    - {type: Dense, units: 10, activation: softmax}
optimizer:
  type: sgd
  learning_rate: {type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.9}
"""


@pytest.fixture
def entry(make_run):
    run = make_run(
        "seed=7",
        versions={"keras": "3.15.0"},
        git={"commit": "abc", "dirty": True},
        platform={"device": "CPU", "cores": 2},
        sweeps=(Membership(id="abcd1234", name="optimizers", settings={}),),
    )
    write_labels(run, Labels(tags=("paper", "best"), note="mind this"))
    return read_entry(run).detailed()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "00000001"),
        ("name", "digits"),
        ("status", "completed"),
        ("reason", None),
        ("seconds", 2.0),
        ("trained", 2),
        ("engine", "keras"),
        ("device", "CPU"),
        ("tag", ("paper", "best")),
        ("note", "mind this"),
        ("sweep", ("abcd1234", "optimizers")),
        ("fingerprint", "sha256:0"),
        ("best.val_accuracy", 0.8),
        ("best.epoch", 2),
        ("last.epoch", 2),
        ("best.auc", ABSENT),
        ("model.val_loss", ABSENT),
        ("model.name", "sequential"),
        ("parameters", 1210),
        ("parameters.trainable", 1210),
        ("versions.keras", "3.15.0"),
        ("versions.jax", ABSENT),
        ("platform.cores", 2),
        ("git.dirty", True),
        ("optimizer", "adam"),
        ("optimizer.type", "adam"),
        ("optimizer.learning_rate", 0.001),
        ("optimizer.momentum", ABSENT),
        ("loss", "sparse_categorical_crossentropy"),
        ("metrics", ("accuracy",)),
        ("layers", ("Flatten", "Dense", "Dense")),
        ("layers.hidden.units", 16),
        ("model.layers.hidden.units", 16),
        ("layers.1.units", 16),
        ("layers.flatten", "Flatten"),
        ("layers.hidden.kernel_initializer", "glorot_uniform"),
        ("layers.9.units", ABSENT),
        ("layers.hidden.units.x", ABSENT),
        ("data.dataset", "digits"),
        ("seed", 7),
        ("epochs", 2),
        ("batch_size", 32),
        ("early_stopping", ABSENT),
        ("", ABSENT),
        ("a..b", ABSENT),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_is_what_the_files_say(entry, field, value):
    found = getter(field)(entry)
    assert found is value or found == value


def test_age_counts_from_the_start(entry):
    assert getter("age")(entry) > 86_400


def test_layers_within_blocks_and_schedules_are_found(make_run):
    entry = read_entry(make_run(text=BLOCK)).detailed()
    found = {
        field: getter(field)(entry)
        for field in ("layers.inner.units", "layers.body.repeat", "layers.dense.units", "optimizer.learning_rate",
                      "optimizer.learning_rate.decay_steps")
    }  # fmt: skip
    assert list(found.values()) == [7, 2, 10, "ExponentialDecay", 10]


def test_a_broken_run_has_the_few_fields_that_are_known(make_run):
    run = make_run()
    run.record.write_text("{")
    entry = read_entry(run)
    fields = ("id", "name", "status", "dir", "seconds", "best.val_accuracy", "seed", "age")
    found = {field: getter(field)(entry) for field in fields}
    assert list(found.values()) == [
        "00000001", run.directory.name, "broken", str(run.directory), ABSENT, ABSENT, ABSENT, ABSENT,
    ]  # fmt: skip
    assert "not JSON" in getter("reason")(entry)


@pytest.mark.parametrize("started", ["\x1b[31m", "", "9999-99", "0001-01-01T00:00:00+00:00", "2026-01-01"], ids=ascii)
def test_no_time_is_too_strange_for_an_age(make_run, started):
    age = getter("age")(read_entry(make_run(started=started)))
    assert age is None or age > 0


@pytest.mark.parametrize(
    ("field", "config"),
    [("seed", True), ("model.name", True), ("layers.0", True), ("model.layers.0", True), ("model.val_loss", False),
     ("best.x", False), ("tag", False), ("parameters.total", False), ("device", False)],
)  # fmt: skip
def test_what_needs_the_config_is_known(field, config):
    assert reads_config(field) is config


def test_every_known_field_can_be_read(entry):
    names = known_fields([entry])
    assert {"best.val_accuracy", "optimizer.learning_rate", "layers.hidden.units", "data.dataset"} <= set(names)
    assert len(names) == len(set(names))
    assert [name for name in names if getter(name)(entry) is ABSENT] == []


@pytest.mark.parametrize(
    ("field", "near"),
    [("val_accuracy", "best.val_accuracy"), ("best.val_acuracy", "best.val_accuracy"),
     ("learning_rate", "optimizer.learning_rate"), ("optimiser", "optimizer"), ("tags", "tag"),
     ("lr", "optimizer.learning_rate"), ("optimizer.lr", "optimizer.learning_rate"), ("date", "started")],
)  # fmt: skip
def test_the_nearest_field_is_offered(entry, field, near):
    assert nearest_field(field, [entry]) == f"did you mean {near}?"
    with pytest.raises(UsageError, match=f"no run has the field {field}"):
        check_known([field], [entry])


def test_where_there_are_no_runs_no_field_is_unknown():
    check_known(["anything"], [])


def test_an_order_puts_runs_without_the_field_last(make_run):
    for digits, curve, name in (("00000001", (0.7,), "run10"), ("00000002", (), "run9"), ("00000003", (0.9,), "run1")):
        make_run(f"name={name}", digits=digits, curve=curve)
    broken = make_run(digits="00000004")
    broken.record.write_text("{")
    entries = [read_entry(type(broken)(path)) for path in sorted(broken.directory.parent.iterdir())]

    def ids(order):
        return "".join(entry.run.directory.name[-1] for entry in in_order(entries, order))

    assert ids("best.val_accuracy")[:2] == "13"
    assert ids("-best.val_accuracy")[:2] == "31"
    assert set(ids("-best.val_accuracy")[2:]) == {"2", "4"}
    assert [digit for digit in ids("name") if digit != "4"] == ["3", "2", "1"]
    with pytest.raises(UsageError, match="no run has the field bst"):
        in_order(entries, "-bst")


def test_numbers_in_texts_count_as_numbers():
    texts = ["", "3.9", "3.15", "run", "run2", "run10", "run" + "9" * 5000]
    reversed_texts = texts[::-1]
    assert sorted(reversed_texts, key=natural) == texts
