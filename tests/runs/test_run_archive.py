"""Run archives hold whole runs, and their names of files are not trusted."""

import os

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.run_archive import import_archive, pack_run, unpack_run
from dnn_cli.runs.store import Store


def test_imported_run_is_complete_and_keeps_its_id(make_run, tmp_path):
    run = make_run(digits="0000abcd")
    run.checkpoints.mkdir()
    run.last_checkpoint.write_bytes(b"arrays")
    there = import_archive(pack_run(run), Store(tmp_path / "home"))
    assert there.directory.name.endswith("-digits-0000abcd")
    assert there.read_raw_record() == run.read_raw_record()
    assert there.last_checkpoint.read_bytes() == b"arrays"
    assert [path.name for path in (tmp_path / "home").iterdir()] == [there.directory.name]


@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil", "checkpoints/../../evil", "checkpoints", "evil", "", ".", "run.json/", "a\0b"]
)
def test_unknown_file_names_are_refused(make_run, tmp_path, name):
    archive = {**pack_run(make_run()), name: b"evil"}
    with pytest.raises(RunError, match="not a run: it contains the file"):
        import_archive(archive, Store(tmp_path / "home"))
    assert list((tmp_path / "home").iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("record", [None, b"", b"{}", b'{"id": "../../ab"}', b"\xff"], ids=repr)
def test_archive_without_record_is_refused(make_run, tmp_path, record):
    archive = pack_run(make_run())
    del archive["run.json"]
    with pytest.raises(RunError, match=r"run\.json"):
        import_archive(archive if record is None else {**archive, "run.json": record}, Store(tmp_path / "home"))
    assert not (tmp_path / "home").exists() or list((tmp_path / "home").iterdir()) == []


def test_links_are_not_packed(make_run, tmp_path):
    run = make_run()
    (tmp_path / "secret").write_bytes(b"secret")
    run.model.symlink_to(tmp_path / "secret")
    os.mkfifo(run.predictions)
    assert {"model.keras", "predictions.npz"}.isdisjoint(pack_run(run))


def test_links_are_not_followed(make_run, tmp_path):
    run, outside = make_run(), tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"mine")
    archive = {**pack_run(run), "model.keras": b"model"}
    run.model.symlink_to(outside / "file")
    unpack_run(archive, run)
    assert (outside / "file").read_bytes() == b"mine" and run.model.read_bytes() == b"model"
    run.checkpoints.symlink_to(outside)
    with pytest.raises(RunError, match="is a link"):
        unpack_run({**archive, "checkpoints/last.npz": b"arrays"}, run)
    assert [path.name for path in outside.iterdir()] == ["file"]


def test_unpacked_files_replace_existing_ones(make_run):
    run = make_run()
    run.best_model.write_bytes(b"old")
    archive = {name: content for name, content in pack_run(run).items() if name != "best.keras"}
    unpack_run({**archive, "model.keras": b"new"}, run)
    assert run.model.read_bytes() == b"new" and not run.best_model.exists()
