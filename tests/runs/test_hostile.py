"""A run directory from elsewhere may hold anything: it is shown as broken, hides no other, and steers no terminal."""

import json
import os

import pytest

from tests.conftest import document


def edit(**changes):
    def damage(run):
        content = json.loads(run.record.read_text())
        run.record.write_text(json.dumps({**content, **changes}))

    return damage


def best(**scores):
    return lambda run: edit(results={**json.loads(run.record.read_text())["results"], "best": scores})(run)


def fifo(run):
    edit(status="running")(run)
    os.mkfifo(run.log)


def link(target):
    def damage(run):
        (run.directory.parent / "20270101-000000-link-00000000").symlink_to(target)

    return damage


def metrics(text):
    return lambda run: run.metrics.write_text(text)


def metrics_link(run):
    run.metrics.unlink()
    run.metrics.symlink_to("x" * 300)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(fifo, id="a FIFO as the log"),
        pytest.param(link("x" * 255), id="a link to nowhere"),
        pytest.param(link("20270101-000000-link-00000000"), id="a link to itself"),
        pytest.param(best(epoch=1), id="a score missing"),
        pytest.param(best(val_accuracy=0.5), id="an epoch missing"),
        pytest.param(best(epoch=1, val_accuracy=10**400), id="a huge score"),
        pytest.param(edit(name="\ud800"), id="half a character"),
        pytest.param(edit(name="\x1b[31mRED\u009b31m\u202e\nline"), id="control characters in the name"),
        pytest.param(edit(started="\x1b[31m"), id="control characters in the time"),
        pytest.param(edit(data={"fingerprint": []}), id="a list as fingerprint"),
        pytest.param(edit(schema_version="2"), id="a version in text"),
        pytest.param(metrics(f"epoch,val_accuracy\n{'9' * 400},0.5\n"), id="a huge epoch"),
        pytest.param(metrics("epoch,val_accuracy\n1,1.7e308\n2,-1.7e308\n"), id="scores beyond all range"),
        pytest.param(metrics_link, id="metrics as a link to nowhere"),
    ],
)
def test_a_hostile_run_hides_no_other_and_steers_no_terminal(dnn, make_run, damage):
    make_run("name=good", digits="00000001")
    damage(make_run("name=bad", "seed=7", digits="00000002", stamp="20260102-000000"))
    for words in (["runs"], ["compare"]):
        done = dnn(*words)
        assert done.returncode == 0, done.stderr
        assert "good" in done.stdout
        assert not set("\x1b\u009b\u202e") & set(done.stdout + done.stderr)
    listed = {run["name"]: run["status"] for run in document(dnn("runs", "--json"))["runs"]}
    assert listed["good"] == "completed"
    assert len(listed) >= 2


@pytest.mark.parametrize("option", ["--csv", "--md", "--json"])
def test_no_format_lets_control_characters_through(dnn, make_run, option):
    edit(name="\x1b[31mRED\u009b31m\u202e\nline")(make_run())
    shown = dnn("compare", option).stdout
    assert "RED" in shown
    assert not set("\x1b\u009b\u202e") & set(shown) or option == "--json"
