import os
import shutil

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs import trash as trash_module
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.lock import held
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.runs.trash import Discarded, Trash, tree_bytes


@pytest.fixture
def trash(tmp_path, make_run):
    make_run("name=old", digits="aaaa0001", stamp="20260101-000000", curve=(0.9,))
    make_run("name=twin", digits="aabb0002", stamp="20260102-000000", curve=(0.7,))
    make_run("name=twin", digits="cccc0003", stamp="20260103-000000", curve=(0.6,))
    make_run("name=bad", digits="dddd0004", stamp="20260104-000000").record.write_text("{")
    return Trash(tmp_path / "runs")


def names(directory):
    """What the runs there are called by their ids, whether or not there is such a directory."""
    return sorted(path.name[-8:] for path in directory.glob("2*"))


def content(directory):
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
def test_a_removed_run_lies_in_the_trash_and_comes_back_as_it_was(trash, monkeypatch, tmp_path, address, digits):
    monkeypatch.chdir(tmp_path)
    before = content(trash.root)
    (removed,) = trash.remove([address])
    assert names(trash.directory) == [digits] == [removed.run.directory.name[-8:]]
    assert names(trash.root) == [other for other in ALL if other != digits]
    trash.restore([digits])
    trash.directory.rmdir()
    assert content(trash.root) == before


@pytest.mark.parametrize(
    ("address", "message"),
    [
        pytest.param("twin", "the name of 2 runs", id="a name of several runs"),
        pytest.param("aa", "the beginning of the ids of 2 runs", id="the beginning of several ids"),
        pytest.param("nothing", "no run nothing", id="no run"),
        pytest.param("", "the address of a run is empty", id="nothing at all"),
        pytest.param("@9", "there are @1 to @4", id="a number too high"),
        pytest.param("best:nothing", "no completed run has the metric", id="an unknown metric"),
        pytest.param("runs", "no run runs", id="the runs directory itself"),
        pytest.param("../outside/runs/20260101-000000-twin-eeee0005", "is no run in", id="a run elsewhere"),
        pytest.param("../outside", "is no run in", id="a directory elsewhere"),
        pytest.param("runs/20260101-000000-old-aaaa0001/..", "is no run in", id="a path that turns back"),
        pytest.param("runs/20260101-000000-old-aaaa0001/checkpoints", "is no run in", id="a part of a run"),
        pytest.param("runs/.trash", "is no run in", id="the trash"),
        pytest.param("runs/.hidden", "is no run in", id="a run that is being made"),
        pytest.param("runs/..", "is no run in", id="above the runs"),
        pytest.param("runs/a file", "is no run in", id="a file"),
    ],
)
def test_one_bad_address_and_nothing_is_moved(trash, monkeypatch, tmp_path, address, message):
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
    before = content(tmp_path)
    with pytest.raises(UsageError) as refused:
        trash.remove(["old", address])
    assert message in refused.value.message
    assert content(tmp_path) == before


def test_a_folder_with_the_name_of_a_run_hides_no_run_and_is_not_removed(trash, monkeypatch, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is no run in"):
        trash.remove(["./old"])
    trash.remove(["old"])
    assert (tmp_path / "old").exists()
    assert names(trash.directory) == ["aaaa0001"]


def test_a_run_that_has_the_id_of_another_as_its_name_is_not_removed_by_guess(trash, make_run):
    make_run("name=cccc0003", digits="ffff0009", stamp="20260105-000000")
    with pytest.raises(UsageError, match="of 2 runs") as refused:
        trash.remove(["cccc0003"])
    assert refused.value.hint.startswith("name one by its id, as ffff0009")
    trash.remove(["name:cccc0003"])
    assert names(trash.directory) == ["ffff0009"]


def test_of_a_run_and_its_copy_the_directories_are_told(trash):
    original = trash.root / "20260101-000000-old-aaaa0001"
    shutil.copytree(original, trash.root / "copy")
    with pytest.raises(UsageError) as refused:
        trash.remove(["aaaa0001"])
    assert original.name in refused.value.message
    trash.remove(["copy"])
    assert original.exists()


def test_a_run_that_is_named_twice_is_removed_once(trash):
    assert len(trash.remove(["old", "aaaa", "@4"])) == 1


def test_a_run_that_is_being_trained_is_refused_and_others_stay_with_it(trash):
    log = Run(trash.root / "20260103-000000-twin-cccc0003").log
    with held(log):
        with pytest.raises(RunError, match="cccc0003 is being trained"):
            trash.remove(["old", "cccc0003"])
        assert names(trash.root) == ALL
    trash.remove(["old", "cccc0003"])
    assert names(trash.directory) == ["aaaa0001", "cccc0003"]


def test_a_run_whose_training_begins_at_the_last_moment_brings_the_others_back(trash, monkeypatch):
    calls = iter(range(4))
    real = trash_module.untrained

    def untrained(run):
        if next(calls) == 3:  # two looks at both, and then a move of the first
            run.log.touch()
            lock.enter_context(held(run.log))
        return real(run)

    monkeypatch.setattr(trash_module, "untrained", untrained)
    with trash_module.ExitStack() as lock, pytest.raises(RunError, match="is being trained"):
        trash.remove(["old", "cccc0003"])
    assert names(trash.root) == ALL


def test_what_cannot_be_moved_brings_the_others_back(trash, monkeypatch):
    monkeypatch.setattr(trash_module, "sync_directory", fail)
    with pytest.raises(RunError, match=r"nothing can be moved to .*: No space left"):
        trash.remove(["old", "cccc0003"])
    assert names(trash.root) == ALL


def fail(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("log", ["fifo", "link", "directory", "missing"])
def test_a_log_that_no_training_could_hold_is_no_obstacle_and_is_not_touched(trash, tmp_path, log):
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


def test_a_link_is_moved_itself_and_purged_itself(trash, tmp_path):
    target = tmp_path / "precious"
    (trash.root / "20260101-000000-old-aaaa0001").rename(target)
    before = content(target)
    link = trash.root / "20260101-000000-old-aaaa0001"
    link.symlink_to(target)
    trash.remove(["aaaa0001"])
    assert (trash.directory / link.name).is_symlink()
    trash.restore(["old"])
    assert link.resolve() == target
    trash.remove([str(link)])
    assert trash.purge(trash.contents()) == []
    assert not list(trash.directory.iterdir())
    assert content(target) == before


def test_a_link_to_a_run_that_is_being_trained_stays(trash):
    run = Run(trash.root / "20260101-000000-old-aaaa0001")
    link = trash.root / "20270101-000000-link-eeee0005"
    link.symlink_to(run.directory)
    with held(run.log), pytest.raises(RunError, match="is being trained"):
        trash.remove([link.name])
    trash.remove([link.name, run.directory.name])
    assert names(trash.directory) == ["aaaa0001", "eeee0005"]


def test_a_link_in_a_run_is_not_followed_by_a_purge(trash, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (trash.root / "20260101-000000-old-aaaa0001" / "checkpoints").symlink_to(tmp_path / "precious")
    trash.remove(["old"])
    trash.purge(trash.contents())
    assert (tmp_path / "precious" / "file").exists()


@pytest.mark.parametrize("kind", ["a link", "no directory"])
@pytest.mark.parametrize("verb", ["remove", "restore", "purge", "contents"])
def test_a_trash_that_is_none_is_refused_by_every_verb(trash, tmp_path, verb, kind):
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(trash.root / "20260101-000000-old-aaaa0001", tmp_path / "elsewhere" / "x-eeee0005")
    if kind == "a link":
        trash.directory.symlink_to(tmp_path / "elsewhere")
    else:
        trash.directory.write_text("")
    before = content(tmp_path)
    in_it = Discarded(Entry(Run(trash.directory / "x-eeee0005"), None), 0)
    with pytest.raises(RunError, match=kind):
        getattr(trash, verb)({"remove": ["old"], "restore": ["eeee0005"], "purge": [in_it], "contents": []}[verb])
    assert content(tmp_path) == before


def test_a_restore_never_writes_over_a_run(trash):
    trash.remove(["old"])
    again = trash.root / "20260101-000000-old-aaaa0001"
    again.mkdir()
    with pytest.raises(RunError, match="is there already"):
        trash.restore(["old"])
    again.rmdir()
    trash.restore(["old"])
    assert names(trash.root) == ALL


def test_a_removal_never_writes_over_what_is_in_the_trash(trash):
    trash.remove(["old"])
    shutil.copytree(trash.directory / "20260101-000000-old-aaaa0001", trash.root / "20260101-000000-old-aaaa0001")
    with pytest.raises(RunError, match="is there already"):
        trash.remove(["@4", "cccc0003"])
    assert names(trash.root) == ALL


def test_an_ambiguous_name_is_not_restored_and_not_purged(trash):
    trash.remove(["aabb0002", "cccc0003"])
    for verb in (trash.restore, trash.contents):
        with pytest.raises(UsageError, match="twin is the name of 2 runs of one experiment in the trash"):
            verb(["twin"])
    assert names(trash.directory) == ["aabb0002", "cccc0003"]


def test_a_purge_deletes_what_is_named_and_tells_its_size_before(trash):
    size = sum(path.stat().st_size for path in trash.root.glob("*aaaa0001/*"))
    trash.remove(["old", "dddd0004"])
    (old,) = trash.contents(["old"])
    assert old.bytes == size
    assert trash.purge([old]) == []
    assert names(trash.directory) == ["dddd0004"]
    assert names(trash.root) == ["aabb0002", "cccc0003"]


def test_what_cannot_be_deleted_is_told_and_stops_nothing_else(trash, monkeypatch):
    real = shutil.rmtree

    def rmtree(path):
        if path.name.endswith("aabb0002"):
            raise PermissionError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    trash.remove(["old", "aabb0002", "cccc0003", "dddd0004"])
    with held(Run(trash.directory / "20260103-000000-twin-cccc0003").log):
        reasons = [failure.reason for failure in trash.purge(trash.contents())]
    assert len(reasons) == 2
    assert reasons[0].endswith("cccc0003 is being trained")
    assert reasons[1].endswith("aabb0002 cannot be deleted: Permission denied")
    assert names(trash.directory) == ["aabb0002", "cccc0003"]


def test_what_another_process_has_purged_is_purged(trash):
    trash.remove(["old"])
    contents = trash.contents()
    shutil.rmtree(contents[0].entry.run.directory)
    assert trash.purge(contents) == []


def test_there_need_be_no_trash_and_no_runs_directory(tmp_path):
    trash = Trash(tmp_path / "nowhere")
    assert trash.contents() == []
    for verb in (trash.remove, trash.restore, trash.contents):
        with pytest.raises(UsageError, match="no run x"):
            verb(["x"])
    assert not trash.root.exists()


def test_the_trash_is_no_run(trash):
    trash.remove(["old"])
    assert [entry.run.directory.name[-8:] for entry in Store(trash.root).entries()] == ALL[:0:-1]


def test_sizes_are_of_files_and_of_links_themselves(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"12345")
    (tmp_path / "a" / "loop").symlink_to("..")
    assert tree_bytes(tmp_path) == 5 + len("..")
    assert tree_bytes(tmp_path / "nothing") == 0


def test_what_is_no_run_is_neither_removed_nor_purged(make_run):
    root = make_run().directory.parent
    for place in (root / "notes", root / ".trash" / "notes"):
        place.mkdir(parents=True)
        (place / "a.md").write_text("mine")
    trash = Trash(root)
    with pytest.raises(UsageError, match="is no run"):
        trash.remove(["notes"])
    assert trash.contents() == []
    trash.purge(trash.contents())
    assert (root / ".trash" / "notes" / "a.md").read_text() == "mine"
