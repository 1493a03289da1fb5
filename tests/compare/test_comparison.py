import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.errors import UsageError
from dnn_cli.runs.store import Store


@pytest.fixture
def store(tmp_path, make_run):
    make_run("name=sgd", "optimizer=sgd", digits="00000001", curve=(0.1, 0.5, 0.4))
    make_run("name=adam", digits="00000002", curve=(0.7, 0.8))
    make_run("name=adam", "seed=43", digits="00000003", curve=(0.7, 0.9))
    return Store(tmp_path / "runs")


def test_runs_are_sorted_by_score(store):
    compared = compare_runs(store.list_runs())
    assert [
        (run_score.record.name, run_score.best_score, run_score.last_score) for run_score in compared.run_scores
    ] == [
        ("adam", 0.9, 0.9),
        ("adam", 0.8, 0.8),
        ("sgd", 0.5, 0.4),
    ]


def test_a_loss_is_better_when_smaller(store):
    compared = compare_runs(store.list_runs(), metric="val_loss")
    assert [round(run_score.best_score, 6) for run_score in compared.run_scores] == [0.1, 0.2, 0.5]
    assert compared.groups[0].name == "adam"


def test_short_metric_names_of_keras_are_accepted(store):
    runs = store.with_details(store.list_runs())
    assert compare_runs(runs, "val_acc").metric == "val_accuracy"


@pytest.mark.parametrize(
    ("order", "names"),
    [("name", ["adam", "adam", "sgd"]), ("epochs", ["adam", "adam", "sgd"]), ("started", ["sgd", "adam", "adam"])],
    ids=str,
)
def test_runs_are_sorted_by_other_fields(store, order, names):
    assert [run_score.record.name for run_score in compare_runs(store.list_runs(), sort_by=order).run_scores] == names


def test_runs_differing_only_in_seed_are_one_group(store):
    compared = compare_runs(store.list_runs())
    assert [(group.name, group.seeds, round(group.mean, 6)) for group in compared.groups] == [
        ("adam", [42, 43], 0.85), ("sgd", [42], 0.4),
    ]  # fmt: skip
    assert compared.groups[0].settings == {"optimizer": "adam"}


def test_broken_and_unfinished_runs_are_left_out_with_reasons(store, make_run):
    make_run("name=nan", digits="00000004", status="diverged", reason="the loss", curve=())
    make_run("name=torn", digits="00000005").metrics.write_text("epoch,val_accuracy\n1\n")
    make_run("name=odd", digits="00000006").config.write_text("model: 3\n")
    make_run("name=gone", digits="00000007").record.unlink()
    make_run("name=empty", digits="00000008").metrics.unlink()
    compared = compare_runs(store.list_runs())
    assert len(compared.run_scores) == 3
    assert {e.run.directory.name[16:-9]: e.error or e.record.status for e in compared.left_out} == {
        "gone": "run.json is missing",
        "odd": "config.yaml: name is missing",
        "torn": "metrics.csv is damaged: float() argument must be a string or a real number, not 'NoneType'",
        "nan": "diverged",
        "empty": "metrics.csv is missing or has no row, though the run is completed",
    }


def test_runs_on_different_data_are_a_caveat(store, make_run):
    make_run("name=other", digits="00000008", data={"dataset": "digits", "fingerprint": "sha256:1"})
    assert "different data" in compare_runs(store.list_runs()).caveats[0]


def test_runs_on_different_splits_are_a_caveat(store, make_run):
    make_run("name=other", "data.split_seed=1", digits="00000008")
    assert "different examples" in compare_runs(store.list_runs()).caveats[0]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [({"metric": "val_acuracy"}, "did you mean val_accuracy?"), ({"sort_by": "tame"}, "did you mean name?")],
    ids=str,
)
def test_unknown_column_is_refused_with_a_suggestion(store, arguments, hint):
    with pytest.raises(UsageError) as refused:
        compare_runs(store.list_runs(), **arguments)
    assert refused.value.suggestion == hint


def test_run_without_the_metric_is_left_out_with_a_reason(store, make_run):
    run = make_run("name=bare", digits="00000009")
    run.write_metrics([{"epoch": 1, "loss": 0.5, "val_loss": 0.5, "learning_rate": 0.1, "seconds": 1.0}])
    compared = compare_runs(store.list_runs())
    assert [run_info.error for run_info in compared.left_out] == ["has no val_accuracy"]


def test_layer_names_do_not_change_the_group(tmp_path, make_run):
    make_run("name=plain", digits="00000001")
    make_run("name=named", "layers.hidden.name=other", "layers.output.name=last", digits="00000002")
    compared = compare_runs(Store(tmp_path / "runs").list_runs())
    assert [len(group.run_scores) for group in compared.groups] == [1]
    assert [(repeat.run, repeat.counted, repeat.is_copy) for repeat in compared.repeats] == [
        ("00000001", "00000002", True)
    ]


def test_seconds_are_not_a_metric(store):
    with pytest.raises(UsageError, match="no completed run has the metric seconds"):
        compare_runs(store.list_runs(), metric="seconds")


def test_empty_comparison_is_no_error(tmp_path):
    compared = compare_runs(Store(tmp_path).list_runs())
    assert (compared.run_scores, compared.groups, compared.verdict_set.verdicts, compared.caveats) == ((), (), (), ())


def test_group_has_the_most_common_run_name(tmp_path, make_run):
    for seed, name in enumerate(("old", "old", "new"), 1):
        make_run(f"name={name}", f"seed={seed}", digits=f"0000000{seed}")
    (group,) = compare_runs(Store(tmp_path / "runs").list_runs()).groups
    assert group.name == "old"


@pytest.mark.parametrize(
    ("baseline", "name"),
    [("sgd", "sgd"), ("00000003", "adam"), ("43", None), ("", None)],
    ids=["name", "id", "no group", "empty"],
)
def test_baseline_can_be_a_name_or_a_run_id(store, baseline, name):
    if name is None:
        with pytest.raises(UsageError, match="matches no group"):
            compare_runs(store.list_runs(), baseline=baseline)
    else:
        assert compare_runs(store.list_runs(), baseline=baseline).verdict_set.reference.name == name


def test_baseline_can_be_a_setting(tmp_path, make_run):
    for number, overrides in enumerate((["optimizer=adam"], ["batch_size=16"], ["optimizer=sgd"]), 1):
        make_run(*overrides, digits=f"0000000{number}")
    runs = Store(tmp_path / "runs").list_runs()
    assert compare_runs(runs, baseline="sgd").verdict_set.reference.settings["optimizer"] == "sgd"
    with pytest.raises(UsageError, match="matches 2 groups"):
        compare_runs(runs, baseline="adam")
