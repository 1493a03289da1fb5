import pytest

from dnn_cli.runs import entry as entry_module
from dnn_cli.runs.entry import read_details, read_entry
from dnn_cli.runs.labels import NONE, Labels, write_labels
from dnn_cli.runs.run import Run


def test_a_run_is_found_with_its_record_and_under_the_name_that_it_was_given(make_run):
    run = make_run()
    assert (read_entry(run).name, read_entry(run).labels) == ("digits", NONE)
    write_labels(run, Labels(name="모델 A", tags=("paper",)))
    entry = read_entry(run)
    assert (entry.name, entry.record.name, entry.labels.tags) == ("모델 A", "모델 A", ("paper",))
    assert run.read_record().name == "digits"


def test_a_broken_run_has_the_name_of_its_directory_and_a_reason(make_run):
    run = make_run()
    run.record.write_text("{")
    entry = read_entry(run)
    assert (entry.record, entry.name) == (None, run.directory.name)
    assert entry.broken.startswith("run.json is not JSON")
    assert entry.experiment["name"] == "digits"


def test_damaged_labels_hide_no_result(make_run):
    run = make_run()
    run.labels.write_text("[1]")
    assert (read_entry(run).record.status, read_entry(run).labels) == ("completed", NONE)


def test_details_are_the_experiment_and_a_number_for_every_epoch_and_column(make_run):
    details = read_details(make_run("seed=7", curve=(0.5, 0.8, 0.7)))
    assert details.experiment["optimizer"]["type"] == "adam"
    assert (details.seed, details.epochs, details.trouble) == (7, 3, None)
    assert details.columns[:2] == ("epoch", "loss")
    assert list(details.column("val_accuracy")) == [0.5, 0.8, 0.7]
    assert list(details.column("epoch")) == [1, 2, 3]
    assert list(details.column("f1")) == []


@pytest.mark.parametrize(
    ("overrides", "is_alike"),
    [
        pytest.param(["seed=7"], True, id="another seed"),
        pytest.param(["name=other"], True, id="another name"),
        pytest.param(["layers.hidden.name=other"], True, id="another name of a layer"),
        pytest.param(["layers.hidden.units=17"], False, id="another width"),
        pytest.param(["optimizer=sgd"], False, id="another optimizer"),
        pytest.param(["epochs=3"], False, id="another length"),
    ],
)
def test_experiments_are_alike_that_differ_in_seed_and_names_alone(make_run, overrides, is_alike):
    first, second = make_run(), make_run(*overrides, digits="00000002")
    assert (read_details(first).alike == read_details(second).alike) is is_alike


def test_a_config_that_cannot_be_read_leaves_no_details_but_a_reason(make_run):
    run = make_run()
    run.config.write_text("name: digits\nmodel: 3\n")
    details = read_details(run)
    assert (details.experiment, details.columns, details.epochs) == (None, (), 0)
    assert details.trouble.startswith("config.yaml: ")
    run.config.unlink()
    assert "config.yaml" in read_details(run).trouble


def test_metrics_that_are_damaged_leave_the_experiment(make_run):
    run = make_run()
    run.metrics.write_text("epoch,loss\n1,a\n")
    details = read_details(run)
    assert details.experiment["name"] == "digits"
    assert (details.columns, details.trouble[:22]) == ((), "metrics.csv is damaged")


def test_no_epoch_is_no_trouble(make_run):
    details = read_details(make_run(curve=()))
    assert (details.epochs, details.columns, details.trouble) == (0, (), None)
    assert list(details.column("loss")) == []


def test_details_are_read_when_they_are_asked_for_and_once_if_they_are_kept(make_run, monkeypatch):
    reads = []
    monkeypatch.setattr(entry_module, "read_details", lambda run: reads.append(run) or read_details(run))
    entry = read_entry(make_run())
    assert not reads
    kept = entry.detailed()
    assert kept.experiment == kept.detailed().experiment == entry.experiment
    assert len(reads) == 2
    assert kept == entry


def test_a_directory_with_nothing_in_it_is_told(tmp_path):
    entry = read_entry(Run(tmp_path))
    assert (entry.record, entry.broken) == (None, "run.json is missing")
    assert "config.yaml" in entry.details.trouble
