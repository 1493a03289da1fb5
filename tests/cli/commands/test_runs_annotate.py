import subprocess
import sys

import pytest

from dnn_cli.runs.annotations import Annotations, read_annotations
from dnn_cli.runs.record import Membership
from tests.helpers.cli_output import parse_json_output


@pytest.fixture
def runs(make_run):
    """Three runs, the first and second in a sweep."""
    sweep = {"sweeps": (Membership(id="abcd1234", name="seeds", settings={"seed": "1"}),)}
    return [
        make_run("name=first", "seed=1", digits="00000001", **sweep),
        make_run("name=second", "seed=2", digits="00000002", stamp="20260102-000000", **sweep),
        make_run("name=third", "seed=3", digits="00000003", stamp="20260103-000000"),
    ]


def test_tags_are_added_and_removed(dnn, runs):
    done = dnn("runs", "tag", "paper", "first", "00000002", "00000001")
    assert done.stdout.splitlines() == ["first 00000001: paper", "second 00000002: paper"]
    assert dnn("runs", "tag", "best", "@2").stdout == "second 00000002: paper, best\n"
    assert dnn("runs", "tag", "--remove", "paper", "second").stdout == "second 00000002: best\n"
    assert dnn("runs", "tag", "--remove", "best", "second").stdout == "second 00000002: no tags\n"
    assert [read_annotations(run).tags for run in runs] == [("paper",), (), ()]
    done = parse_json_output(dnn("runs", "tag", "s", "sweep:abcd", "--json"))
    assert [(run["id"], run["tags"]) for run in done["runs"]] == [("00000002", ["s"]), ("00000001", ["paper", "s"])]


def test_runs_of_a_query_can_be_tagged(dnn, runs, tmp_path):
    ids = dnn("runs", "--where", "seed > 1", "--ids").stdout.split()
    assert ids == ["00000003", "00000002"]
    assert dnn("runs", "tag", "paper", *ids).returncode == 0
    assert dnn("runs", "--where", "tag = paper and seed < 3", "--ids").stdout == "00000002\n"


def test_note_and_rename(dnn, runs):
    assert dnn("runs", "note", "first", "mind\nthe gap").stdout == "first 00000001: note saved\n"
    assert read_annotations(runs[0]).note == "mind\nthe gap"
    assert dnn("runs", "note", "first", "").stdout == "first 00000001: note removed\n"
    directory = runs[0].directory.name
    assert dnn("runs", "rename", "first", "새 이름").stdout == f"{directory} has the name 새 이름\n"
    assert runs[0].directory.is_dir()
    renamed = parse_json_output(dnn("runs", "tag", "x", "새 이름", "--json"))["runs"]
    assert [(run["id"], run["name"]) for run in renamed] == [("00000001", "새 이름")]
    assert '"name": "first"' in runs[0].record.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["tag", "a b", "first"], "'a b' is not a tag", id="two words"),
        pytest.param(["tag", "\x1b[31m", "first"], "is not a tag", id="control codes"),
        pytest.param(["tag", "paper", "first", "nothing"], "no run nothing", id="no such run"),
        pytest.param(["tag", "paper"], "Missing argument", id="no run"),
        pytest.param(
            ["note", "first", "\x1b[31m"], "a note cannot contain control characters", id="a note with control codes"
        ),
        pytest.param(["rename", "first", ""], "a name must be one line", id="no name"),
        pytest.param(
            ["rename", "first", "@1"], "use a name that does not begin with @", id="a name that is an address"
        ),
        pytest.param(["show", "nothing"], "no run nothing", id="nothing to show"),
    ],
)
def test_bad_usage_changes_nothing(dnn, runs, words, message):
    done = dnn("runs", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not set("\x1b") & set(done.stderr)
    assert all(read_annotations(run) == Annotations() for run in runs)


def test_damaged_annotations_are_reported_and_not_changed(dnn, runs):
    runs[0].annotations.write_text("{")
    done = dnn("runs", "tag", "paper", "third", "first")
    assert done.returncode == 1
    assert "00000001: labels.json is not JSON" in done.stderr
    assert not runs[2].annotations.exists()
    assert "the tags, note and name cannot be read" in dnn("runs", "show", "first").stderr
    assert dnn("runs").stdout.count("completed") == 3


def test_concurrent_changes_are_all_saved(runs):
    script = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from dnn_cli.runs.annotations import change_annotations, add_tag\n"
        "from dnn_cli.runs.run import Run\n"
        "for i in range(10): change_annotations([Run(Path(sys.argv[1]))], lambda old: "
        "add_tag(old, sys.argv[2] + str(i)))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(runs[0].directory), letter]) for letter in ("a", "b", "c")
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert len(read_annotations(runs[0]).tags) == 30


def test_show_prints_all_details(dnn, runs):
    dnn("runs", "tag", "paper", "first")
    dnn("runs", "note", "first", "mind\nthe gap")
    done = dnn("runs", "show", "first")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line[:22].strip(): line[22:] for line in done.stdout.splitlines()}
    expected = {
        "id": "00000001",
        "directory": f"runs/{runs[0].directory.name}",
        "status": "completed",
        "tags": "paper",
        "note": "mind",
        "": "the gap",
        "started": "2026-01-01 00:00:01 UTC",
        "trained": "2 epochs in 2.0 s",
        "best": "epoch 2  loss 0.2000  accuracy 0.8000  val_loss 0.2000  val_accuracy 0.8000",
        "sweep": "seeds abcd1234: seed=1",
        "parameters": "1,210 total, 1,210 trainable",
        "data": "digits  fingerprint=sha256:0",
        "layers.hidden": "Dense units=16 activation=relu",
        "optimizer": "adam",
    }
    assert {key: rows[key].strip() for key in expected} == expected


def test_show_in_json_has_the_record_and_the_config(dnn, runs):
    run = parse_json_output(dnn("runs", "show", "00000002", "--json"))["run"]
    assert (run["id"], run["status"], run["tags"], run["note"]) == ("00000002", "completed", [], None)
    assert run["record"]["parameters"] == {"total": 1210, "trainable": 1210}
    assert run["config"]["seed"] == 2


def test_broken_run_can_be_displayed_and_tagged(dnn, runs):
    runs[1].record.write_text('{"name": "\x1b[31m')
    assert dnn("runs", "tag", "junk", "00000002").returncode == 0
    done = dnn("runs", "show", "00000002")
    assert done.returncode == 0
    assert "broken: run.json is not JSON" in done.stdout
    assert "junk" in done.stdout
    assert parse_json_output(dnn("runs", "show", "00000002", "--json"))["run"]["config"] is None


def test_run_with_missing_config_is_displayed_without_it(dnn, runs):
    runs[0].config.unlink()
    done = dnn("runs", "show", "first")
    assert "layers" not in done.stdout
    assert "parts of the run cannot be read: config.yaml" in done.stderr
