import json
import os
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from dnn_cli.runs import run_index as index_module
from dnn_cli.runs.annotations import Annotations, write_annotations
from dnn_cli.runs.run import RECORD_FILE, Run, format_metrics_csv
from dnn_cli.runs.run_index import RunIndex, get_index_path
from dnn_cli.runs.store import Store
from tests.helpers.forked_cli import FORKSERVER

COUNT = 8


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Use a cache directory for this test alone, and an index for a few runs already."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index_module, "MIN_INDEXED_RUNS", 3)
    monkeypatch.setattr(index_module, "DATABASE_TIMEOUT", 0.05)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The place for a copy of the first test's runs, from which the other tests have theirs."""
    return tmp_path_factory.mktemp("template") / "runs"


@pytest.fixture
def root(tmp_path, make_run, template):
    """A directory of runs, all of them in its index."""
    if template.exists():
        shutil.copytree(template, tmp_path / "runs")
    else:
        make_runs(make_run)
        shutil.copytree(tmp_path / "runs", template)
    assert list_names(list_details(tmp_path / "runs")) == list_names(list_details(tmp_path / "runs", with_index=False))
    return tmp_path / "runs"


def make_runs(make_run):
    for number in range(COUNT):
        name, optimizer = f"name=run{number}", f"optimizer={('adam', 'sgd')[number % 2]}"
        run = make_run(name, optimizer, f"seed={number}", digits=f"{number:08x}", curve=(0.5, 0.6 + number / 100))
        if number == 2:
            write_annotations(run, Annotations(name="모델", tags=("paper",), note="a note"))


def list_details(root, *, with_index=True):
    """All that is said of the runs, with an index or without one."""
    with pytest.MonkeyPatch.context() as patch:
        if not with_index:
            patch.setattr(index_module, "MIN_INDEXED_RUNS", 10**9)
        store = Store(root)
        runs = store.with_details(store.list_runs())
    return [(run_info, run_info.details) for run_info in runs]


def list_names(details):
    """What runs are called."""
    return [run_info.name for run_info, _ in details]


def check_same_with_and_without_index(root):
    """With an index, be it old or just renewed, all is listed as without one."""
    expected = list_details(root, with_index=False)
    assert list_details(root) == expected
    assert list_details(root) == expected
    return expected


def list_indexed_ids(root):
    """The runs whose record is in the index, by the end of their names."""
    with closing(sqlite3.connect(get_index_path(root))) as database:
        return {name[-8:] for (name,) in database.execute("select name from cached_contents where kind = 'record'")}


def find_numbered_run(root, number):
    """One of the runs."""
    return Run(next(root.glob(f"*{number:08x}")))


def fail_on_read(*_):
    raise AssertionError("a file was read")


def test_indexed_runs_are_listed_without_reading_files(root, monkeypatch):
    expected = check_same_with_and_without_index(root)
    monkeypatch.setattr(index_module, "read_run_info", fail_on_read)
    monkeypatch.setattr(index_module, "read_details", fail_on_read)
    assert list_details(root) == expected
    assert {"paper"} == {tag for run_info, _ in expected for tag in run_info.annotations.tags}
    assert list_indexed_ids(root) == {f"{number:08x}" for number in range(COUNT)}


def change_status(root):
    run = find_numbered_run(root, 1)
    run.write_record(run.read_record().model_copy(update={"status": "failed", "reason": "no memory"}))


def change_status_in_place(root):
    run = find_numbered_run(root, 1)
    text = run.record.read_text()
    run.record.write_text(text.replace('"completed"', '"diverged" '))
    assert run.record.stat().st_size == len(text)


def append_metrics(root):
    run = find_numbered_run(root, 1)
    row = {**run.read_metrics()[-1], "epoch": 3, "val_accuracy": 0.99}
    with run.metrics.open("a") as stream:
        stream.write(format_metrics_csv([row], header=False))


def edit_config_in_place(root):
    run = find_numbered_run(root, 1)
    times, text = run.config.stat(), run.config.read_text()
    run.config.write_text(text.replace("units: 16", "units: 32"))
    os.utime(run.config, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (run.config.stat().st_size, run.config.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)


def replace_record_by_similar_file(root):
    run = find_numbered_run(root, 1)
    times, other = run.record.stat(), run.directory / "other"
    other.write_text(run.record.read_text().replace("val_accuracy", "val_akkurazy"))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(run.record)
    assert (run.record.stat().st_size, run.record.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)


def damage_file(name, text="{"):
    return lambda root: (find_numbered_run(root, 1).directory / name).write_text(text)


def remove_file(name):
    return lambda root: (find_numbered_run(root, 1).directory / name).unlink()


def rename_run(root):
    run = find_numbered_run(root, 1)
    run.directory.rename(root / f"20300101-000000-later-{1:08x}")


def restore_run(root):
    run = find_numbered_run(root, 1)
    shutil.move(run.directory, root.parent / "away")
    assert len(check_same_with_and_without_index(root)) == COUNT - 1
    shutil.move(root.parent / "away", run.directory)


def swap_runs(root):
    first, second = find_numbered_run(root, 1).directory, find_numbered_run(root, 4).directory
    first.rename(root / ".other")
    second.rename(first)
    (root / ".other").rename(second)


def replace_record_by_directory(root):
    record = find_numbered_run(root, 1).record
    record.unlink()
    record.mkdir()


CHANGES = {
    "its status changes": change_status,
    "its status is edited in place": change_status_in_place,
    "an epoch is added": append_metrics,
    "its config is edited in place, its size and time kept": edit_config_in_place,
    "its record is another file of the same size and time": replace_record_by_similar_file,
    "it is labelled": lambda root: write_annotations(
        find_numbered_run(root, 1), Annotations(name="new", tags=("a", "b"))
    ),
    "its labels change": lambda root: write_annotations(find_numbered_run(root, 2), Annotations(tags=("other",))),
    "its labels are removed": lambda root: find_numbered_run(root, 2).annotations.unlink(),
    "its labels are damaged": lambda root: find_numbered_run(root, 2).annotations.write_text("{"),
    "its record is damaged": damage_file("run.json"),
    "its config is damaged": damage_file("config.yaml"),
    "its metrics are damaged": damage_file("metrics.csv", "epoch,loss\n1,a\n"),
    "its record is removed": remove_file("run.json"),
    "its config is removed": remove_file("config.yaml"),
    "its metrics are removed": remove_file("metrics.csv"),
    "its record is a directory": replace_record_by_directory,
    "it is removed": lambda root: shutil.rmtree(find_numbered_run(root, 1).directory),
    "it is renamed": rename_run,
    "it is away, and comes back": restore_run,
    "two change places": swap_runs,
    "it is copied": lambda root: shutil.copytree(
        find_numbered_run(root, 1).directory, root / "20300101-000000-copy-000000ff"
    ),
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in CHANGES.items()])
def test_changed_run_is_read_again(root, change):
    before = list_details(root)
    change(root)
    after = check_same_with_and_without_index(root)
    is_back = change is restore_run
    assert (after == before) is is_back


@pytest.mark.parametrize("seed", range(3))
def test_changes_in_any_order_are_read_again(root, seed):
    dice = random.Random(seed)
    changes = [
        change_status, append_metrics, rename_run, CHANGES["it is labelled"], CHANGES["its labels change"],
        edit_config_in_place,
    ]  # fmt: skip
    for change in dice.sample(changes, len(changes)):
        change(root)
        check_same_with_and_without_index(root)
    assert list_indexed_ids(root) == {f"{number:08x}" for number in range(COUNT)}


def test_deleted_run_leaves_the_index(root):
    shutil.rmtree(find_numbered_run(root, 1).directory)
    list_details(root)
    assert list_indexed_ids(root) == {f"{number:08x}" for number in range(COUNT)} - {"00000001"}


def test_new_run_is_listed(root, make_run):
    make_run("name=new", digits="000000aa", stamp="20300101-000000")
    assert list_names(check_same_with_and_without_index(root))[0] == "new"
    assert "000000aa" in list_indexed_ids(root)


def truncate_file(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def overwrite_file(file):
    file.write_bytes(random.Random(0).randbytes(file.stat().st_size))


def overwrite_after_header(file):
    file.write_bytes(file.read_bytes()[:100] + random.Random(0).randbytes(file.stat().st_size - 100))


def flip_bits(seed):
    def work(file):
        dice, content = random.Random(seed), bytearray(file.read_bytes())
        for _ in range(4 ** (seed % 6)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        file.write_bytes(content)

    return work


def execute_sql(text):
    def work(file):
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(text)

    return work


def replace_database(text):
    def work(file):
        file.unlink()
        execute_sql(text)(file)

    return work


DAMAGES = {
    "deleted": lambda file: file.unlink(),
    "without its directory": lambda file: shutil.rmtree(file.parent),
    "empty": lambda file: file.write_bytes(b""),
    "cut": truncate_file,
    "random bytes": overwrite_file,
    "random bytes behind a header": overwrite_after_header,
    "a text": lambda file: file.write_text("no database\n" * 1000),
    "another database": replace_database("create table other (x)"),
    "another table": replace_database("create table cached_contents (x)"),
    "a table with other columns": replace_database("create table cached_contents (kind, name, key, content, size)"),
    "numbers for texts": execute_sql("update cached_contents set key = 2, content = 3"),
    "texts for bytes": execute_sql("update cached_contents set content = cast(content as text)"),
    "names that are no UTF-8": execute_sql("update cached_contents set name = cast(x'ff' || name as text)"),
    "keys that are no UTF-8": execute_sql("update cached_contents set key = cast(x'ff' as text)"),
    "nothing": execute_sql("update cached_contents set name = null, key = null, content = null, sum = null"),
    "another content under a true key": execute_sql("update cached_contents set content = x'7b7d00'"),
    **{f"bits flipped, {seed}": flip_bits(seed) for seed in range(24)},
}


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in DAMAGES.items()])
def test_damaged_index_is_rebuilt(root, damage, monkeypatch):
    expected = list_details(root, with_index=False)
    damage(get_index_path(root))
    assert list_details(root) == expected
    assert list_details(root) == expected
    monkeypatch.setattr(index_module, "read_run_info", fail_on_read)
    monkeypatch.setattr(index_module, "read_details", fail_on_read)
    assert list_details(root) == expected


def replace_by_directory(file):
    file.unlink()
    file.mkdir()
    (file / "x").touch()


def replace_directory_by_file(file):
    shutil.rmtree(file.parent)
    file.parent.touch()


def replace_cache_by_file(file):
    shutil.rmtree(file.parents[2])
    file.parents[2].touch()


def remove_write_permission(file):
    file.chmod(0o444)
    file.parent.chmod(0o555)


@pytest.mark.parametrize(
    "block", [replace_by_directory, replace_directory_by_file, replace_cache_by_file, remove_write_permission]
)
def test_unwritable_index_changes_no_result(root, block):
    block(get_index_path(root))
    change_status(root)
    try:
        check_same_with_and_without_index(root)
    finally:
        if get_index_path(root).parent.is_dir():
            get_index_path(root).parent.chmod(0o755)


def test_locked_index_is_not_deleted(root):
    with closing(sqlite3.connect(get_index_path(root))) as other:
        other.execute("begin exclusive")
        append_metrics(root)
        change_status(root)
        check_same_with_and_without_index(root)
    assert len(list_indexed_ids(root)) == COUNT
    check_same_with_and_without_index(root)


def list_details_repeatedly(root, cache, mode, results):
    os.environ["XDG_CACHE_HOME"] = cache
    index_module.MIN_INDEXED_RUNS = 3
    for _ in range(20):
        store = Store(root)
        runs = store.with_details(store.list_runs())
        assert [run.record.epochs for run in runs] == [run.details.epoch_count for run in runs] == [2] * len(runs)
        if mode == "x":
            get_index_path(root).unlink(missing_ok=True)
    results.put(len(runs))


def test_index_is_safe_for_several_processes(root, cache):
    get_index_path(root).unlink()
    results = FORKSERVER.SimpleQueue()
    processes = [
        FORKSERVER.Process(target=list_details_repeatedly, args=(root, str(cache), mode, results)) for mode in "--x"
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 3
    assert [results.get() for _ in processes] == [COUNT] * 3
    check_same_with_and_without_index(root)


def test_unreadable_run_does_not_affect_others(root):
    before = [run_info for run_info, _ in list_details(root) if run_info.run != find_numbered_run(root, 3)]
    find_numbered_run(root, 3).record.write_text("{")
    after = [run_info for run_info, _ in check_same_with_and_without_index(root)]
    assert [run_info for run_info in after if run_info.record] == before
    assert [run_info.error[:20] for run_info in after if not run_info.record] == ["run.json is not JSON"]


def test_running_run_is_not_indexed(root, make_run):
    run = make_run("name=going", digits="000000aa", stamp="20300101-000000", status="running")

    def read_status():
        record = check_same_with_and_without_index(root)[0][0].record
        return record.status, record.epochs

    with run.hold_lock():
        assert read_status() == ("running", 2)
        with run.metrics.open("a") as stream:
            stream.write(format_metrics_csv([{**run.read_metrics()[-1], "epoch": 3}], header=False))
        assert read_status() == ("running", 3)
        assert "000000aa" not in list_indexed_ids(root)
    assert read_status() == ("interrupted", 3)
    assert "000000aa" not in list_indexed_ids(root)
    run.close_record("interrupted", "killed")
    assert read_status() == ("interrupted", 3)
    assert "000000aa" in list_indexed_ids(root)


def test_resumed_run_is_listed_as_running(root):
    run = find_numbered_run(root, 1)
    with run.hold_lock():
        run.write_record(run.read_record().model_copy(update={"status": "running"}))
        assert [
            run_info.record.status for run_info, _ in check_same_with_and_without_index(root) if run_info.run == run
        ] == ["running"]


def test_each_real_directory_has_its_own_index(root, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    assert get_index_path(root) == get_index_path(tmp_path / "link") == get_index_path(root.relative_to(tmp_path))
    assert get_index_path(root) != get_index_path(tmp_path / "other")
    monkeypatch.setattr(index_module.dnn_cli, "__version__", "0")
    assert get_index_path(root) != RunIndex(tmp_path / "other").database_path != RunIndex(root).database_path


def test_index_copied_from_another_directory_is_not_used(root, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(root, other)  # with the times of all files
    for run in map(Run, other.iterdir()):
        text = run.record.read_text()
        run.record.write_text(json.dumps({**json.loads(text), "epochs": 1}))
    shutil.copy(get_index_path(root), get_index_path(other))
    assert {run_info.record.epochs for run_info, _ in check_same_with_and_without_index(other)} == {1}
    assert {run_info.record.epochs for run_info, _ in check_same_with_and_without_index(root)} == {2}


def test_replaced_directory_is_listed_correctly(root, tmp_path):
    root.rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old", root)
    for directory in root.iterdir():
        (directory / RECORD_FILE).write_text((directory / RECORD_FILE).read_text().replace("run", "new"))
    assert {run_info.record.name[:3] for run_info, _ in check_same_with_and_without_index(root)} == {"new", "모델"}
    assert {run_info.record.name[:3] for run_info, _ in check_same_with_and_without_index(tmp_path / "old")} == {
        "run",
        "모델",
    }


def test_few_runs_are_read_without_index(tmp_path, make_run, cache):
    for number in range(2):
        make_run(digits=f"{number:08x}")
    assert len(check_same_with_and_without_index(tmp_path / "runs")) == 2
    assert not cache.exists()


def test_directory_name_that_is_not_utf8_is_listed(root):
    shutil.copytree(find_numbered_run(root, 1).directory, root / os.fsdecode(b"20300101-000000-\xff-000000ff"))
    assert len(check_same_with_and_without_index(root)) == COUNT + 1
    assert len(list_indexed_ids(root)) == COUNT


def test_runs_of_other_directories_are_not_indexed(root, tmp_path):
    away = tmp_path / "away" / "20300101-000000-away-000000ff"
    shutil.copytree(find_numbered_run(root, 1).directory, away)
    store = Store(root)
    runs = [*store.list_runs(), index_module.read_run_info(Run(away))]
    assert [run_info.details for run_info in store.with_details(runs)] == [run_info.details for run_info in runs]
    with closing(sqlite3.connect(get_index_path(root))) as database:
        assert database.execute("select count(*) from cached_contents where name like '%away%'").fetchone() == (0,)
