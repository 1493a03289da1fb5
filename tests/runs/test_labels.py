import json
import os

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs import labels as labels_module
from dnn_cli.runs.labels import (
    NONE,
    Labels,
    change_labels,
    noted,
    read_labels,
    renamed,
    tagged,
    untagged,
    write_labels,
)
from dnn_cli.runs.parcel import pack, unpack


def test_labels_are_read_as_they_were_written(make_run):
    run = make_run()
    assert read_labels(run) == NONE
    labels = Labels(name="패션 모델", tags=("paper", "best"), note="two\nlines\tand a tab")
    write_labels(run, labels)
    assert read_labels(run) == labels
    assert [path.name for path in run.directory.iterdir() if "labels" in path.name] == ["labels.json"]


def fifo(path):
    os.mkfifo(path)


def link(path):
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param("{", "is not JSON", id="cut"),
        pytest.param("[1]", "content", id="a list"),
        pytest.param('{"tags": 3}', "tags", id="tags that are a number"),
        pytest.param('{"tags": ["a b"]}', "is no tag", id="a tag of two words"),
        pytest.param('{"tags": ["\\u001b[31m"]}', "is no tag", id="a control character"),
        pytest.param(json.dumps({"tags": [f"t{i}" for i in range(101)]}), "at most 100 tags", id="too many tags"),
        pytest.param('{"name": ""}', "a name is one line", id="an empty name"),
        pytest.param('{"name": "a\\nb"}', "a name is one line", id="a name of two lines"),
        pytest.param('{"name": "\\ud800"}', "is not JSON", id="half a character"),
        pytest.param(json.dumps({"note": "x" * 10_001}), "a note has at most", id="a long note"),
        pytest.param("[" * 100_000, "is not JSON", id="nested"),
        pytest.param(" " * 1_000_001, "is larger than", id="large"),
        pytest.param(b"\xff", "is not UTF-8", id="no text"),
        pytest.param(fifo, "is no file", id="a FIFO"),
        pytest.param(link, "cannot be read", id="a link"),
        pytest.param(os.mkdir, "cannot be read|is no file", id="a directory"),
    ],
)
def test_a_damaged_file_is_one_clear_line(make_run, damage, message):
    run = make_run()
    if callable(damage):
        damage(run.labels)
    else:
        run.labels.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    with pytest.raises(RunError, match=message) as refused:
        read_labels(run)
    assert "\n" not in refused.value.message


def test_a_link_is_not_written_through(make_run, tmp_path):
    run, victim = make_run(), tmp_path / "victim"
    victim.write_text("mine")
    run.labels.symlink_to(victim)
    write_labels(run, Labels(note="x"))
    assert victim.read_text() == "mine"
    assert read_labels(run).note == "x"


def test_tags_keep_their_order_and_come_once():
    labels = tagged(tagged(tagged(NONE, "b"), "a"), "b")
    assert labels.tags == ("b", "a")
    assert untagged(untagged(labels, "b"), "c").tags == ("a",)


@pytest.mark.parametrize("tag", ["", "a b", "a,b", "a\tb", "\x1b[31m", "\u202e", "x" * 41, "\udcff"], ids=ascii)
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(UsageError, match="is no tag"):
        tagged(NONE, tag)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "x" * 201, "@1", "best:loss", "sweep:x"], ids=ascii)
def test_what_is_no_name_is_refused(name):
    with pytest.raises(UsageError, match="name"):
        renamed(NONE, name)


def test_an_empty_note_removes_it():
    assert noted(noted(NONE, "x"), " ").note is None
    with pytest.raises(UsageError, match="control"):
        noted(NONE, "\x1b[31m")


def test_labels_are_changed_all_or_none(make_run, monkeypatch):
    runs = [make_run(digits=f"0000000{i}") for i in range(3)]
    write_labels(runs[0], Labels(tags=("old",)))
    write = write_labels

    def fail(run, labels):
        if run == runs[2]:
            raise RunError("the disk is full")
        write(run, labels)

    monkeypatch.setattr(labels_module, "write_labels", fail)
    with pytest.raises(RunError, match="the disk is full"):
        change_labels(runs, lambda labels: tagged(labels, "new"))
    assert [read_labels(run).tags for run in runs] == [("old",), (), ()]


def test_nothing_is_changed_where_one_run_has_damaged_labels(make_run):
    runs = [make_run(digits=f"0000000{i}") for i in range(2)]
    runs[1].labels.write_text("{")
    with pytest.raises(RunError, match=r"00000001: labels\.json is not JSON"):
        change_labels(runs, lambda labels: tagged(labels, "new"))
    assert not runs[0].labels.exists()


def test_labels_survive_what_a_training_on_another_machine_brings_back(make_run):
    run = make_run()
    parcel = pack(run)
    write_labels(run, Labels(tags=("paper",)))
    unpack(parcel, run)
    assert read_labels(run).tags == ("paper",)
