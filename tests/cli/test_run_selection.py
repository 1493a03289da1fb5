"""Names and addresses on the command line, as `dnn_cli/docs/names.md` describes them."""

import json

import pytest

from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import QUICK_OVERRIDES

UNUSUAL = ("lr=0.1", "exp #3", "a/b", "007")


@pytest.fixture
def dnn(tmp_path):
    """Runs `dnn` in a forked process, which takes a tenth of the time of a new one."""
    return lambda *words: forked_cli.run_command(tmp_path, *words)


@pytest.fixture
def unusual(make_run):
    """Runs whose names look like something else; the configs are made with `name=…` as it is typed."""
    return [
        make_run(f"name={name}", f"epochs={number}", digits=f"aaaa000{number}", stamp=f"2026010{number}-000000")
        for number, name in enumerate(UNUSUAL, 1)
    ]


@pytest.fixture
def seeds(make_run):
    """Two seeds of one experiment, and two experiments that share a name."""
    make_run("name=seeds", "seed=1", digits="aaaa0001", stamp="20260101-000000")
    make_run("name=seeds", "seed=2", digits="aaaa0002", stamp="20260102-000000")
    make_run("name=rates", "optimizer.learning_rate=0.1", digits="bbbb0003", stamp="20260103-000000")
    make_run("name=rates", digits="bbbb0004", stamp="20260104-000000")


def test_unusual_name_is_listed_unchanged(dnn, unusual):
    assert [run["name"] for run in parse_json_output(dnn("runs", "--json"))["runs"]] == [*UNUSUAL[::-1]]


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_name_is_an_address(dnn, unusual, name):
    assert f"{name}\n" in dnn("runs", "show", name).stdout
    compared = dnn("compare", name, f"name:{name}")
    assert "1 completed run of 1 experiment" in compared.stdout
    assert dnn("runs", "rm", name).returncode == 0
    assert name not in [run["name"] for run in parse_json_output(dnn("runs", "--json"))["runs"]]


@pytest.mark.parametrize("words", [["lr=0.1"], ["name:lr=0.1"], ["lr=0.1", "epochs=9"], ["epochs=9", "name:lr=0.1"]])
def test_name_that_looks_like_an_override_is_resolved(dnn, unusual, words):
    done = dnn("resume", *words)
    assert "run aaaa0001 is completed" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["resume", "rates"],
        ["explain", "rates"],
        ["compare", "rates"],
        ["evaluate", "rates"],
        ["predict", "rates", "x.png"],
        ["export", "rates", "--format", "onnx"],
        ["reproduce", "rates"],
        ["plot", "rates"],
        ["runs", "show", "rates"],
        ["runs", "tag", "x", "rates"],
        ["summary", "rates"],
        ["watch", "rates"],
        ["runs", "rm", "rates"],
    ],
    ids=" ".join,
)
def test_ambiguous_name_is_refused_by_every_command(dnn, seeds, words):
    done = dnn(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    first, latest, earlier, hint = done.stderr.splitlines()
    assert first == "dnn: rates is the name of 2 runs of different experiments in runs:"
    assert latest.split()[:3] == ["rates", "bbbb0004", "learning_rate=0.001"]
    assert earlier.split()[:3] == ["rates", "bbbb0003", "learning_rate=0.1"]
    assert hint == "  use the id of a run, for example bbbb0004, or rates@latest for the latest run"


def test_latest_of_several_seeds_is_used_and_named(dnn, seeds):
    done = dnn("explain", "seeds", "--json")
    assert done.stderr == "seeds is the name of 2 runs of one experiment; the latest is used: aaaa0002, with seed=2\n"
    assert [run["id"] for run in json.loads(done.stdout)["runs"]] == ["aaaa0002"]
    assert dnn("explain", "seeds@latest", "--json").stderr == ""


def test_several_seeds_are_compared_together(dnn, seeds):
    assert "2 completed runs of 1 experiment" in dnn("compare", "seeds").stdout


@pytest.mark.parametrize("words", [["resume", "seeds"], ["runs", "rename", "seeds", "x"], ["runs", "rm", "seeds"]])
def test_changing_commands_refuse_several_seeds(dnn, seeds, words):
    done = dnn(*words)
    assert done.returncode == 2
    assert "seeds is the name of 2 runs of one experiment" in done.stderr
    assert "seed=1" in done.stderr


def test_rename_to_a_used_name_prints_a_note(dnn, seeds):
    done = dnn("runs", "rename", "bbbb0003", "seeds")
    assert "2 other runs with this name; the address of this run is bbbb0003" in done.stderr


def test_summary_accepts_a_name_that_looks_like_an_override(dnn, unusual):
    done = dnn("summary", "lr=0.1")
    assert done.returncode == 0
    assert done.stdout.startswith("lr=0.1 ") or "input (None, 8, 8)" in done.stdout


def test_train_resume_without_matching_run_starts_a_new_run(dnn, seeds, config, tmp_path):
    done = dnn("train", "digits.yaml", "name=seeds", *QUICK_OVERRIDES, "--resume")
    assert "no run of seeds has this config; a new run starts" in done.stderr
