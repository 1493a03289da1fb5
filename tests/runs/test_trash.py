import os
import shutil

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs import trash as trash_module
from dnn_cli.runs.lock import hold_lock
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.store import Store
from dnn_cli.runs.trash import Trash, TrashedRun, compute_tree_bytes


@pytest.fixture
def trash(tmp_path, make_run):
    make_run("name=old", digits="aaaa0001", stamp="20260101-000000", curve=(0.9,))
    make_run("name=twin", digits="aabb0002", stamp="20260102-000000", curve=(0.7,))
    make_run("name=twin", digits="cccc0003", stamp="20260103-000000", curve=(0.6,))
    make_run("name=bad", digits="dddd0004", stamp="20260104-000000").record.write_text("{")
    return Trash(tmp_path / "runs")


def list_ids(directory):
    """What the runs there are called by their ids, whether or not there is such a directory."""
    return sorted(path.name[-8:] for path in directory.glob("2*"))


def read_tree(directory):
    """Every path below a directory with the bytes of the files."""
    return {path.relative_to(directory): path.read_bytes() if path.is_file() else None for path in directory.rglob("*")}


ALL = ["aaaa0001", "aabb0002", "cccc0003", "dddd0004"]


@pytest.mark.parametrize(
    ("address", "digits"),
    [
        pytest.param("aaaa0001", "aaaa0001", id="an id"),
        pytest.param("cc", "cccc0003", id="the beginning of an id"),
        pytest.param("old", "aaaa0001", id="a name"),
        pytest.param("@2", "cccc0003", id="a number"),
        pytest.param("best:val_loss", "aaaa0001", id="the best"),
        pytest.param("20260102-000000-twin-aabb0002", "aabb0002", id="the name of a directory"),
        pytest.param("dddd", "dddd0004", id="a broken run by its id"),
        pytest.param("20260104-000000-bad-dddd0004", "dddd0004", id="a broken run by its directory"),
        pytest.param("runs/20260101-000000-old-aaaa0001", "aaaa0001", id="a path"),
        pytest.param("runs/20260101-000000-old-aaaa0001/", "aaaa0001", id="a path with a slash"),
        pytest.param("./runs/../runs/20260101-000000-old-aaaa0001/.", "aaaa0001", id="a winding path"),
    ],
)
def test_removed_run_is_restored_unchanged(trash, monkeypatch, tmp_path, address, digits):
    monkeypatch.chdir(tmp_path)
    before = read_tree(trash.root)
    (removed,) = trash.remove([address])
    assert list_ids(trash.directory) == [digits] == [removed.run.directory.name[-8:]]
    assert list_ids(trash.root) == [other for other in ALL if other != digits]
    trash.restore([digits])
    trash.directory.rmdir()
    assert read_tree(trash.root) == before


@pytest.mark.parametrize(
    ("address", "message"),
    [
        pytest.param("twin", "the name of 2 runs", id="a name of several runs"),
        pytest.param("aa", "the beginning of the ids of 2 runs", id="the beginning of several ids"),
        pytest.param("nothing", "no run nothing", id="no run"),
        pytest.param("", "the address of a run is empty", id="nothing at all"),
        pytest.param("@9", "the runs are @1 to @4", id="a number too high"),
        pytest.param("best:nothing", "no completed run has the metric", id="an unknown metric"),
        pytest.param("runs", "no run runs", id="the runs directory itself"),
        pytest.param("../outside/runs/20260101-000000-twin-eeee0005", "is not a run in", id="a run elsewhere"),
        pytest.param("../outside", "is not a run in", id="a directory elsewhere"),
        pytest.param("runs/20260101-000000-old-aaaa0001/..", "is not a run in", id="a path that turns back"),
        pytest.param("runs/20260101-000000-old-aaaa0001/checkpoints", "is not a run in", id="a part of a run"),
        pytest.param("runs/.trash", "is not a run in", id="the trash"),
        pytest.param("runs/.hidden", "is not a run in", id="a run that is being made"),
        pytest.param("runs/..", "is not a run in", id="above the runs"),
        pytest.param("runs/a file", "is not a run in", id="a file"),
    ],
)
def test_one_bad_address_prevents_every_move(trash, monkeypatch, tmp_path, address, message):
    shutil.copytree(trash.root, tmp_path / "outside" / "runs")
    (tmp_path / "outside" / "runs" / "20260102-000000-twin-aabb0002").rename(
        tmp_path / "outside" / "runs" / "20260101-000000-twin-eeee0005"
    )
    (tmp_path / "inside").mkdir()
    trash.root.rename(tmp_path / "inside" / "runs")
    trash = Trash(tmp_path / "inside" / "runs")
    (trash.root / "20260101-000000-old-aaaa0001" / "checkpoints").mkdir()
    (trash.root / ".hidden").mkdir()
    (trash.root / "a file").touch()
    trash.directory.mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    before = read_tree(tmp_path)
    with pytest.raises(UsageError) as refused:
        trash.remove(["old", address])
    assert message in refused.value.message
    assert read_tree(tmp_path) == before


def test_directory_named_like_a_run_is_not_removed(trash, monkeypatch, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is not a run in"):
        trash.remove(["./old"])
    trash.remove(["old"])
    assert (tmp_path / "old").exists()
    assert list_ids(trash.directory) == ["aaaa0001"]


def test_name_equal_to_another_id_is_not_removed(trash, make_run):
    make_run("name=cccc0003", digits="ffff0009", stamp="20260105-000000")
    with pytest.raises(UsageError, match="of 2 runs") as refused:
        trash.remove(["cccc0003"])
    assert refused.value.suggestion.startswith("use the id of a run, for example ffff0009")
    trash.remove(["name:cccc0003"])
    assert list_ids(trash.directory) == ["ffff0009"]


def test_run_and_its_copy_are_distinguished_by_directory(trash):
    original = trash.root / "20260101-000000-old-aaaa0001"
    shutil.copytree(original, trash.root / "copy")
    with pytest.raises(UsageError) as refused:
        trash.remove(["aaaa0001"])
    assert original.name in refused.value.message
    trash.remove(["copy"])
    assert original.exists()


def test_run_addressed_twice_is_removed_once(trash):
    assert len(trash.remove(["old", "aaaa", "@4"])) == 1


def test_running_run_prevents_every_removal(trash):
    log = Run(trash.root / "20260103-000000-twin-cccc0003").log
    with hold_lock(log):
        with pytest.raises(RunError, match="cccc0003 is being trained"):
            trash.remove(["old", "cccc0003"])
        assert list_ids(trash.root) == ALL
    trash.remove(["old", "cccc0003"])
    assert list_ids(trash.directory) == ["aaaa0001", "cccc0003"]


def test_run_locked_during_removal_restores_the_others(trash, monkeypatch):
    calls = iter(range(4))
    real = trash_module.block_training

    def untrained(run):
        if next(calls) == 3:  # two checks of both runs, and then a move of the first
            run.log.touch()
            lock.enter_context(hold_lock(run.log))
        return real(run)

    monkeypatch.setattr(trash_module, "block_training", untrained)
    with trash_module.ExitStack() as lock, pytest.raises(RunError, match="is being trained"):
        trash.remove(["old", "cccc0003"])
    assert list_ids(trash.root) == ALL


def test_failed_move_restores_the_others(trash, monkeypatch):
    monkeypatch.setattr(trash_module, "sync_directory", raise_disk_full)
    with pytest.raises(RunError, match=r"the runs cannot be moved to .*: No space left"):
        trash.remove(["old", "cccc0003"])
    assert list_ids(trash.root) == ALL


def raise_disk_full(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("log", ["fifo", "link", "directory", "missing"])
def test_log_that_is_not_a_file_does_not_prevent_removal(trash, tmp_path, log):
    run = Run(trash.root / "20260101-000000-old-aaaa0001")
    if log == "fifo":
        os.mkfifo(run.log)
    elif log == "link":
        run.log.symlink_to(tmp_path / "made by mistake")
    elif log == "directory":
        run.log.mkdir()
    trash.remove(["old"])
    trash.restore(["old"])
    assert os.path.lexists(run.log) == (log != "missing")
    assert not (tmp_path / "made by mistake").exists()


def test_link_itself_is_moved_and_purged(trash, tmp_path):
    target = tmp_path / "precious"
    (trash.root / "20260101-000000-old-aaaa0001").rename(target)
    before = read_tree(target)
    link = trash.root / "20260101-000000-old-aaaa0001"
    link.symlink_to(target)
    trash.remove(["aaaa0001"])
    assert (trash.directory / link.name).is_symlink()
    trash.restore(["old"])
    assert link.resolve() == target
    trash.remove([str(link)])
    assert trash.purge(trash.list_trashed_runs()) == []
    assert not list(trash.directory.iterdir())
    assert read_tree(target) == before


def test_link_to_a_running_run_is_not_removed(trash):
    run = Run(trash.root / "20260101-000000-old-aaaa0001")
    link = trash.root / "20270101-000000-link-eeee0005"
    link.symlink_to(run.directory)
    with hold_lock(run.log), pytest.raises(RunError, match="is being trained"):
        trash.remove([link.name])
    trash.remove([link.name, run.directory.name])
    assert list_ids(trash.directory) == ["aaaa0001", "eeee0005"]


def test_purge_does_not_follow_links(trash, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (trash.root / "20260101-000000-old-aaaa0001" / "checkpoints").symlink_to(tmp_path / "precious")
    trash.remove(["old"])
    trash.purge(trash.list_trashed_runs())
    assert (tmp_path / "precious" / "file").exists()


@pytest.mark.parametrize("kind", ["a link", "not a directory"])
@pytest.mark.parametrize("verb", ["remove", "restore", "purge", "list_trashed_runs"])
def test_trash_that_is_not_a_directory_is_refused(trash, tmp_path, verb, kind):
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(trash.root / "20260101-000000-old-aaaa0001", tmp_path / "elsewhere" / "x-eeee0005")
    if kind == "a link":
        trash.directory.symlink_to(tmp_path / "elsewhere")
    else:
        trash.directory.write_text("")
    before = read_tree(tmp_path)
    trashed_run = TrashedRun(RunInfo(Run(trash.directory / "x-eeee0005"), None), 0)
    with pytest.raises(RunError, match=kind):
        getattr(trash, verb)(
            {"remove": ["old"], "restore": ["eeee0005"], "purge": [trashed_run], "list_trashed_runs": []}[verb]
        )
    assert read_tree(tmp_path) == before


def test_restore_does_not_overwrite_a_run(trash):
    trash.remove(["old"])
    again = trash.root / "20260101-000000-old-aaaa0001"
    again.mkdir()
    with pytest.raises(RunError, match="already exists"):
        trash.restore(["old"])
    again.rmdir()
    trash.restore(["old"])
    assert list_ids(trash.root) == ALL


def test_remove_does_not_overwrite_the_trash(trash):
    trash.remove(["old"])
    shutil.copytree(trash.directory / "20260101-000000-old-aaaa0001", trash.root / "20260101-000000-old-aaaa0001")
    with pytest.raises(RunError, match="already exists"):
        trash.remove(["@4", "cccc0003"])
    assert list_ids(trash.root) == ALL


def test_ambiguous_name_is_refused_in_the_trash(trash):
    trash.remove(["aabb0002", "cccc0003"])
    for verb in (trash.restore, trash.list_trashed_runs):
        with pytest.raises(UsageError, match="twin is the name of 2 runs of one experiment in the trash"):
            verb(["twin"])
    assert list_ids(trash.directory) == ["aabb0002", "cccc0003"]


def test_purge_deletes_only_the_addressed_runs(trash):
    size = sum(path.stat().st_size for path in trash.root.glob("*aaaa0001/*"))
    trash.remove(["old", "dddd0004"])
    (old,) = trash.list_trashed_runs(["old"])
    assert old.byte_count == size
    assert trash.purge([old]) == []
    assert list_ids(trash.directory) == ["dddd0004"]
    assert list_ids(trash.root) == ["aabb0002", "cccc0003"]


def test_failed_deletion_is_reported_and_others_continue(trash, monkeypatch):
    real = shutil.rmtree

    def rmtree(path):
        if path.name.endswith("aabb0002"):
            raise PermissionError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    trash.remove(["old", "aabb0002", "cccc0003", "dddd0004"])
    with hold_lock(Run(trash.directory / "20260103-000000-twin-cccc0003").log):
        reasons = [failure.reason for failure in trash.purge(trash.list_trashed_runs())]
    assert len(reasons) == 2
    assert reasons[0].endswith("cccc0003 is being trained")
    assert reasons[1].endswith("aabb0002 cannot be deleted: Permission denied")
    assert list_ids(trash.directory) == ["aabb0002", "cccc0003"]


def test_run_purged_by_another_process_is_no_failure(trash):
    trash.remove(["old"])
    contents = trash.list_trashed_runs()
    shutil.rmtree(contents[0].run_info.run.directory)
    assert trash.purge(contents) == []


def test_missing_trash_is_empty(tmp_path):
    trash = Trash(tmp_path / "nowhere")
    assert trash.list_trashed_runs() == []
    for verb in (trash.remove, trash.restore, trash.list_trashed_runs):
        with pytest.raises(UsageError, match="no run x"):
            verb(["x"])
    assert not trash.root.exists()


def test_trash_is_not_listed_as_a_run(trash):
    trash.remove(["old"])
    assert [run_info.run.directory.name[-8:] for run_info in Store(trash.root).list_runs()] == ALL[:0:-1]


def test_tree_size_counts_files_and_links(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"12345")
    (tmp_path / "a" / "loop").symlink_to("..")
    assert compute_tree_bytes(tmp_path) == 5 + len("..")
    assert compute_tree_bytes(tmp_path / "nothing") == 0


def test_directory_that_is_not_a_run_is_kept(make_run):
    root = make_run().directory.parent
    for directory in (root / "notes", root / ".trash" / "notes"):
        directory.mkdir(parents=True)
        (directory / "a.md").write_text("mine")
    trash = Trash(root)
    with pytest.raises(UsageError, match="is not a run"):
        trash.remove(["notes"])
    assert trash.list_trashed_runs() == []
    trash.purge(trash.list_trashed_runs())
    assert (root / ".trash" / "notes" / "a.md").read_text() == "mine"
