"""Runs that travel as bytes: whole, and trusted with no names."""

import os

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.parcel import adopt, pack, unpack
from dnn_cli.runs.store import Store


def test_run_arrives_whole_under_its_id(make_run, tmp_path):
    run = make_run(digits="0000abcd")
    run.checkpoints.mkdir()
    run.last_checkpoint.write_bytes(b"arrays")
    there = adopt(pack(run), Store(tmp_path / "home"))
    assert there.directory.name.endswith("-digits-0000abcd")
    assert there.parse_record() == run.parse_record()
    assert there.last_checkpoint.read_bytes() == b"arrays"
    assert [path.name for path in (tmp_path / "home").iterdir()] == [there.directory.name]


@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil", "checkpoints/../../evil", "checkpoints", "evil", "", ".", "run.json/", "a\0b"]
)
def test_strange_names_are_refused(make_run, tmp_path, name):
    parcel = {**pack(make_run()), name: b"evil"}
    with pytest.raises(RunError, match="no run: it has a file"):
        adopt(parcel, Store(tmp_path / "home"))
    assert list((tmp_path / "home").iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("record", [None, b"", b"{}", b'{"id": "../../ab"}', b"\xff"], ids=repr)
def test_what_has_no_record_is_refused(make_run, tmp_path, record):
    parcel = pack(make_run())
    del parcel["run.json"]
    with pytest.raises(RunError, match=r"run\.json"):
        adopt(parcel if record is None else {**parcel, "run.json": record}, Store(tmp_path / "home"))
    assert not (tmp_path / "home").exists() or list((tmp_path / "home").iterdir()) == []


def test_links_are_not_packed(make_run, tmp_path):
    run = make_run()
    (tmp_path / "secret").write_bytes(b"secret")
    run.model.symlink_to(tmp_path / "secret")
    os.mkfifo(run.predictions)
    assert {"model.keras", "predictions.npz"}.isdisjoint(pack(run))


def test_links_are_not_followed(make_run, tmp_path):
    run, outside = make_run(), tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"mine")
    parcel = {**pack(run), "model.keras": b"model"}
    run.model.symlink_to(outside / "file")
    unpack(parcel, run)
    assert (outside / "file").read_bytes() == b"mine" and run.model.read_bytes() == b"model"
    run.checkpoints.symlink_to(outside)
    with pytest.raises(RunError, match="is a link"):
        unpack({**parcel, "checkpoints/last.npz": b"arrays"}, run)
    assert [path.name for path in outside.iterdir()] == ["file"]


def test_content_that_comes_back_replaces_what_was(make_run):
    run = make_run()
    run.best_model.write_bytes(b"old")
    parcel = {name: content for name, content in pack(run).items() if name != "best.keras"}
    unpack({**parcel, "model.keras": b"new"}, run)
    assert run.model.read_bytes() == b"new" and not run.best_model.exists()
