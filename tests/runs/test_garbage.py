import json
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs import garbage as garbage_module
from dnn_cli.runs.garbage import LAST, find_garbage, free, sweep
from dnn_cli.runs.lock import held
from dnn_cli.runs.run import Run

HALF_MADE = ".20260101-000000-half-eeee0005"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def trained(make_run):
    """Makes a run as a training leaves it, with checkpoints and with files that it did not finish."""

    def make(**options):
        run = make_run(**options)
        run.log.touch()
        run.checkpoints.mkdir()
        run.last_checkpoint.write_bytes(b"last")
        run.previous_checkpoint.write_bytes(b"before")
        (run.directory / ".model-abcd1234.keras").write_bytes(b"half a model")
        (run.checkpoints / ".last-abcd1234.npz").write_bytes(b"half")
        return run

    return make


def half_made(root, name=HALF_MADE):
    directory = root / name
    directory.mkdir(parents=True)
    (directory / "train.log").write_bytes(b"12")
    (directory / "config.yaml").write_bytes(b"123")
    return directory


def found(root, **options):
    """Kind, the last part of the path, and size."""
    return [(one.kind, one.path.name, one.bytes) for one in find_garbage(root, **options)]


def everything(directory):
    return set(directory.rglob("*"))


def test_garbage_is_what_dead_processes_left_and_a_spare_checkpoint(root, trained):
    trained()
    half_made(root)
    assert found(root) == [
        ("half-made run", HALF_MADE, 5),
        ("temporary file", ".model-abcd1234.keras", 12),
        ("temporary file", ".last-abcd1234.npz", 4),
        ("previous checkpoint", "previous.npz", 6),
    ]


def test_the_last_checkpoint_goes_only_if_that_is_wanted(root, trained):
    trained()
    assert (LAST, "last.npz", 4) in found(root, checkpoints=True)
    assert LAST not in [kind for kind, _, _ in found(root)]


@pytest.mark.parametrize("status", ["running", "interrupted", "failed", "diverged"])
def test_only_completed_runs_lose_checkpoints(root, trained, status):
    trained(status=status)
    assert {kind for kind, _, _ in found(root, checkpoints=True)} == {"temporary file"}


@pytest.mark.parametrize("text", ["{", json.dumps({"status": "completed"})])
def test_a_run_with_no_readable_record_keeps_its_checkpoints(root, trained, text):
    trained().record.write_text(text)
    assert {kind for kind, _, _ in found(root, checkpoints=True)} == {"temporary file"}


def test_exactly_what_was_found_is_freed(root, trained):
    trained(digits="00000001")
    trained(digits="00000002", status="interrupted")
    half_made(root)
    before, garbage = everything(root), find_garbage(root, checkpoints=True)
    assert free(root, garbage) == []
    gone = {root / one.path for one in garbage}
    inside = {path for path in before if gone & {*path.parents}}
    assert before - everything(root) == gone | inside
    assert find_garbage(root, checkpoints=True) == []


def test_what_is_being_trained_or_made_is_left_alone(root, trained):
    run, half = trained(), Run(half_made(root))
    with held(run.log), held(half.log):
        assert find_garbage(root, checkpoints=True) == []
    assert len(find_garbage(root, checkpoints=True)) == 5


def test_a_training_that_begins_after_the_look_keeps_its_files(root, trained):
    run = trained()
    garbage, before = find_garbage(root, checkpoints=True), everything(root)
    with held(run.log):
        failures = free(root, garbage)
    assert len(failures) == len(garbage) == 4
    assert all("is being trained" in failure.reason for failure in failures)
    assert everything(root) == before


def test_a_run_that_was_trained_further_after_the_look_and_interrupted_keeps_its_checkpoints(root, trained):
    run = trained()
    garbage = find_garbage(root, checkpoints=True)
    content = json.loads(run.record.read_text())
    run.record.write_text(json.dumps({**content, "status": "interrupted"}))
    failures = free(root, garbage)
    assert [failure.path.name for failure in failures] == ["last.npz", "previous.npz"]
    assert "has changed meanwhile" in failures[0].reason
    assert run.last_checkpoint.exists()
    assert run.previous_checkpoint.exists()


def test_a_run_that_is_only_being_made_is_left_alone(root):
    half_made(root, f".{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-new-eeee0005")
    half_made(root, ".99999999-999999-no_date-eeee0005")
    half_made(root, ".20260101-000000-no_id-eeee")
    half_made(root, ".git")
    assert find_garbage(root) == []


def test_links_are_never_followed(root, trained, tmp_path):
    run = trained()
    shutil.copytree(run.directory, tmp_path / "precious")
    shutil.copytree(run.directory, tmp_path / "other")
    shutil.rmtree(run.directory)
    run.directory.symlink_to(tmp_path / "precious")
    (root / HALF_MADE).symlink_to(tmp_path / "precious")
    other = root / "20260101-000000-other-00000002"
    (tmp_path / "other").rename(other)
    shutil.rmtree(other / "checkpoints")
    (other / "checkpoints").symlink_to(tmp_path / "precious" / "checkpoints")
    (other / ".link").symlink_to(tmp_path / "precious" / "run.json")
    before = everything(tmp_path / "precious")
    garbage = find_garbage(root, checkpoints=True)
    assert [one.path for one in garbage] == [Path(other.name, ".model-abcd1234.keras")]
    assert free(root, garbage) == []
    assert everything(tmp_path / "precious") == before
    assert (other / ".link").is_symlink()


@pytest.mark.parametrize("swapped", ["run", "checkpoints"])
def test_a_link_that_appears_after_the_look_is_not_followed(root, trained, tmp_path, swapped):
    run = trained()
    garbage = [one for one in find_garbage(root) if "checkpoints" in one.path.parts]
    place = run.directory if swapped == "run" else run.checkpoints
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    before = everything(tmp_path / "moved")
    assert ["has changed meanwhile" in failure.reason for failure in free(root, garbage)] == [True, True]
    assert everything(tmp_path / "moved") == before


def test_what_is_no_run_is_none_of_its_business(root, trained):
    trained()
    (root / "notes").mkdir()
    (root / "notes" / ".secret").touch()
    (root / ".keep").touch()
    (root / ".trash" / "20260101-000000-x-ffff0001").mkdir(parents=True)
    (root / ".trash" / "20260101-000000-x-ffff0001" / ".tmp").touch()
    (root / "20260101-000000-digits-00000001" / ".directory").mkdir()
    os.mkfifo(root / "20260101-000000-digits-00000001" / ".fifo")
    assert len(find_garbage(root)) == 3


def test_what_cannot_be_deleted_is_told_and_stops_nothing_else(root, trained, monkeypatch):
    run = trained()
    real = garbage_module.delete

    def delete(path):
        if path.name == ".model-abcd1234.keras":
            raise PermissionError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(garbage_module, "delete", delete)
    (failure,) = free(root, find_garbage(root))
    assert failure.reason == f"{run.directory}/.model-abcd1234.keras cannot be deleted: Permission denied"
    assert not run.previous_checkpoint.exists()


def test_what_is_gone_by_then_is_freed(root, trained):
    run = trained()
    half_made(root)
    garbage = find_garbage(root)
    shutil.rmtree(run.directory)
    shutil.rmtree(root / HALF_MADE)
    assert free(root, garbage) == []


def test_a_directory_that_is_none_or_cannot_be_listed(tmp_path):
    assert find_garbage(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be listed"):
        find_garbage(tmp_path / "file")


def test_hidden_files_of_others_are_no_garbage(make_run, tmp_path):
    run = make_run()
    notes = run.directory / ".notes"
    notes.write_text("mine")
    project = run.directory.parent / "project"
    project.mkdir()
    for name in ("config.yaml", ".env", ".gitignore"):
        (project / name).write_text("mine")
    assert find_garbage(run.directory.parent) == []
    sweep(run)
    assert notes.read_text() == "mine"
