"""A run directory from elsewhere may hold anything: it is shown as broken, hides no other, and steers no terminal."""

import json
import os

import pytest

from tests.helpers.cli_output import parse_json_output
from tests.helpers.settings import RUN_ALL_CASES


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


def create_link(name, target):
    def damage(run):
        (run.directory.parent / f"20270101-000000-{name}-00000000").symlink_to(target)

    return damage


def write_metrics(text):
    return lambda run: run.metrics.write_text(text)


def link_metrics(run):
    run.metrics.unlink()
    run.metrics.symlink_to("x" * 300)


DAMAGES = {
    "a FIFO as the log": create_fifo_log,
    "a link to nowhere": create_link("nowhere", "x" * 255),
    "a link to itself": create_link("itself", "20270101-000000-itself-00000000"),
    "a score missing": edit_best_epoch(epoch=1),
    "an epoch missing": edit_best_epoch(val_accuracy=0.5),
    "a huge score": edit_best_epoch(epoch=1, val_accuracy=10**400),
    "half a character": edit_record(name="\ud800"),
    "control characters in the name": edit_record(name="\x1b[31mRED\u009b31m\u202e\nline"),
    "control characters in the time": edit_record(started="\x1b[31m"),
    "a list as fingerprint": edit_record(data={"fingerprint": []}),
    "a version in text": edit_record(schema_version="2"),
    "a huge epoch": write_metrics(f"epoch,val_accuracy\n{'9' * 400},0.5\n"),
    "scores beyond all range": write_metrics("epoch,val_accuracy\n1,1.7e308\n2,-1.7e308\n"),
    "metrics as a link to nowhere": link_metrics,
}
CASES = {"all at once": [*DAMAGES], **({name: [name] for name in DAMAGES} if RUN_ALL_CASES else {})}


@pytest.mark.parametrize("names", CASES.values(), ids=CASES)
def test_hostile_run_does_not_affect_others_or_the_terminal(dnn, make_run, names):
    make_run("name=good", digits="00000001")
    for number, name in enumerate(names, 2):
        DAMAGES[name](make_run("name=bad", f"seed={number}", digits=f"{number:08}", stamp="20260102-000000"))
    for words in (["runs"], ["compare"]):
        done = dnn(*words)
        assert done.returncode == 0, done.stderr
        assert "good" in done.stdout
        assert not set("\x1b\u009b\u202e") & set(done.stdout + done.stderr)
    documents = parse_json_output(dnn("runs", "--json"))["runs"]
    assert {run["name"]: run["status"] for run in documents}["good"] == "completed"
    assert len(documents) > len(names)


@pytest.mark.parametrize("option", ["--csv", "--md", "--json"])
def test_every_format_removes_control_characters(dnn, make_run, option):
    edit_record(name="\x1b[31mRED\u009b31m\u202e\nline")(make_run())
    output = dnn("compare", option).stdout
    assert "RED" in output
    assert not set("\x1b\u009b\u202e") & set(output) or option == "--json"
