"""Addresses of runs: a name means one experiment, and every name has an address."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.cli.arguments import is_override
from dnn_cli.errors import AmbiguousAddressError, UsageError
from dnn_cli.runs.address import name_address, resolve, resolve_one
from dnn_cli.runs.entry import read_entry
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.spec.names import slug
from dnn_cli.spec.overrides import apply_overrides
from dnn_cli.spec.values import typed
from dnn_cli.spec.yaml_file import Document

names = (
    st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=30)
    .filter(str.strip)
    .map(lambda text: unicodedata.normalize("NFC", text))
)
"""Every name that a config takes."""

ODD_NAMES = (
    "lr=0.1",
    "exp #3",
    "a/b",
    "007",
    "-x",
    "@1",
    "best:val_loss",
    "name:x",
    "x@latest",
    "~y",
    "a: b",
    "aaaa0001",
)


@pytest.fixture
def store(tmp_path, make_run):
    """Two seeds of one experiment, two experiments of one name, and a single run; the latest is made last."""
    make_run("name=seeds", "seed=1", digits="aaaa0001", stamp="20260101-000000")
    make_run("name=seeds", "seed=2", digits="aaaa0002", stamp="20260102-000000", curve=(0.5, 0.7))
    make_run("name=rates", "optimizer.learning_rate=0.1", digits="bbbb0003", stamp="20260103-000000")
    make_run("name=rates", "optimizer.learning_rate=0.01", digits="bbbb0004", stamp="20260104-000000", status="failed")
    make_run("name=single", digits="cccc0005", stamp="20260105-000000")
    return Store(tmp_path / "runs")


def found(runs):
    return [run.directory.name[-8:] for run in runs]


def test_a_name_of_one_experiment_means_all_its_runs_and_the_latest_of_them(store):
    assert found(store.find_all("seeds")) == ["aaaa0002", "aaaa0001"]
    assert found([store.find("seeds")]) == ["aaaa0002"]
    assert found([store.find("seeds@latest")]) == ["aaaa0002"]
    assert found([store.find("single")]) == ["cccc0005"]


@pytest.mark.parametrize("find", [Store.find, Store.find_all, Store.find_only])
def test_a_name_of_several_experiments_is_refused_with_the_settings_that_differ(store, find):
    with pytest.raises(AmbiguousAddressError) as refused:
        find(store, "rates")
    assert refused.value.message.splitlines() == [
        f"rates is the name of 2 runs of different experiments in {store.root}:",
        "  rates  bbbb0004  learning_rate=0.01  val_accuracy 0.8000  failed",
        "  rates  bbbb0003  learning_rate=0.1   val_accuracy 0.8000",
    ]
    assert refused.value.hint == "name one by its id, as bbbb0004, or rates@latest for the latest"
    assert find(store, "bbbb0004")
    assert find(store, "rates@latest") == find(store, "bbbb0004")


def test_the_only_run_of_several_seeds_is_refused(store):
    with pytest.raises(AmbiguousAddressError, match="seeds is the name of 2 runs of one experiment") as refused:
        store.find_only("seeds")
    assert [line.split()[2] for line in refused.value.message.splitlines()[1:]] == ["seed=2", "seed=1"]
    assert found([store.find_only("seeds@latest")]) == ["aaaa0002"]


def test_the_beginning_of_an_id_means_one_run(store):
    assert found([store.find("c")]) == ["cccc0005"]
    with pytest.raises(AmbiguousAddressError, match="aaaa is the beginning of the ids of 2 runs"):
        store.find("aaaa")


def test_a_name_that_is_the_id_of_another_run_is_refused(store, make_run):
    make_run("name=cccc0005", digits="dddd0006", stamp="20260106-000000", curve=(0.1,))
    make_run("name=cccc0005", "epochs=9", digits="dddd0007", stamp="20260107-000000")
    with pytest.raises(AmbiguousAddressError, match="of 3 runs"):
        store.find("cccc0005")
    assert found([store.find("id:cccc0005")]) == ["cccc0005"]
    assert found([store.find("name:cccc0005@latest")]) == ["dddd0007"]


def test_a_folder_with_the_name_of_a_run_hides_no_run(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / "config.yaml").touch()
    assert found([store.find("single")]) == ["cccc0005"]
    assert store.find("./single").directory == Path("single")


def test_a_long_list_of_runs_is_cut(store):
    one = read_entry(store.find("single"))
    many = [renamed(one, "many", f"{number:08x}") for number in range(1, 51)]
    with pytest.raises(AmbiguousAddressError) as refused:
        resolve_one("many", many, "runs")
    assert refused.value.message.count("\n") == 21
    assert "… and 30 more" in refused.value.message


def renamed(entry, name, digits):
    """A run with another name and id, and the same config."""
    record = entry.record.model_copy(update={"name": name, "id": digits})
    return replace(
        entry, run=Run(Path(f"runs/20260101-000000-{slug(name)}-{digits}")), record=record, known=entry.details
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A run to copy in memory."""
    from dnn_cli.runs.record import Record, Results

    record = Record(
        id="00000001", name="x", status="completed", started="2026-01-01", results=Results(monitor="loss"),
        parameters={}, data={},
    )  # fmt: skip
    from dnn_cli.runs.entry import Details, Entry

    return Entry(Run(Path("runs/x")), record, known=Details("{}", "same"))


@given(st.lists(st.one_of(names, st.sampled_from(ODD_NAMES)), min_size=1, max_size=5, unique=True))
def test_every_name_has_an_address_that_means_only_its_run(example, chosen):
    entries = [renamed(example, name, f"{number:08x}") for number, name in enumerate(chosen, 0xAAAA0001)]
    for entry in entries:
        address = name_address(entry.name)
        assert not is_override(address)
        assert not address.startswith("-")
        assert resolve(address, entries, "runs") == [entry] or address in {other.record.id for other in entries}


@given(st.one_of(names, st.sampled_from(ODD_NAMES)))
def test_a_name_is_kept_as_it_is_typed(name):
    """In YAML's quotes always; without quotes unless the name begins like YAML or has space around it."""
    assert named(f"name={typed(name)}") == name
    if not name.startswith(("'", '"', "[", "{")) and name == name.strip():
        assert named(f"name={name}") == name


def named(override):
    return apply_overrides(Document({}, {(): None}), [override]).value["name"]


@pytest.mark.parametrize(("address", "message"), [("", "is empty"), ("name:nothing", "no run"), ("id:", "no run")])
def test_an_address_without_a_run_is_refused(store, address, message):
    with pytest.raises(UsageError, match=message):
        store.find(address)
