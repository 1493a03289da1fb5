import pytest

from dnn_cli.errors import UsageError
from dnn_cli.report.runs_table import build_fields_cells
from dnn_cli.runs.annotations import Annotations, write_annotations
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.query.fields import (
    build_getter,
    check_fields,
    format_field_suggestion,
    is_config_field,
    list_fields,
    sort_runs,
    split_numbers,
)
from dnn_cli.runs.query.parser import filter_runs
from dnn_cli.runs.query.run_columns import ABSENT
from dnn_cli.runs.record import Membership
from dnn_cli.runs.run_info import read_run_info
from dnn_cli.runs.store import Store

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
def run_info(make_run):
    run = make_run(
        "seed=7",
        versions={"keras": "3.15.0"},
        git={"commit": "abc", "dirty": True},
        platform={"device": "CPU", "cores": 2},
        sweeps=(Membership(id="abcd1234", name="optimizers", settings={}),),
    )
    write_annotations(run, Annotations(tags=("paper", "best"), note="mind this"))
    return read_run_info(run).with_details()


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
def test_field_values_come_from_the_files(run_info, field, value):
    result = build_getter(field)(run_info)
    assert result is value or result == value


def test_age_counts_from_the_start(run_info):
    assert build_getter("age")(run_info) > 86_400


def test_nested_layers_and_schedules_have_fields(make_run):
    run_info = read_run_info(make_run(text=BLOCK)).with_details()
    values = {
        field: build_getter(field)(run_info)
        for field in ("layers.inner.units", "layers.body.repeat", "layers.dense.units", "optimizer.learning_rate",
                      "optimizer.learning_rate.decay_steps")
    }  # fmt: skip
    assert list(values.values()) == [7, 2, 10, "ExponentialDecay", 10]


def test_unreadable_run_has_few_fields(make_run):
    run = make_run()
    run.record.write_text("{")
    run_info = read_run_info(run)
    fields = ("id", "name", "status", "dir", "seconds", "best.val_accuracy", "seed", "age")
    values = {field: build_getter(field)(run_info) for field in fields}
    assert list(values.values()) == [
        "00000001", run.directory.name, "broken", str(run.directory), ABSENT, ABSENT, ABSENT, ABSENT,
    ]  # fmt: skip
    assert "not JSON" in build_getter("reason")(run_info)


@pytest.mark.parametrize("started", ["\x1b[31m", "", "9999-99", "0001-01-01T00:00:00+00:00", "2026-01-01"], ids=ascii)
def test_age_accepts_any_start_time(make_run, started):
    age = build_getter("age")(read_run_info(make_run(started=started)))
    assert age is None or age > 0


@pytest.mark.parametrize(
    ("field", "config"),
    [("seed", True), ("model.name", True), ("layers.0", True), ("model.layers.0", True), ("model.val_loss", False),
     ("best.x", False), ("tag", False), ("parameters.total", False), ("device", False)],
)  # fmt: skip
def test_config_fields_are_recognized(field, config):
    assert is_config_field(field) is config


def test_every_listed_field_can_be_read(run_info):
    names = list_fields([run_info])
    assert {"best.val_accuracy", "optimizer.learning_rate", "layers.hidden.units", "data.dataset"} <= set(names)
    assert len(names) == len(set(names))
    assert [name for name in names if build_getter(name)(run_info) is ABSENT] == []


@pytest.mark.parametrize(
    ("field", "near"),
    [("val_accuracy", "best.val_accuracy"), ("best.val_acuracy", "best.val_accuracy"),
     ("learning_rate", "optimizer.learning_rate"), ("optimiser", "optimizer"), ("tags", "tag"),
     ("lr", "optimizer.learning_rate"), ("optimizer.lr", "optimizer.learning_rate"), ("date", "started")],
)  # fmt: skip
def test_nearest_field_is_suggested(run_info, field, near):
    assert format_field_suggestion(field, [run_info]) == f"did you mean {near}?"
    with pytest.raises(UsageError, match=f"no run has the field {field}"):
        check_fields([field], [run_info])


def test_any_field_is_accepted_without_runs():
    check_fields(["anything"], [])


def test_runs_without_the_field_are_sorted_last(make_run):
    for digits, curve, name in (("00000001", (0.7,), "run10"), ("00000002", (), "run9"), ("00000003", (0.9,), "run1")):
        make_run(f"name={name}", digits=digits, curve=curve)
    broken = make_run(digits="00000004")
    broken.record.write_text("{")
    runs = [read_run_info(type(broken)(path)) for path in sorted(broken.directory.parent.iterdir())]

    def ids(order):
        return "".join(run_info.run.directory.name[-1] for run_info in sort_runs(runs, order))

    assert ids("best.val_accuracy")[:2] == "13"
    assert ids("-best.val_accuracy")[:2] == "31"
    assert set(ids("-best.val_accuracy")[2:]) == {"2", "4"}
    assert [digit for digit in ids("name") if digit != "4"] == ["3", "2", "1"]
    with pytest.raises(UsageError, match="no run has the field bst"):
        sort_runs(runs, "-bst")


def test_numbers_in_texts_are_sorted_numerically():
    texts = ["", "3.9", "3.15", "run", "run2", "run10", "run" + "9" * 5000]
    reversed_texts = texts[::-1]
    assert sorted(reversed_texts, key=split_numbers) == texts


def build_evaluation(accuracy, day=2, **more):
    """What an evaluation on a day of January 2026 found; the made runs ended on the first."""
    values = {"split": "test", "examples": 450, **more}
    return Evaluation(at=f"2026-01-{day:02d}T00:00:00+00:00", scores={"loss": 0.5, "accuracy": accuracy}, **values)


@pytest.fixture
def runs(make_run, tmp_path):
    """Three runs, of which one was never evaluated."""
    make_run(digits="00000001", evaluated=(build_evaluation(0.7), build_evaluation(0.9, split="validation")))
    make_run(
        digits="00000002",
        evaluated=(build_evaluation(0.8, 2), build_evaluation(0.6, 3), build_evaluation(0.95, 4, model="best.keras")),
    )
    make_run(digits="00000003")
    return Store(tmp_path / "runs")


def test_last_evaluation_of_model_keras_is_used(runs):
    scores = {run_info.record.id: build_getter("test_accuracy")(run_info) for run_info in runs.list_runs()}
    assert (scores["00000001"], scores["00000002"], scores["00000003"]) == (0.7, 0.6, ABSENT)
    assert [run_info.record.id for run_info in filter_runs(runs.list_runs(), "test_accuracy > 0.65")] == ["00000001"]


def test_best_model_has_its_own_field(runs):
    assert [run_info.record.id for run_info in filter_runs(runs.list_runs(), "best.test_accuracy > 0.9")] == [
        "00000002"
    ]


def test_fields_and_addresses_know_test_scores(runs):
    assert {"test_loss", "test_accuracy", "best.test_accuracy"} <= set(list_fields(runs.list_runs()))
    assert runs.find("best:test_accuracy").directory.name.endswith("00000001")
    assert runs.find("best:test_loss").directory.name.endswith(("00000001", "00000002"))


def test_best_model_score_is_suggested_if_only_it_was_evaluated(make_run, tmp_path):
    make_run(evaluated=(build_evaluation(0.95, model="best.keras"),))
    store = Store(tmp_path / "runs")
    with pytest.raises(UsageError) as error:
        check_fields(["test_accuracy"], store.list_runs())
    assert error.value.suggestion == "did you mean best.test_accuracy?"
    assert build_fields_cells(store.list_runs(), ["id", "best.test_accuracy"]).headers == ["id", "best.test_accuracy"]
    assert store.find("best:best.test_accuracy")


def test_evaluate_command_is_suggested_without_test_scores(make_run, tmp_path):
    make_run()
    store = Store(tmp_path / "runs")
    with pytest.raises(UsageError, match="no run has the field test_accuracy") as error:
        check_fields(["test_accuracy"], store.list_runs())
    assert "dnn evaluate RUN" in error.value.suggestion
    with pytest.raises(UsageError) as error:
        store.find("best:test_accuracy")
    assert "dnn evaluate RUN" in error.value.suggestion


def test_resumed_run_has_no_scores_of_earlier_weights(make_run):
    run = make_run(evaluated=(build_evaluation(0.7),), ended="2026-01-03T00:00:00+00:00")
    assert read_run_info(run).record.find_test_evaluation() is None
    run = make_run(evaluated=(build_evaluation(0.7),), ended="2026-01-01T00:00:00+00:00", digits="00000002")
    assert read_run_info(run).record.get_test_scores() == {"test_loss": 0.5, "test_accuracy": 0.7}
