"""A run directory from elsewhere may hold anything: it is shown as broken, hides no other, and steers no terminal."""

import json
import os

import pytest

from tests.helpers.cli_output import parse_json_output


def edit_record(**changes):
    def damage(run):
        content = json.loads(run.record.read_text())
        run.record.write_text(json.dumps({**content, **changes}))

    return damage


def edit_best_epoch(**scores):
    return lambda run: edit_record(results={**json.loads(run.record.read_text())["results"], "best": scores})(run)


def create_fifo_log(run):
    edit_record(status="running")(run)
    os.mkfifo(run.log)


def create_link(target):
    def damage(run):
        (run.directory.parent / "20270101-000000-link-00000000").symlink_to(target)

    return damage


def write_metrics(text):
    return lambda run: run.metrics.write_text(text)


def link_metrics(run):
    run.metrics.unlink()
    run.metrics.symlink_to("x" * 300)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(create_fifo_log, id="a FIFO as the log"),
        pytest.param(create_link("x" * 255), id="a link to nowhere"),
        pytest.param(create_link("20270101-000000-link-00000000"), id="a link to itself"),
        pytest.param(edit_best_epoch(epoch=1), id="a score missing"),
        pytest.param(edit_best_epoch(val_accuracy=0.5), id="an epoch missing"),
        pytest.param(edit_best_epoch(epoch=1, val_accuracy=10**400), id="a huge score"),
        pytest.param(edit_record(name="\ud800"), id="half a character"),
        pytest.param(edit_record(name="\x1b[31mRED\u009b31m\u202e\nline"), id="control characters in the name"),
        pytest.param(edit_record(started="\x1b[31m"), id="control characters in the time"),
        pytest.param(edit_record(data={"fingerprint": []}), id="a list as fingerprint"),
        pytest.param(edit_record(schema_version="2"), id="a version in text"),
        pytest.param(write_metrics(f"epoch,val_accuracy\n{'9' * 400},0.5\n"), id="a huge epoch"),
        pytest.param(write_metrics("epoch,val_accuracy\n1,1.7e308\n2,-1.7e308\n"), id="scores beyond all range"),
        pytest.param(link_metrics, id="metrics as a link to nowhere"),
    ],
)
def test_hostile_run_does_not_affect_others_or_the_terminal(dnn, make_run, damage):
    make_run("name=good", digits="00000001")
    damage(make_run("name=bad", "seed=7", digits="00000002", stamp="20260102-000000"))
    for words in (["runs"], ["compare"]):
        done = dnn(*words)
        assert done.returncode == 0, done.stderr
        assert "good" in done.stdout
        assert not set("\x1b\u009b\u202e") & set(done.stdout + done.stderr)
    listed = {run["name"]: run["status"] for run in parse_json_output(dnn("runs", "--json"))["runs"]}
    assert listed["good"] == "completed"
    assert len(listed) >= 2


@pytest.mark.parametrize("option", ["--csv", "--md", "--json"])
def test_every_format_removes_control_characters(dnn, make_run, option):
    edit_record(name="\x1b[31mRED\u009b31m\u202e\nline")(make_run())
    output = dnn("compare", option).stdout
    assert "RED" in output
    assert not set("\x1b\u009b\u202e") & set(output) or option == "--json"
