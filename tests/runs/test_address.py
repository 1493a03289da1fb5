"""Addresses of runs: a name means one experiment, and every name has an address."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.cli.options import is_override
from dnn_cli.config.identifiers import make_slug
from dnn_cli.config.overrides import apply_overrides
from dnn_cli.config.sweep_values import format_as_yaml
from dnn_cli.config.yaml_reader import Document
from dnn_cli.errors import AmbiguousAddressError, UsageError
from dnn_cli.runs.address import format_name_address, resolve_address, resolve_single_run
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import read_run_info
from dnn_cli.runs.store import Store

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


def list_run_ids(runs):
    return [run.directory.name[-8:] for run in runs]


def test_name_of_one_variant_finds_all_its_runs(store):
    assert list_run_ids(store.find_all("seeds")) == ["aaaa0002", "aaaa0001"]
    assert list_run_ids([store.find("seeds")]) == ["aaaa0002"]
    assert list_run_ids([store.find("seeds@latest")]) == ["aaaa0002"]
    assert list_run_ids([store.find("single")]) == ["cccc0005"]


@pytest.mark.parametrize("find", [Store.find, Store.find_all, Store.find_only])
def test_name_of_several_variants_is_refused(store, find):
    with pytest.raises(AmbiguousAddressError) as refused:
        find(store, "rates")
    assert refused.value.message.splitlines() == [
        f"rates is the name of 2 runs of different experiments in {store.root}:",
        "  rates  bbbb0004  learning_rate=0.01  val_accuracy 0.8000  failed",
        "  rates  bbbb0003  learning_rate=0.1   val_accuracy 0.8000",
    ]
    assert refused.value.suggestion == "use the id of a run, for example bbbb0004, or rates@latest for the latest run"
    assert find(store, "bbbb0004")
    assert find(store, "rates@latest") == find(store, "bbbb0004")


def test_find_only_refuses_several_seeds(store):
    with pytest.raises(AmbiguousAddressError, match="seeds is the name of 2 runs of one experiment") as refused:
        store.find_only("seeds")
    assert [line.split()[2] for line in refused.value.message.splitlines()[1:]] == ["seed=2", "seed=1"]
    assert list_run_ids([store.find_only("seeds@latest")]) == ["aaaa0002"]


def test_prefix_of_an_id_finds_one_run(store):
    assert list_run_ids([store.find("c")]) == ["cccc0005"]
    with pytest.raises(AmbiguousAddressError, match="aaaa is the beginning of the ids of 2 runs"):
        store.find("aaaa")


def test_name_equal_to_another_id_is_refused(store, make_run):
    make_run("name=cccc0005", digits="dddd0006", stamp="20260106-000000", curve=(0.1,))
    make_run("name=cccc0005", "epochs=9", digits="dddd0007", stamp="20260107-000000")
    with pytest.raises(AmbiguousAddressError, match="of 3 runs"):
        store.find("cccc0005")
    assert list_run_ids([store.find("id:cccc0005")]) == ["cccc0005"]
    assert list_run_ids([store.find("name:cccc0005@latest")]) == ["dddd0007"]


def test_directory_named_like_a_run_does_not_hide_the_run(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / "config.yaml").touch()
    assert list_run_ids([store.find("single")]) == ["cccc0005"]
    assert store.find("./single").directory == Path("single")


def test_long_list_of_matching_runs_is_truncated(store):
    run_info = read_run_info(store.find("single"))
    run_infos = [copy_with_name(run_info, "many", f"{number:08x}") for number in range(1, 51)]
    with pytest.raises(AmbiguousAddressError) as refused:
        resolve_single_run("many", run_infos, "runs")
    assert refused.value.message.count("\n") == 21
    assert "… and 30 more" in refused.value.message


def copy_with_name(run_info, name, digits):
    """A run with another name and id, and the same config."""
    record = run_info.record.model_copy(update={"name": name, "id": digits})
    return replace(
        run_info,
        run=Run(Path(f"runs/20260101-000000-{make_slug(name)}-{digits}")),
        record=record,
        loaded_details=run_info.details,
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A run to copy in memory."""
    from dnn_cli.runs.record import Record, Results

    record = Record(
        id="00000001", name="x", status="completed", started="2026-01-01", results=Results(monitor="loss"),
        parameters={}, data={},
    )  # fmt: skip
    from dnn_cli.runs.run_info import RunDetails, RunInfo

    return RunInfo(Run(Path("runs/x")), record, loaded_details=RunDetails("{}", "same"))


@given(st.lists(st.one_of(names, st.sampled_from(ODD_NAMES)), min_size=1, max_size=5, unique=True))
def test_every_name_has_an_unambiguous_address(example, chosen):
    runs = [copy_with_name(example, name, f"{number:08x}") for number, name in enumerate(chosen, 0xAAAA0001)]
    for run_info in runs:
        address = format_name_address(run_info.name)
        assert not is_override(address)
        assert not address.startswith("-")
        assert resolve_address(address, runs, "runs") == [run_info] or address in {other.record.id for other in runs}


@given(st.one_of(names, st.sampled_from(ODD_NAMES)))
def test_typed_name_is_kept(name):
    """In YAML's quotes always; without quotes unless the name begins like YAML or has space around it."""
    assert parse_name_override(f"name={format_as_yaml(name)}") == name
    if not name.startswith(("'", '"', "[", "{")) and name == name.strip():
        assert parse_name_override(f"name={name}") == name


def parse_name_override(override):
    return apply_overrides(Document({}, {(): None}), [override]).value["name"]


@pytest.mark.parametrize(("address", "message"), [("", "is empty"), ("name:nothing", "no run"), ("id:", "no run")])
def test_address_without_a_run_is_refused(store, address, message):
    with pytest.raises(UsageError, match=message):
        store.find(address)
