import os
from contextlib import ExitStack

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs import store as store_module
from dnn_cli.runs.store import Store


@pytest.fixture
def store(tmp_path, make_run):
    make_run("name=old", digits="aaaa0001", stamp="20260101-000000", curve=(0.9,))
    make_run("name=twin", digits="aabb0002", stamp="20260102-000000", curve=(0.7,))
    make_run("name=twin", digits="cccc0003", stamp="20260103-000000", curve=(0.6,))
    make_run("name=bad", digits="dddd0004", stamp="20260104-000000").record.write_text("{")
    return Store(tmp_path / "runs")


def test_runs_are_listed_latest_first_and_a_broken_one_hides_none(store):
    (store.root / ".hidden").mkdir()
    (store.root / "a file").touch()
    found = store.entries()
    assert [entry.record.name if entry.record else entry.broken[:11] for entry in found] == [
        "run.json is", "twin", "twin", "old",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "digits"),
    [
        ("aaaa0001", "aaaa0001"),
        ("aab", "aabb0002"),
        ("twin", "cccc0003"),
        ("@1", "dddd0004"),
        ("@2", "cccc0003"),
        ("best:val_accuracy", "aaaa0001"),
        ("best:val_acc", "aaaa0001"),
        ("best:val_loss", "aaaa0001"),
        ("20260102-000000-twin-aabb0002", "aabb0002"),
    ],
)
def test_a_run_is_found_by_its_address(store, address, digits):
    assert store.find(address).directory.name.endswith(digits)


def test_a_run_is_found_by_its_directory(store):
    directory = next(store.root.glob("*aabb0002"))
    assert store.find(str(directory)).directory == directory


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("aa", "the beginning of the ids of 2 runs"),
        ("twim", "no run twim"),
        ("@9", "there are @1 to @4"),
        ("@x", "there are @1 to @4"),
        ("best:accuracyy", "no completed run has the metric"),
        ("../runs/nothing", "no run ../runs/nothing"),
        ("x" * 5000, "no run xxx"),
        ("best:seconds", "no completed run has the metric"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(store, address, message):
    with pytest.raises(UsageError) as refused:
        store.find(address)
    assert message in refused.value.message


def test_the_nearest_name_is_offered(store):
    with pytest.raises(UsageError) as refused:
        store.find("twim")
    assert refused.value.hint == "did you mean twin?"


@pytest.fixture
def record(make_run):
    """Makes the first record of a run."""
    made = make_run().read_record()
    return lambda run_id: made.model_copy(update={"id": run_id, "status": "running"})


def test_a_new_run_has_a_name_of_its_own_and_appears_whole(tmp_path, record):
    store = Store(tmp_path / "a path with spaces" / "런")
    with ExitStack() as stack:
        runs = [stack.enter_context(store.new_run("../a/b 모델", "config\n", record)) for _ in range(20)]
        assert len({run.directory for run in runs}) == 20
        assert all(run.directory.parent == store.root for run in runs)
        assert all(run.config.read_text() == "config\n" for run in runs)
        assert {entry.record.status for entry in store.entries()} == {"running"}
    assert {entry.record.status for entry in store.entries()} == {"interrupted"}
    assert not list(store.root.glob(".*"))


def test_a_place_that_cannot_be_written_is_refused(tmp_path, record):
    (tmp_path / "file").write_text("a file in the way")
    with pytest.raises(RunError, match="no run can be made"), Store(tmp_path / "file").new_run("x", "", record):
        pass


def test_a_run_that_cannot_be_begun_leaves_nothing(tmp_path, record, monkeypatch):
    monkeypatch.setattr(store_module, "sync_directory", fail)
    with pytest.raises(RunError, match="No space left"), Store(tmp_path / "new").new_run("x", "", record):
        pass
    assert not [path for path in (tmp_path / "new").iterdir() if path.name.startswith(".")]


def fail(*_):
    raise OSError(28, "No space left on device")


def test_there_need_be_no_runs_directory(tmp_path):
    assert Store(tmp_path / "nowhere").entries() == []
    with pytest.raises(UsageError, match="there is no run in"):
        Store(tmp_path / "nowhere").find("x")


def test_a_clock_that_jumps_back_changes_no_order(tmp_path, record):
    store = Store(tmp_path / "runs")
    (store.root / "20991231-235959-tomorrow-0000000a").mkdir(parents=True)
    (store.root / "99991231-235959-never-0000000b").mkdir()
    names = []
    with ExitStack() as stack:
        for name in ("first", "second", "third"):
            run = stack.enter_context(store.new_run(name, "", record))
            names.append(run.directory.name)
    assert names == sorted(names)
    assert all(name.startswith("2100") for name in names)
    assert [entry.run.directory.name for entry in store.entries()][1:4] == names[::-1]


def test_a_place_that_cannot_be_written_is_known_before_anything_takes_time(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module.os, "access", lambda *_: False)
    with pytest.raises(RunError, match="cannot be written"):
        Store(tmp_path / "a" / "b").check_writable()
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is no directory"):
        Store(tmp_path / "file" / "b").check_writable()


@pytest.mark.parametrize("kind", ["FIFO", "link", "directory"])
def test_a_log_that_is_no_file_is_locked_by_nobody(make_run, tmp_path, kind):
    run, victim = make_run(), tmp_path / "victim"
    if kind == "FIFO":
        os.mkfifo(run.log)
    elif kind == "link":
        run.log.symlink_to(victim)
    else:
        run.log.mkdir()
    with pytest.raises(RunError, match=r"train\.log cannot be written"), run.claimed():
        pass
    assert not victim.exists()
