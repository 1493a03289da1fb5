"""`dnn evaluate` with several runs: mean test scores over seeds, each run evaluated once."""

import json

import pytest

from dnn_cli.compare.t_tests import compute_t_quantiles
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.record import Membership
from tests.helpers.cli_output import parse_json_output

SCORES = (0.80, 0.84, 0.88)
SWEEP = Membership(id="aaaaaaaa", name="digits", settings={})


@pytest.fixture
def seeds(scored_runs):
    """Make three evaluated seeds of one experiment in a sweep, and return the function that makes further runs."""

    def add(name, scores, *overrides, first=42, **changes):
        for seed, score in enumerate(scores, first):
            evaluation = Evaluation(
                at="2027-01-01T00:00:00+00:00",
                split="test",
                examples=450,
                scores={"loss": 1 - score, "accuracy": score},
            )
            fields = {"sweeps": (SWEEP,), "evaluated": (evaluation,), **changes}
            scored_runs.add(name, [score], "data.test_size=0.25", *overrides, first=seed, **fields)

    add("digits", SCORES)
    return add


def test_mean_of_seeds_has_students_interval(seeds, dnn):
    done = dnn("evaluate", "sweep:aaaaaaaa")
    assert done.returncode == 0, done.stderr
    headline, _, _, accuracy, loss = (line.split() for line in done.stdout.splitlines())
    assert headline == ["digits:", "3", "seeds", "on", "the", "test", "set"]
    half_width = float(compute_t_quantiles(0.05, 2.0)) * 0.04 / 3**0.5
    assert accuracy[:3] == ["test_accuracy", "0.8400", "0.0400"]
    assert [float(accuracy[3]), float(accuracy[5])] == pytest.approx([0.84 - half_width, 0.84 + half_width], abs=1e-4)
    assert loss[0] == "test_loss"
    assert "3 runs evaluated before, and not again" in done.stderr
    assert "test set: read 3 times for 3 of 3 runs, by an earlier version of dnn (3 times)" in done.stderr


def test_runs_with_other_settings_are_another_group(seeds, dnn):
    seeds("digits", (0.9, 0.91), "optimizer=sgd")
    document = parse_json_output(dnn("evaluate", "sweep:aaaaaaaa", "--json"))
    assert [(item["seeds"], item["scores"]["test_accuracy"]["interval"] is None) for item in document["groups"]] == [
        ([42, 43], True), ([42, 43, 44], False),
    ]  # fmt: skip
    assert document["evaluated"] == []
    assert {run["test_reads"] for item in document["groups"] for run in item["runs"]} == {1}
    assert sorted(run["scores"]["test_accuracy"] for run in document["groups"][1]["runs"]) == list(SCORES)


def test_markdown_and_unfinished_runs(seeds, dnn):
    seeds("digits", (0.5,), first=50, status="interrupted", evaluated=())
    done = dnn("evaluate", "sweep:aaaaaaaa", "--md")
    assert "| test_accuracy | 0.8400 | 0.0400 |" in done.stdout
    assert "1 run left out, because not completed" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "validation"], "--split validation and several runs cannot be combined"),
        (["--resize"], "--resize and several runs cannot be combined"),
        (["--json", "--md"], "--json and --md exclude each other"),
    ],
)
def test_options_of_a_single_run_are_refused(seeds, dnn, words, message):
    done = dnn("evaluate", "sweep:aaaaaaaa", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_folds_and_other_runs_together_are_refused(seeds, dnn):
    seeds("digits", (0.5,), "data.folds=5", "data.fold=1", "~data.test_size", evaluated=())
    done = dnn("evaluate", "sweep:aaaaaaaa")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a fold of a cross-validation, but other runs are" in done.stderr


def test_recorded_intervals_are_printed(seeds, dnn, tmp_path):
    path = next(tmp_path.glob("runs/*/run.json"))
    record = json.loads(path.read_text())
    record["evaluated"][0]["intervals"] = {"accuracy": [0.76, 0.83]}
    path.write_text(json.dumps(record))
    (path.parent / "model.keras").write_bytes(b"")
    done = dnn("runs", "show", record["id"], "--json")
    assert parse_json_output(done)["run"]["record"]["evaluated"][0]["intervals"] == {"accuracy": [0.76, 0.83]}


def test_no_run_of_a_group_is_evaluated_beyond_the_limit_of_one(seeds, dnn, tmp_path):
    """The limits of all runs are checked before the first evaluation: the earlier runs of the group stay unread."""
    best = Evaluation(
        at="2027-01-01T00:00:00+00:00", split="test", examples=450, scores={"loss": 1}, model="best.keras",
        command="dnn evaluate --best",
    )  # fmt: skip
    other = Membership(id="bbbbbbbb", name="digits", settings={})
    for seed, evaluated in ((1, ()), (2, (best,))):
        seeds("digits", (0.5,), "data.test_reads=1", first=seed, sweeps=(other,), evaluated=evaluated)
    records = {path: path.read_text() for path in tmp_path.glob("runs/*/run.json")}
    done = dnn("evaluate", "sweep:bbbbbbbb")
    assert (done.returncode, done.stdout) == (2, "")
    assert "was read once, by dnn evaluate --best on 2027-01-01 00:00 UTC, and data.test_reads is 1" in done.stderr
    assert "dnn evaluate sweep:bbbbbbbb --force reads the test set again" in done.stderr
    done = dnn("evaluate", "sweep:bbbbbbbb", "data.test_reads=2")
    assert "data.test_reads=2 cannot change the limit in the config of the run" in done.stderr
    assert {path: path.read_text() for path in records} == records
