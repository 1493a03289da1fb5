import pytest

from dnn_cli.runs import run_info as run_info_module
from dnn_cli.runs.annotations import NO_ANNOTATIONS, Annotations, write_annotations
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import read_details, read_run_info


def test_run_info_has_the_annotated_name(make_run):
    run = make_run()
    assert (read_run_info(run).name, read_run_info(run).annotations) == ("digits", NO_ANNOTATIONS)
    write_annotations(run, Annotations(name="모델 A", tags=("paper",)))
    run_info = read_run_info(run)
    assert (run_info.name, run_info.record.name, run_info.annotations.tags) == ("모델 A", "모델 A", ("paper",))
    assert run.read_record().name == "digits"


def test_unreadable_run_has_directory_name_and_error(make_run):
    run = make_run()
    run.record.write_text("{")
    run_info = read_run_info(run)
    assert (run_info.record, run_info.name) == (None, run.directory.name)
    assert run_info.error.startswith("run.json is not JSON")
    assert run_info.config["name"] == "digits"


def test_damaged_annotations_do_not_hide_results(make_run):
    run = make_run()
    run.annotations.write_text("[1]")
    assert (read_run_info(run).record.status, read_run_info(run).annotations) == ("completed", NO_ANNOTATIONS)


def test_details_have_config_and_metrics(make_run):
    details = read_details(make_run("seed=7", curve=(0.5, 0.8, 0.7)))
    assert details.config["optimizer"]["type"] == "adam"
    assert (details.seed, details.epoch_count, details.error) == (7, 3, None)
    assert details.columns[:2] == ("epoch", "loss")
    assert list(details.get_metric_values("val_accuracy")) == [0.5, 0.8, 0.7]
    assert list(details.get_metric_values("epoch")) == [1, 2, 3]
    assert list(details.get_metric_values("f1")) == []


@pytest.mark.parametrize(
    ("overrides", "is_equal"),
    [
        pytest.param(["seed=7"], True, id="another seed"),
        pytest.param(["name=other"], True, id="another name"),
        pytest.param(["layers.hidden.name=other"], True, id="another name of a layer"),
        pytest.param(["layers.hidden.units=17"], False, id="another width"),
        pytest.param(["optimizer=sgd"], False, id="another optimizer"),
        pytest.param(["epochs=3"], False, id="another length"),
    ],
)
def test_variant_digest_ignores_only_seed_and_names(make_run, overrides, is_equal):
    first, second = make_run(), make_run(*overrides, digits="00000002")
    assert (read_details(first).variant_digest == read_details(second).variant_digest) is is_equal


def test_unreadable_config_leaves_only_an_error(make_run):
    run = make_run()
    run.config.write_text("name: digits\nmodel: 3\n")
    details = read_details(run)
    assert (details.config, details.columns, details.epoch_count) == (None, (), 0)
    assert details.error.startswith("config.yaml: ")
    run.config.unlink()
    assert "config.yaml" in read_details(run).error


def test_damaged_metrics_leave_the_config(make_run):
    run = make_run()
    run.metrics.write_text("epoch,loss\n1,a\n")
    details = read_details(run)
    assert details.config["name"] == "digits"
    assert (details.columns, details.error[:22]) == ((), "metrics.csv is damaged")


def test_run_without_epochs_has_no_error(make_run):
    details = read_details(make_run(curve=()))
    assert (details.epoch_count, details.columns, details.error) == (0, (), None)
    assert list(details.get_metric_values("loss")) == []


def test_details_are_read_lazily_and_cached(make_run, monkeypatch):
    reads = []
    monkeypatch.setattr(run_info_module, "read_details", lambda *run: reads.append(run) or read_details(*run))
    run_info = read_run_info(make_run())
    assert not reads
    detailed = run_info.with_details()
    assert detailed.config == detailed.with_details().config == run_info.config
    assert len(reads) == 2
    assert detailed == run_info


def test_empty_directory_is_an_error(tmp_path):
    run_info = read_run_info(Run(tmp_path))
    assert (run_info.record, run_info.error) == (None, "run.json is missing")
    assert "config.yaml" in run_info.details.error
