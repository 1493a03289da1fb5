import json
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs import unused_files as garbage_module
from dnn_cli.runs.lock import hold_lock
from dnn_cli.runs.run import Run
from dnn_cli.runs.unused_files import LAST_CHECKPOINT, delete_unused_files, find_unused_files, remove_temporary_files

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


def create_unfinished_run(root, name=HALF_MADE):
    directory = root / name
    directory.mkdir(parents=True)
    (directory / "train.log").write_bytes(b"12")
    (directory / "config.yaml").write_bytes(b"123")
    return directory


def list_unused(root, **options):
    """Kind, the last part of the path, and size."""
    return [(item.kind, item.path.name, item.byte_count) for item in find_unused_files(root, **options)]


def list_paths(directory):
    return set(directory.rglob("*"))


def test_leftovers_and_spare_checkpoints_are_unused(root, trained):
    trained()
    create_unfinished_run(root)
    assert list_unused(root) == [
        ("unfinished run", HALF_MADE, 5),
        ("temporary file", ".model-abcd1234.keras", 12),
        ("temporary file", ".last-abcd1234.npz", 4),
        ("previous checkpoint", "previous.npz", 6),
    ]


def test_last_checkpoint_is_listed_only_on_request(root, trained):
    trained()
    assert (LAST_CHECKPOINT, "last.npz", 4) in list_unused(root, checkpoints=True)
    assert LAST_CHECKPOINT not in [kind for kind, _, _ in list_unused(root)]


@pytest.mark.parametrize("status", ["running", "interrupted", "failed", "diverged"])
def test_only_completed_runs_lose_checkpoints(root, trained, status):
    trained(status=status)
    assert {kind for kind, _, _ in list_unused(root, checkpoints=True)} == {"temporary file"}


@pytest.mark.parametrize("text", ["{", json.dumps({"status": "completed"})])
def test_run_without_readable_record_keeps_checkpoints(root, trained, text):
    trained().record.write_text(text)
    assert {kind for kind, _, _ in list_unused(root, checkpoints=True)} == {"temporary file"}


def test_exactly_the_listed_files_are_deleted(root, trained):
    trained(digits="00000001")
    trained(digits="00000002", status="interrupted")
    create_unfinished_run(root)
    before, garbage = list_paths(root), find_unused_files(root, checkpoints=True)
    assert delete_unused_files(root, garbage) == []
    gone = {root / item.path for item in garbage}
    inside = {path for path in before if gone & {*path.parents}}
    assert before - list_paths(root) == gone | inside
    assert find_unused_files(root, checkpoints=True) == []


def test_locked_runs_are_not_cleaned(root, trained):
    run, half = trained(), Run(create_unfinished_run(root))
    with hold_lock(run.log), hold_lock(half.log):
        assert find_unused_files(root, checkpoints=True) == []
    assert len(find_unused_files(root, checkpoints=True)) == 5


def test_run_locked_after_listing_keeps_its_files(root, trained):
    run = trained()
    garbage, before = find_unused_files(root, checkpoints=True), list_paths(root)
    with hold_lock(run.log):
        failures = delete_unused_files(root, garbage)
    assert len(failures) == len(garbage) == 4
    assert all("is being trained" in failure.reason for failure in failures)
    assert list_paths(root) == before


def test_run_changed_after_listing_keeps_its_checkpoints(root, trained):
    run = trained()
    garbage = find_unused_files(root, checkpoints=True)
    content = json.loads(run.record.read_text())
    run.record.write_text(json.dumps({**content, "status": "interrupted"}))
    failures = delete_unused_files(root, garbage)
    assert [failure.path.name for failure in failures] == ["last.npz", "previous.npz"]
    assert "because it has changed" in failures[0].reason
    assert run.last_checkpoint.exists()
    assert run.previous_checkpoint.exists()


def test_new_unfinished_run_is_not_cleaned(root):
    create_unfinished_run(root, f".{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-new-eeee0005")
    create_unfinished_run(root, ".99999999-999999-no_date-eeee0005")
    create_unfinished_run(root, ".20260101-000000-no_id-eeee")
    create_unfinished_run(root, ".git")
    assert find_unused_files(root) == []


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
    before = list_paths(tmp_path / "precious")
    garbage = find_unused_files(root, checkpoints=True)
    assert [item.path for item in garbage] == [Path(other.name, ".model-abcd1234.keras")]
    assert delete_unused_files(root, garbage) == []
    assert list_paths(tmp_path / "precious") == before
    assert (other / ".link").is_symlink()


@pytest.mark.parametrize("swapped", ["run", "checkpoints"])
def test_link_created_after_listing_is_not_followed(root, trained, tmp_path, swapped):
    run = trained()
    garbage = [item for item in find_unused_files(root) if "checkpoints" in item.path.parts]
    directory = run.directory if swapped == "run" else run.checkpoints
    directory.rename(tmp_path / "moved")
    directory.symlink_to(tmp_path / "moved")
    before = list_paths(tmp_path / "moved")
    assert ["because it has changed" in failure.reason for failure in delete_unused_files(root, garbage)] == [
        True,
        True,
    ]
    assert list_paths(tmp_path / "moved") == before


def test_paths_that_are_not_runs_are_ignored(root, trained):
    trained()
    (root / "notes").mkdir()
    (root / "notes" / ".secret").touch()
    (root / ".keep").touch()
    (root / ".trash" / "20260101-000000-x-ffff0001").mkdir(parents=True)
    (root / ".trash" / "20260101-000000-x-ffff0001" / ".tmp").touch()
    (root / "20260101-000000-digits-00000001" / ".directory").mkdir()
    os.mkfifo(root / "20260101-000000-digits-00000001" / ".fifo")
    assert len(find_unused_files(root)) == 3


def test_failed_deletion_is_reported_and_others_continue(root, trained, monkeypatch):
    run = trained()
    real = garbage_module.delete_path

    def delete(path):
        if path.name == ".model-abcd1234.keras":
            raise PermissionError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(garbage_module, "delete_path", delete)
    (failure,) = delete_unused_files(root, find_unused_files(root))
    assert failure.reason == f"{run.directory}/.model-abcd1234.keras cannot be deleted: Permission denied"
    assert not run.previous_checkpoint.exists()


def test_already_deleted_files_are_no_failure(root, trained):
    run = trained()
    create_unfinished_run(root)
    garbage = find_unused_files(root)
    shutil.rmtree(run.directory)
    shutil.rmtree(root / HALF_MADE)
    assert delete_unused_files(root, garbage) == []


def test_missing_or_unlistable_directory(tmp_path):
    assert find_unused_files(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be listed"):
        find_unused_files(tmp_path / "file")


def test_hidden_user_files_are_kept(make_run, tmp_path):
    run = make_run()
    notes = run.directory / ".notes"
    notes.write_text("mine")
    project = run.directory.parent / "project"
    project.mkdir()
    for name in ("config.yaml", ".env", ".gitignore"):
        (project / name).write_text("mine")
    assert find_unused_files(run.directory.parent) == []
    remove_temporary_files(run)
    assert notes.read_text() == "mine"
