import pytest

from dnn_cli.compare.comparison import compare
from dnn_cli.errors import UsageError
from dnn_cli.runs.store import Store


@pytest.fixture
def store(tmp_path, make_run):
    make_run("name=sgd", "optimizer=sgd", digits="00000001", curve=(0.1, 0.5, 0.4))
    make_run("name=adam", digits="00000002", curve=(0.7, 0.8))
    make_run("name=adam", "seed=43", digits="00000003", curve=(0.7, 0.9))
    return Store(tmp_path / "runs")


def test_rows_are_sorted_by_their_best_score(store):
    compared = compare(store.entries())
    assert [(row.record.name, row.best, row.last) for row in compared.rows] == [
        ("adam", 0.9, 0.9), ("adam", 0.8, 0.8), ("sgd", 0.5, 0.4),
    ]  # fmt: skip


def test_a_loss_is_better_when_smaller(store):
    compared = compare(store.entries(), metric="val_loss")
    assert [round(row.best, 6) for row in compared.rows] == [0.1, 0.2, 0.5]
    assert compared.groups[0].name == "adam"


def test_a_metric_has_keras_s_short_name(store):
    entries = store.detailed(store.entries())
    assert compare(entries, "val_acc").metric == "val_accuracy"


@pytest.mark.parametrize(
    ("order", "names"),
    [("name", ["adam", "adam", "sgd"]), ("epochs", ["adam", "adam", "sgd"]), ("started", ["sgd", "adam", "adam"])],
    ids=str,
)
def test_other_orders(store, order, names):
    assert [row.record.name for row in compare(store.entries(), sort_by=order).rows] == names


def test_runs_that_differ_in_the_seed_alone_are_one_group(store):
    compared = compare(store.entries())
    assert [(group.name, group.seeds, round(group.mean, 6)) for group in compared.groups] == [
        ("adam", [42, 43], 0.85), ("sgd", [42], 0.4),
    ]  # fmt: skip
    assert compared.groups[0].settings == {"optimizer": "adam"}


def test_what_is_broken_or_not_completed_is_left_out_and_hides_nothing(store, make_run):
    make_run("name=nan", digits="00000004", status="diverged", reason="the loss", curve=())
    make_run("name=torn", digits="00000005").metrics.write_text("epoch,val_accuracy\n1\n")
    make_run("name=odd", digits="00000006").config.write_text("model: 3\n")
    make_run("name=gone", digits="00000007").record.unlink()
    make_run("name=empty", digits="00000008").metrics.unlink()
    compared = compare(store.entries())
    assert len(compared.rows) == 3
    assert {e.run.directory.name[16:-9]: e.broken or e.record.status for e in compared.left_out} == {
        "gone": "run.json is missing",
        "odd": "config.yaml: name is missing",
        "torn": "metrics.csv is damaged: float() argument must be a string or a real number, not 'NoneType'",
        "nan": "diverged",
        "empty": "metrics.csv is missing or has no row, though the run is completed",
    }


def test_runs_on_other_data_are_warned_of(store, make_run):
    make_run("name=other", digits="00000008", data={"dataset": "digits", "fingerprint": "sha256:1"})
    assert "different data" in compare(store.entries()).warnings[0]


def test_runs_on_another_split_are_warned_of(store, make_run):
    make_run("name=other", "data.split_seed=1", digits="00000008")
    assert "different examples" in compare(store.entries()).warnings[0]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [({"metric": "val_acuracy"}, "did you mean val_accuracy?"), ({"sort_by": "tame"}, "did you mean name?")],
    ids=str,
)
def test_an_unknown_column_is_refused_with_the_nearest(store, arguments, hint):
    with pytest.raises(UsageError) as refused:
        compare(store.entries(), **arguments)
    assert refused.value.hint == hint


def test_a_run_without_the_metric_is_left_out_aloud(store, make_run):
    run = make_run("name=bare", digits="00000009")
    run.write_metrics([{"epoch": 1, "loss": 0.5, "val_loss": 0.5, "learning_rate": 0.1, "seconds": 1.0}])
    compared = compare(store.entries())
    assert [entry.broken for entry in compared.left_out] == ["has no val_accuracy"]


def test_names_of_layers_make_no_other_experiment(tmp_path, make_run):
    make_run("name=plain", digits="00000001")
    make_run("name=named", "layers.hidden.name=other", "layers.output.name=last", digits="00000002")
    compared = compare(Store(tmp_path / "runs").entries())
    assert [len(group.rows) for group in compared.groups] == [1]
    assert [(repeat.run, repeat.counted, repeat.is_copy) for repeat in compared.repeats] == [
        ("00000001", "00000002", True)
    ]


def test_a_time_is_no_score(store):
    with pytest.raises(UsageError, match="no completed run has the metric seconds"):
        compare(store.entries(), metric="seconds")


def test_no_runs_are_no_error(tmp_path):
    compared = compare(Store(tmp_path).entries())
    assert (compared.rows, compared.groups, compared.family.verdicts, compared.warnings) == ((), (), (), ())


def test_a_group_is_called_as_most_of_its_runs(tmp_path, make_run):
    for seed, name in enumerate(("old", "old", "new"), 1):
        make_run(f"name={name}", f"seed={seed}", digits=f"0000000{seed}")
    (group,) = compare(Store(tmp_path / "runs").entries()).groups
    assert group.name == "old"


@pytest.mark.parametrize(
    ("baseline", "name"),
    [("sgd", "sgd"), ("00000003", "adam"), ("43", None), ("", None)],
    ids=["name", "id", "no group", "empty"],
)
def test_a_baseline_is_named_in_several_ways(store, baseline, name):
    if name is None:
        with pytest.raises(UsageError, match="fits no group"):
            compare(store.entries(), baseline=baseline)
    else:
        assert compare(store.entries(), baseline=baseline).family.reference.name == name


def test_a_baseline_may_be_a_setting_where_names_are_equal(tmp_path, make_run):
    for number, overrides in enumerate((["optimizer=adam"], ["batch_size=16"], ["optimizer=sgd"]), 1):
        make_run(*overrides, digits=f"0000000{number}")
    entries = Store(tmp_path / "runs").entries()
    assert compare(entries, baseline="sgd").family.reference.settings["optimizer"] == "sgd"
    with pytest.raises(UsageError, match="fits 2 groups"):
        compare(entries, baseline="adam")
