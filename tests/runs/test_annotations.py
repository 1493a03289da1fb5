import json
import os

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs import annotations as labels_module
from dnn_cli.runs.annotations import (
    NO_ANNOTATIONS,
    Annotations,
    add_tag,
    change_annotations,
    read_annotations,
    remove_tag,
    set_name,
    set_note,
    write_annotations,
)
from dnn_cli.runs.run_archive import pack_run, unpack_run


def test_written_annotations_are_read_again(make_run):
    run = make_run()
    assert read_annotations(run) == NO_ANNOTATIONS
    annotations = Annotations(name="패션 모델", tags=("paper", "best"), note="two\nlines\tand a tab")
    write_annotations(run, annotations)
    assert read_annotations(run) == annotations
    assert [path.name for path in run.directory.iterdir() if "labels" in path.name] == ["labels.json"]


def create_fifo(path):
    os.mkfifo(path)


def create_link(path):
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param("{", "is not JSON", id="cut"),
        pytest.param("[1]", "content", id="a list"),
        pytest.param('{"tags": 3}', "tags", id="tags that are a number"),
        pytest.param('{"tags": ["a b"]}', "is not a tag", id="a tag of two words"),
        pytest.param('{"tags": ["\\u001b[31m"]}', "is not a tag", id="a control character"),
        pytest.param(json.dumps({"tags": [f"t{i}" for i in range(101)]}), "at most 100 tags", id="too many tags"),
        pytest.param('{"name": ""}', "a name must be one line", id="an empty name"),
        pytest.param('{"name": "a\\nb"}', "a name must be one line", id="a name of two lines"),
        pytest.param('{"name": "\\ud800"}', "is not JSON", id="half a character"),
        pytest.param(json.dumps({"note": "x" * 10_001}), "a note can have at most", id="a long note"),
        pytest.param("[" * 100_000, "is not JSON", id="nested"),
        pytest.param(" " * 1_000_001, "is larger than", id="large"),
        pytest.param(b"\xff", "is not UTF-8", id="no text"),
        pytest.param(create_fifo, "is not a regular file", id="a FIFO"),
        pytest.param(create_link, "cannot be read", id="a link"),
        pytest.param(os.mkdir, "cannot be read|is not a regular file", id="a directory"),
    ],
)
def test_damaged_file_is_reported_in_one_line(make_run, damage, message):
    run = make_run()
    if callable(damage):
        damage(run.annotations)
    else:
        run.annotations.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    with pytest.raises(RunError, match=message) as refused:
        read_annotations(run)
    assert "\n" not in refused.value.message


def test_link_is_replaced_and_not_followed(make_run, tmp_path):
    run, victim = make_run(), tmp_path / "victim"
    victim.write_text("mine")
    run.annotations.symlink_to(victim)
    write_annotations(run, Annotations(note="x"))
    assert victim.read_text() == "mine"
    assert read_annotations(run).note == "x"


def test_tags_keep_their_order_without_duplicates():
    annotations = add_tag(add_tag(add_tag(NO_ANNOTATIONS, "b"), "a"), "b")
    assert annotations.tags == ("b", "a")
    assert remove_tag(remove_tag(annotations, "b"), "c").tags == ("a",)


@pytest.mark.parametrize("tag", ["", "a b", "a,b", "a\tb", "\x1b[31m", "\u202e", "x" * 41, "\udcff"], ids=ascii)
def test_invalid_tag_is_refused(tag):
    with pytest.raises(UsageError, match="is not a tag"):
        add_tag(NO_ANNOTATIONS, tag)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "x" * 201, "@1", "best:loss", "sweep:x"], ids=ascii)
def test_invalid_name_is_refused(name):
    with pytest.raises(UsageError, match="name"):
        set_name(NO_ANNOTATIONS, name)


def test_empty_note_removes_the_note():
    assert set_note(set_note(NO_ANNOTATIONS, "x"), " ").note is None
    with pytest.raises(UsageError, match="control"):
        set_note(NO_ANNOTATIONS, "\x1b[31m")


def test_annotations_are_changed_all_or_none(make_run, monkeypatch):
    runs = [make_run(digits=f"0000000{i}") for i in range(3)]
    write_annotations(runs[0], Annotations(tags=("old",)))
    write = write_annotations

    def fail(run, labels):
        if run == runs[2]:
            raise RunError("the disk is full")
        write(run, labels)

    monkeypatch.setattr(labels_module, "write_annotations", fail)
    with pytest.raises(RunError, match="the disk is full"):
        change_annotations(runs, lambda labels: add_tag(labels, "new"))
    assert [read_annotations(run).tags for run in runs] == [("old",), (), ()]


def test_damaged_annotations_prevent_every_change(make_run):
    runs = [make_run(digits=f"0000000{i}") for i in range(2)]
    runs[1].annotations.write_text("{")
    with pytest.raises(RunError, match=r"00000001: labels\.json is not JSON"):
        change_annotations(runs, lambda labels: add_tag(labels, "new"))
    assert not runs[0].annotations.exists()


def test_unpacked_run_keeps_local_annotations(make_run):
    run = make_run()
    archive = pack_run(run)
    write_annotations(run, Annotations(tags=("paper",)))
    unpack_run(archive, run)
    assert read_annotations(run).tags == ("paper",)
