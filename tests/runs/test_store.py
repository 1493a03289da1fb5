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


def test_runs_are_listed_latest_first(store):
    (store.root / ".hidden").mkdir()
    (store.root / "a file").touch()
    runs = store.list_runs()
    assert [run_info.record.name if run_info.record else run_info.error[:11] for run_info in runs] == [
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
def test_run_is_found_by_its_address(store, address, digits):
    assert store.find(address).directory.name.endswith(digits)


def test_run_is_found_by_its_directory(store):
    directory = next(store.root.glob("*aabb0002"))
    assert store.find(str(directory)).directory == directory


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("aa", "the beginning of the ids of 2 runs"),
        ("twim", "no run twim"),
        ("@9", "the runs are @1 to @4"),
        ("@x", "the runs are @1 to @4"),
        ("best:accuracyy", "no completed run has the metric"),
        ("../runs/nothing", "no run ../runs/nothing"),
        ("x" * 5000, "no run xxx"),
        ("best:seconds", "no completed run has the metric"),
    ],
)
def test_unmatched_address_is_refused_with_a_reason(store, address, message):
    with pytest.raises(UsageError) as refused:
        store.find(address)
    assert message in refused.value.message


def test_nearest_name_is_suggested(store):
    with pytest.raises(UsageError) as refused:
        store.find("twim")
    assert refused.value.suggestion == "did you mean twin?"


@pytest.fixture
def record(make_run):
    """Makes the first record of a run."""
    record = make_run().read_record()
    return lambda run_id: record.model_copy(update={"id": run_id, "status": "running"})


def test_new_run_has_a_unique_name_and_appears_complete(tmp_path, record):
    store = Store(tmp_path / "a path with spaces" / "런")
    with ExitStack() as stack:
        runs = [stack.enter_context(store.create_run("../a/b 모델", "config\n", record)) for _ in range(20)]
        assert len({run.directory for run in runs}) == 20
        assert all(run.directory.parent == store.root for run in runs)
        assert all(run.config.read_text() == "config\n" for run in runs)
        assert {run_info.record.status for run_info in store.list_runs()} == {"running"}
    assert {run_info.record.status for run_info in store.list_runs()} == {"interrupted"}
    assert not list(store.root.glob(".*"))


def test_create_run_refuses_unwritable_directory(tmp_path, record):
    (tmp_path / "file").write_text("a file in the way")
    with pytest.raises(RunError, match="cannot be created"), Store(tmp_path / "file").create_run("x", "", record):
        pass


def test_failed_creation_leaves_nothing(tmp_path, record, monkeypatch):
    monkeypatch.setattr(store_module, "sync_directory", raise_disk_full)
    with pytest.raises(RunError, match="No space left"), Store(tmp_path / "new").create_run("x", "", record):
        pass
    assert not [path for path in (tmp_path / "new").iterdir() if path.name.startswith(".")]


def raise_disk_full(*_):
    raise OSError(28, "No space left on device")


def test_missing_runs_directory_is_empty(tmp_path):
    assert Store(tmp_path / "nowhere").list_runs() == []
    with pytest.raises(UsageError, match="contains no runs"):
        Store(tmp_path / "nowhere").find("x")


def test_clock_set_back_keeps_the_order(tmp_path, record):
    store = Store(tmp_path / "runs")
    (store.root / "20991231-235959-tomorrow-0000000a").mkdir(parents=True)
    (store.root / "99991231-235959-never-0000000b").mkdir()
    names = []
    with ExitStack() as stack:
        for name in ("first", "second", "third"):
            run = stack.enter_context(store.create_run(name, "", record))
            names.append(run.directory.name)
    assert names == sorted(names)
    assert all(name.startswith("2100") for name in names)
    assert [run_info.run.directory.name for run_info in store.list_runs()][1:4] == names[::-1]


def test_check_writable_refuses_unwritable_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module.os, "access", lambda *_: False)
    with pytest.raises(RunError, match="cannot be written"):
        Store(tmp_path / "a" / "b").check_writable()
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is not a directory"):
        Store(tmp_path / "file" / "b").check_writable()


@pytest.mark.parametrize("kind", ["FIFO", "link", "directory"])
def test_log_that_is_not_a_file_cannot_be_locked(make_run, tmp_path, kind):
    run, victim = make_run(), tmp_path / "victim"
    if kind == "FIFO":
        os.mkfifo(run.log)
    elif kind == "link":
        run.log.symlink_to(victim)
    else:
        run.log.mkdir()
    with pytest.raises(RunError, match=r"train\.log cannot be written"), run.hold_lock():
        pass
    assert not victim.exists()
