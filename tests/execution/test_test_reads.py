"""Limit of test reads, `data.test_reads`: it holds before a test set is read, and when the scores are recorded."""

import json

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import RunError, UsageError
from dnn_cli.execution.evaluation import record_evaluation
from dnn_cli.execution.test_reads import ReadOrigin, check_test_reads, count_other_reads, has_test_set
from dnn_cli.runs.evaluations import Evaluation, FileEvaluation
from dnn_cli.runs.store import Store

ORIGIN = ReadOrigin("dnn evaluate", "dnn evaluate 00000001 --force")
FORCED = ORIGIN._replace(force=True)


def build_read(**fields):
    values = {"at": "2027-01-01T12:30:00+00:00", "split": "test", "examples": 8, "scores": {"loss": 0.5},
              "command": "dnn evaluate", "digest": "sha256:1"}  # fmt: skip
    return Evaluation(**{**values, **fields})


def build_file_read(**fields):
    values = {"at": "2027-01-02T12:30:00+00:00", "file": "new.csv", "digest": "sha256:2", "examples": 8,
              "scores": {"loss": 0.5}, "model": "model.keras"}  # fmt: skip
    return FileEvaluation(**{**values, **fields})


def test_reads_without_a_limit_are_never_refused(make_run):
    check_test_reads(make_run(evaluated=(build_read(),) * 5), ORIGIN)


def test_reached_limit_is_refused_with_the_commands_of_the_reads(make_run):
    run = make_run("data.test_reads=2", evaluated=(build_read(),))
    check_test_reads(run, ORIGIN)
    record_evaluation(run, build_read(model="best.keras"), ReadOrigin("dnn evaluate --best", ""), print)
    with pytest.raises(UsageError) as error:
        check_test_reads(run, ORIGIN)
    assert error.value.message == (
        "the test set of digits 00000001 was read twice, by dnn evaluate and dnn evaluate --best, last on "
        "2027-01-01 12:30 UTC, and data.test_reads is 2"
    )
    assert "dnn evaluate 00000001 --force reads the test set again" in error.value.suggestion
    check_test_reads(run, FORCED)


def test_validation_is_no_test_read(make_run):
    check_test_reads(make_run("data.test_reads=1", evaluated=(build_read(split="validation"),)), ORIGIN)


def test_read_of_another_command_meanwhile_is_refused(make_run):
    """Two commands that start at the same time pass the first check, but only one may print its scores."""
    run = make_run("data.test_reads=1")
    record_evaluation(run, build_read(), ORIGIN, print)
    with pytest.raises(UsageError, match=r"data\.test_reads is 1"):
        record_evaluation(run, build_read(), ORIGIN, print)
    assert len(run.read_record().evaluated) == 1
    record_evaluation(run, build_read(), FORCED, print)
    assert [read.forced for read in run.read_record().test_reads] == [False, True]


def test_read_during_a_training_with_a_limit_is_an_error(make_run):
    run = make_run("data.test_reads=1")
    with run.hold_lock(), pytest.raises(RunError, match=r"data\.test_reads requires a record"):
        record_evaluation(run, build_read(), ORIGIN, print)


def test_copies_of_the_test_set_count_by_their_digest(make_run):
    files = (build_file_read(), build_file_read(digest="sha256:1"), build_file_read(is_test_read=True))
    record = make_run(evaluated=(build_read(),), evaluated_files=files).read_record()
    assert record.test_reads == (build_read(), files[1], files[2])


def test_records_of_earlier_versions_have_reads_without_commands(make_run):
    run = make_run(evaluated=(build_read(),))
    document = json.loads(run.record.read_text())
    for key in ("command", "digest", "forced"):
        del document["evaluated"][0][key]
    run.record.write_text(json.dumps(document), encoding="utf-8")
    (read,) = run.read_record().test_reads
    assert (read.command, read.digest, read.forced) == (None, None, False)


def test_reads_of_the_same_test_set_for_other_runs_are_counted(make_run, tmp_path):
    make_run(digits="00000001", evaluated=(build_read(),))
    make_run("seed=1", digits="00000002", evaluated=(build_read(), build_read()))
    make_run("seed=2", digits="00000003", evaluated=(build_read(digest="sha256:9"),))
    make_run("seed=3", digits="00000004", evaluated_files=(build_file_read(digest="sha256:1", is_test_read=True),))
    store = Store(tmp_path / "runs")
    assert count_other_reads(store, "00000001", build_read()) == (2, 3)
    assert count_other_reads(store, "00000001", build_read(split="validation")) == (0, 0)
    assert count_other_reads(store, "00000001", build_read(digest=None)) == (0, 0)


@pytest.mark.parametrize(
    ("words", "file", "is_expected"),
    [
        (["data.test_path=test.csv"], "test.csv", True),
        (["data.test_path=test.csv"], "link.csv", True),
        (["data.test_path=test.csv"], "all.csv", False),
        (["data.test_size=0.25"], "all.csv", True),
        (["data.test_size=0.25"], "test.csv", False),
        ([], "all.csv", False),
    ],
)
def test_file_with_the_test_set_is_found_by_its_path(tmp_path, monkeypatch, words, file, is_expected):
    monkeypatch.chdir(tmp_path)
    for name, start in (("all", 0), ("test", 100)):
        rows = [f"{start + row},{row % 3}.5,{row * 1.5}" for row in range(20)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,y", *rows, ""]))
    (tmp_path / "link.csv").symlink_to("test.csv")
    (tmp_path / "config.yaml").write_text(
        "name: t\ndata: {dataset: csv, path: all.csv, target: y}\nmodel: {layers: [{type: Dense, units: 1}]}\n"
        "loss: mse\nmetrics: [mae]\n"
    )
    data = load_experiment("config.yaml", words).experiment.data
    assert has_test_set(data, file, 20) == is_expected
