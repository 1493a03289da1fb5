import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from dnn_cli.runs import index as index_module
from dnn_cli.runs.index import Index, index_file
from dnn_cli.runs.labels import Labels, write_labels
from dnn_cli.runs.run import RECORD, Run, csv_text
from dnn_cli.runs.store import Store
from tests.conftest import ROOT

COUNT = 8


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of its own, and an index for a few runs already."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index_module, "FEW", 3)
    monkeypatch.setattr(index_module, "PATIENCE", 0.05)
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path, make_run):
    """A directory of runs, all of them in its index."""
    for number in range(COUNT):
        name, optimizer = f"name=run{number}", f"optimizer={('adam', 'sgd')[number % 2]}"
        run = make_run(name, optimizer, f"seed={number}", digits=f"{number:08x}", curve=(0.5, 0.6 + number / 100))
        if number == 2:
            write_labels(run, Labels(name="모델", tags=("paper",), note="a note"))
    assert names(listed(tmp_path / "runs")) == names(listed(tmp_path / "runs", known=False))
    return tmp_path / "runs"


def listed(root, *, known=True):
    """All that is said of the runs, with an index or without one."""
    with pytest.MonkeyPatch.context() as patch:
        if not known:
            patch.setattr(index_module, "FEW", 10**9)
        store = Store(root)
        entries = store.detailed(store.entries())
    return [(entry, entry.details) for entry in entries]


def names(found):
    """What runs are called."""
    return [entry.name for entry, _ in found]


def check(root):
    """With an index, be it old or just renewed, all is listed as without one."""
    expected = listed(root, known=False)
    assert listed(root) == expected
    assert listed(root) == expected
    return expected


def remembered(root):
    """The runs whose record is in the index, by the end of their names."""
    with closing(sqlite3.connect(index_file(root))) as database:
        return {name[-8:] for (name,) in database.execute("select name from facts where kind = 'record'")}


def numbered(root, number):
    """One of the runs."""
    return Run(next(root.glob(f"*{number:08x}")))


def refuse(*_):
    raise AssertionError("a file was read")


def test_runs_are_listed_without_a_look_into_their_files(root, monkeypatch):
    expected = check(root)
    monkeypatch.setattr(index_module, "read_entry", refuse)
    monkeypatch.setattr(index_module, "read_details", refuse)
    assert listed(root) == expected
    assert {"paper"} == {tag for entry, _ in expected for tag in entry.labels.tags}
    assert remembered(root) == {f"{number:08x}" for number in range(COUNT)}


def change_status(root):
    run = numbered(root, 1)
    run.write_record(run.read_record().model_copy(update={"status": "failed", "reason": "no memory"}))


def change_status_in_place(root):
    run = numbered(root, 1)
    text = run.record.read_text()
    run.record.write_text(text.replace('"completed"', '"diverged" '))
    assert run.record.stat().st_size == len(text)


def append_metrics(root):
    run = numbered(root, 1)
    row = {**run.read_metrics()[-1], "epoch": 3, "val_accuracy": 0.99}
    with run.metrics.open("a") as stream:
        stream.write(csv_text([row], header=False))


def edit_config_in_place(root):
    run = numbered(root, 1)
    times, text = run.config.stat(), run.config.read_text()
    run.config.write_text(text.replace("units: 16", "units: 32"))
    os.utime(run.config, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (run.config.stat().st_size, run.config.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)


def replace_record_alike(root):
    run = numbered(root, 1)
    times, other = run.record.stat(), run.directory / "other"
    other.write_text(run.record.read_text().replace("val_accuracy", "val_akkurazy"))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(run.record)
    assert (run.record.stat().st_size, run.record.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)


def damage(name, text="{"):
    return lambda root: (numbered(root, 1).directory / name).write_text(text)


def remove(name):
    return lambda root: (numbered(root, 1).directory / name).unlink()


def rename(root):
    run = numbered(root, 1)
    run.directory.rename(root / f"20300101-000000-later-{1:08x}")


def restore(root):
    run = numbered(root, 1)
    shutil.move(run.directory, root.parent / "away")
    assert len(check(root)) == COUNT - 1
    shutil.move(root.parent / "away", run.directory)


def swap(root):
    first, second = numbered(root, 1).directory, numbered(root, 4).directory
    first.rename(root / ".other")
    second.rename(first)
    (root / ".other").rename(second)


def swap_for_a_directory(root):
    record = numbered(root, 1).record
    record.unlink()
    record.mkdir()


CHANGES = {
    "its status changes": change_status,
    "its status is edited in place": change_status_in_place,
    "an epoch is added": append_metrics,
    "its config is edited in place, its size and time kept": edit_config_in_place,
    "its record is another file of the same size and time": replace_record_alike,
    "it is labelled": lambda root: write_labels(numbered(root, 1), Labels(name="new", tags=("a", "b"))),
    "its labels change": lambda root: write_labels(numbered(root, 2), Labels(tags=("other",))),
    "its labels are removed": lambda root: numbered(root, 2).labels.unlink(),
    "its labels are damaged": lambda root: numbered(root, 2).labels.write_text("{"),
    "its record is damaged": damage("run.json"),
    "its config is damaged": damage("config.yaml"),
    "its metrics are damaged": damage("metrics.csv", "epoch,loss\n1,a\n"),
    "its record is removed": remove("run.json"),
    "its config is removed": remove("config.yaml"),
    "its metrics are removed": remove("metrics.csv"),
    "its record is a directory": swap_for_a_directory,
    "it is removed": lambda root: shutil.rmtree(numbered(root, 1).directory),
    "it is renamed": rename,
    "it is away, and comes back": restore,
    "two change places": swap,
    "it is copied": lambda root: shutil.copytree(numbered(root, 1).directory, root / "20300101-000000-copy-000000ff"),
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in CHANGES.items()])
def test_a_change_of_a_run_is_seen(root, change):
    before = listed(root)
    change(root)
    after = check(root)
    is_back = change is restore
    assert (after == before) is is_back


@pytest.mark.parametrize("seed", range(3))
def test_changes_in_any_order_are_seen(root, seed):
    dice = random.Random(seed)
    changes = [
        change_status, append_metrics, rename, CHANGES["it is labelled"], CHANGES["its labels change"],
        edit_config_in_place,
    ]  # fmt: skip
    for change in dice.sample(changes, len(changes)):
        change(root)
        check(root)
    assert remembered(root) == {f"{number:08x}" for number in range(COUNT)}


def test_a_run_that_is_gone_is_forgotten(root):
    shutil.rmtree(numbered(root, 1).directory)
    listed(root)
    assert remembered(root) == {f"{number:08x}" for number in range(COUNT)} - {"00000001"}


def test_a_new_run_is_listed(root, make_run):
    make_run("name=new", digits="000000aa", stamp="20300101-000000")
    assert names(check(root))[0] == "new"
    assert "000000aa" in remembered(root)


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def overwrite(file):
    file.write_bytes(random.Random(0).randbytes(file.stat().st_size))


def overwrite_all_but_the_header(file):
    file.write_bytes(file.read_bytes()[:100] + random.Random(0).randbytes(file.stat().st_size - 100))


def flip(seed):
    def work(file):
        dice, content = random.Random(seed), bytearray(file.read_bytes())
        for _ in range(4 ** (seed % 6)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        file.write_bytes(content)

    return work


def statement(text):
    def work(file):
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(text)

    return work


def in_its_place(text):
    def work(file):
        file.unlink()
        statement(text)(file)

    return work


DAMAGES = {
    "deleted": lambda file: file.unlink(),
    "without its folder": lambda file: shutil.rmtree(file.parent),
    "empty": lambda file: file.write_bytes(b""),
    "cut": cut,
    "random bytes": overwrite,
    "random bytes behind a header": overwrite_all_but_the_header,
    "a text": lambda file: file.write_text("no database\n" * 1000),
    "another database": in_its_place("create table other (x)"),
    "another table": in_its_place("create table facts (x)"),
    "a table with other columns": in_its_place("create table facts (kind, name, key, content, size)"),
    "numbers for texts": statement("update facts set key = 2, content = 3"),
    "texts for bytes": statement("update facts set content = cast(content as text)"),
    "names that are no UTF-8": statement("update facts set name = cast(x'ff' || name as text)"),
    "keys that are no UTF-8": statement("update facts set key = cast(x'ff' as text)"),
    "nothing": statement("update facts set name = null, key = null, content = null, sum = null"),
    "another content under a true key": statement("update facts set content = x'7b7d00'"),
    **{f"bits flipped, {seed}": flip(seed) for seed in range(24)},
}


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in DAMAGES.items()])
def test_a_damaged_index_changes_nothing_and_is_made_again(root, damage, monkeypatch):
    expected = listed(root, known=False)
    damage(index_file(root))
    assert listed(root) == expected
    assert listed(root) == expected
    monkeypatch.setattr(index_module, "read_entry", refuse)
    monkeypatch.setattr(index_module, "read_details", refuse)
    assert listed(root) == expected


def a_directory(file):
    file.unlink()
    file.mkdir()
    (file / "x").touch()


def a_file_for_its_folder(file):
    shutil.rmtree(file.parent)
    file.parent.touch()


def a_file_for_the_cache(file):
    shutil.rmtree(file.parents[2])
    file.parents[2].touch()


def no_right_to_write(file):
    file.chmod(0o444)
    file.parent.chmod(0o555)


@pytest.mark.parametrize("block", [a_directory, a_file_for_its_folder, a_file_for_the_cache, no_right_to_write])
def test_an_index_that_cannot_be_written_changes_nothing(root, block):
    block(index_file(root))
    change_status(root)
    try:
        check(root)
    finally:
        if index_file(root).parent.is_dir():
            index_file(root).parent.chmod(0o755)


def test_an_index_that_another_process_has_is_waited_for_and_left_alone(root):
    with closing(sqlite3.connect(index_file(root))) as other:
        other.execute("begin exclusive")
        append_metrics(root)
        change_status(root)
        check(root)
    assert len(remembered(root)) == COUNT
    check(root)


def test_several_processes_make_and_read_an_index_at_once(root):
    script = (
        "import sys, pathlib; from dnn_cli.runs import index; from dnn_cli.runs.store import Store; index.FEW = 3\n"
        "for _ in range(20):\n"
        "    store = Store(pathlib.Path(sys.argv[1])); found = store.detailed(store.entries())\n"
        "    assert [one.record.epochs for one in found] == [one.details.epochs for one in found] == [2] * len(found)\n"
        "    index.index_file(store.root).unlink(missing_ok=True) if sys.argv[2] == 'x' else None\n"
        "print(len(found))\n"
    )
    index_file(root).unlink()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, root, what], env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for what in "--x"
    ]  # fmt: skip
    assert [process.communicate() for process in processes] == [(f"{COUNT}\n", "")] * 3
    check(root)


def test_a_broken_run_is_told_and_changes_no_other(root):
    before = [entry for entry, _ in listed(root) if entry.run != numbered(root, 3)]
    numbered(root, 3).record.write_text("{")
    after = [entry for entry, _ in check(root)]
    assert [entry for entry in after if entry.record] == before
    assert [entry.broken[:20] for entry in after if not entry.record] == ["run.json is not JSON"]


def test_a_run_that_goes_on_is_never_remembered_and_seen_to_end(root, make_run):
    run = make_run("name=going", digits="000000aa", stamp="20300101-000000", status="running")

    def said():
        record = check(root)[0][0].record
        return record.status, record.epochs

    with run.claimed():
        assert said() == ("running", 2)
        with run.metrics.open("a") as stream:
            stream.write(csv_text([{**run.read_metrics()[-1], "epoch": 3}], header=False))
        assert said() == ("running", 3)
        assert "000000aa" not in remembered(root)
    assert said() == ("interrupted", 3)
    assert "000000aa" not in remembered(root)
    run.close_record("interrupted", "killed")
    assert said() == ("interrupted", 3)
    assert "000000aa" in remembered(root)


def test_a_run_that_is_taken_up_again_is_seen_to_run(root):
    run = numbered(root, 1)
    with run.claimed():
        run.write_record(run.read_record().model_copy(update={"status": "running"}))
        assert [entry.record.status for entry, _ in check(root) if entry.run == run] == ["running"]


def test_every_directory_has_an_index_of_its_own_which_no_other_name_for_it_changes(root, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    assert index_file(root) == index_file(tmp_path / "link") == index_file(root.relative_to(tmp_path))
    assert index_file(root) != index_file(tmp_path / "other")
    monkeypatch.setattr(index_module.dnn_cli, "__version__", "0")
    assert index_file(root) != Index(tmp_path / "other").file != Index(root).file


def test_an_index_of_another_directory_is_not_believed(root, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(root, other)  # with the times of all files
    for run in map(Run, other.iterdir()):
        text = run.record.read_text()
        run.record.write_text(json.dumps({**json.loads(text), "epochs": 1}))
    shutil.copy(index_file(root), index_file(other))
    assert {entry.record.epochs for entry, _ in check(other)} == {1}
    assert {entry.record.epochs for entry, _ in check(root)} == {2}


def test_a_directory_that_took_the_place_of_another_is_listed_as_it_is(root, tmp_path):
    root.rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old", root)
    for directory in root.iterdir():
        (directory / RECORD).write_text((directory / RECORD).read_text().replace("run", "new"))
    assert {entry.record.name[:3] for entry, _ in check(root)} == {"new", "모델"}
    assert {entry.record.name[:3] for entry, _ in check(tmp_path / "old")} == {"run", "모델"}


def test_few_runs_need_no_index(tmp_path, make_run, cache):
    for number in range(2):
        make_run(digits=f"{number:08x}")
    assert len(check(tmp_path / "runs")) == 2
    assert not cache.exists()


def test_a_name_that_is_no_text_is_listed(root):
    shutil.copytree(numbered(root, 1).directory, root / os.fsdecode(b"20300101-000000-\xff-000000ff"))
    assert len(check(root)) == COUNT + 1
    assert len(remembered(root)) == COUNT


def test_runs_from_elsewhere_have_details_and_are_not_remembered(root, tmp_path):
    away = tmp_path / "away" / "20300101-000000-away-000000ff"
    shutil.copytree(numbered(root, 1).directory, away)
    store = Store(root)
    entries = [*store.entries(), index_module.read_entry(Run(away))]
    assert [entry.details for entry in store.detailed(entries)] == [entry.details for entry in entries]
    with closing(sqlite3.connect(index_file(root))) as database:
        assert database.execute("select count(*) from facts where name like '%away%'").fetchone() == (0,)
