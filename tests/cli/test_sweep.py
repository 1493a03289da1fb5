"""`dnn sweep` and `dnn train -j`, as a user types them."""

import os
import re
import signal
import time

import pytest

from dnn_cli.runs.store import Store
from tests import forked
from tests.conftest import DIVERGES, document
from tests.kills import assert_same

GRID = ["sweep", "digits.yaml", "jit=false", "optimizer=sgd,adam", "seed=1..2"]


@pytest.fixture
def folder(config, tmp_path):
    config()
    return tmp_path


def sweep(folder, *words, code=0):
    """The program in a forked process."""
    done = forked.run(folder, *words)
    assert done.returncode == code, done.stderr + done.stdout
    return done


def runs(folder):
    """Every run, and what it knows of sweeps."""
    entries = Store(folder / "runs").entries()
    assert all(entry.record for entry in entries), [entry.broken for entry in entries]
    return entries


def test_what_is_there_is_not_trained_again(folder):
    done = sweep(folder, *GRID)
    assert done.stdout.startswith("val_accuracy at the end of training, 4 completed runs of 2 experiments")
    lines = re.findall(
        r"^\d/4  optimizer=(\w+) +seed=(\d) +val_accuracy (0\.\d+) at the end", done.stderr, re.MULTILINE
    )
    table = document(forked.run(folder, "compare", "--json"))["rows"]
    ended = {(entry.record.id): entry for entry in runs(folder)}
    final = {
        (ended[row["id"]].experiment["optimizer"]["type"], str(row["seed"])): f"{row['score']:.4f}" for row in table
    }
    assert {(optimizer, seed): score for optimizer, seed, score in lines} == final, "lines and table show one score"
    first = {entry.record.id: entry.record for entry in runs(folder)}
    assert {record.status for record in first.values()} == {"completed"}
    settings = sorted(tuple(one.settings.items()) for record in first.values() for one in record.sweeps)
    assert settings == [(("optimizer", name), ("seed", seed)) for name in ("adam", "sgd") for seed in "12"]

    again = sweep(folder, *GRID)
    assert "4 are there already" in again.stderr
    assert again.stdout == done.stdout
    assert len(runs(folder)) == 4

    more = document(sweep(folder, *GRID[:-1], "seed=1..3", "--json"))
    assert [run["id"] in first for run in more["runs"]] == [True, True, False, True, True, False]
    assert [run["settings"]["seed"] for run in more["runs"]] == ["1", "2", "3"] * 2
    assert [group["seeds"] for group in more["comparison"]["groups"]] == [[1, 2, 3]] * 2
    assert len(runs(folder)) == 6

    compared = document(forked.run(folder, "compare", f"sweep:{more['sweep']['id'][:5]}", "--json"))
    assert {row["id"] for row in compared["rows"]} == {run["id"] for run in more["runs"]}


def test_the_table_after_a_second_grid_is_that_of_the_suggested_command(folder):
    sweep(folder, *GRID)
    second = sweep(folder, "sweep", "digits.yaml", "jit=false", "optimizer=rmsprop,adagrad", "seed=1..2")
    assert second.stdout.startswith(
        "with 4 runs of earlier commands of this sweep\nval_accuracy at the end of training, 8 "
    )
    (suggested,) = re.findall(r"next  dnn (compare sweep:\w+)", second.stdout)
    compared = forked.run(folder, *suggested.split()).stdout
    assert compared.splitlines()[:9] == second.stdout.splitlines()[1:10]


def test_a_run_of_train_counts_and_joins_and_force_repeats_it(folder):
    sweep(folder, "train", "digits.yaml", "jit=false", "optimizer=sgd", "seed=1", "name=another")
    done = sweep(folder, *GRID, "-j", "1")
    assert "1 is there already" in done.stderr
    assert "3 to train" in done.stderr
    assert len(runs(folder)) == 4
    assert all(len(entry.record.sweeps) == 1 for entry in runs(folder))
    alone = next(entry.run for entry in runs(folder) if entry.record.name == "another")
    forced = sweep(folder, *GRID[:-1], "--force", "seed=1")
    assert "already" not in forced.stderr
    again = next(entry for entry in runs(folder) if entry.record.sweeps[0].settings["optimizer"] == "sgd")
    assert again.record.name == "digits"
    assert_same(alone, again.run)


def test_one_that_diverges_stops_nobody_and_its_reason_is_told(folder):
    words = ["sweep", "digits.yaml", "jit=false", *(word for word in DIVERGES if not word.startswith("optimizer")),
             "optimizer=sgd", "optimizer.learning_rate=1000,0.01", "seed=1..2"]  # fmt: skip
    done = sweep(folder, *words, code=1)
    assert len(re.findall(r"diverged: the loss was no longer a number in epoch 1", done.stderr)) == 2
    assert len(re.findall(r"^diverged  learning_rate=1000 seed=\d  the loss", done.stdout, re.MULTILINE)) == 2
    assert sorted(entry.record.status for entry in runs(folder)) == ["completed"] * 2 + ["diverged"] * 2
    again = sweep(folder, *words, code=1)
    assert "4 are there already" in again.stderr, "one that diverges would again"


def begun(folder, *words):
    """A sweep, once some run of it has an epoch."""
    process = forked.start(folder, *words)
    until = time.monotonic() + 60
    while not any(entry.record and entry.record.epochs for entry in Store(folder / "runs").entries()):
        assert time.monotonic() < until
        assert process.is_alive(), (folder / "err").read_text()
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_sweep_that_ends_anywhere_goes_on_with_the_same_command(folder, number):
    words = [*GRID, "epochs=60"]
    process = begun(folder, *words)
    os.kill(process.pid, number)
    process.join(30)
    assert process.exitcode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    until = time.monotonic() + 10
    while any(entry.record.status == "running" for entry in runs(folder)):
        assert time.monotonic() < until, "workers that nobody waits for must end"
        time.sleep(0.05)
    assert {entry.record.status for entry in runs(folder)} <= {"interrupted", "completed"}
    done = sweep(folder, *words)
    assert "to go on with" in done.stderr
    assert [entry.record.status for entry in runs(folder)] == ["completed"] * 4
    resumed = next(entry for entry in runs(folder) if entry.record.resumed)
    (one,) = resumed.record.sweeps
    sweep(folder, "train", "digits.yaml", "jit=false", "epochs=60", *(f"{k}={v}" for k, v in one.settings.items()))
    assert_same(resumed.run, runs(folder)[0].run)


def test_a_bayesian_search_is_pruned_and_goes_on_where_it_was(folder):
    words = ["sweep", "digits.yaml", "jit=false", "epochs=3", "optimizer=sgd,adam", "--search", "bayesian",
             "optimizer.learning_rate=log(1e-3, 1)"]  # fmt: skip
    done = document(sweep(folder, *words, "--trials", "9", "--json"))
    assert len(done["runs"]) >= 8, "a setting may be drawn twice"
    assert {run["status"] for run in done["runs"]} <= {"completed", "interrupted"}
    assert all(run["reason"].startswith("pruned after epoch") for run in done["runs"] if run["status"] == "interrupted")
    more = document(sweep(folder, *words, "--trials", "11", "--json"))
    assert {run["id"] for run in done["runs"]} < {run["id"] for run in more["runs"]}
    assert len(done["runs"]) < len(more["runs"]) == len(runs(folder)) <= 11


def test_train_takes_several_workers(folder, config):
    config(name="other.yaml")
    config(name="third.yaml")
    done = document(sweep(folder, "train", "digits.yaml", "other.yaml", "third.yaml", "jit=false", "-j", "2", "--json"))
    assert [run["status"] for run in done["runs"]] == ["completed"] * 3
    first, *others = [entry.run for entry in runs(folder)]
    for other in others:
        assert_same(first, other)


FAULTS = {
    "a key that fits no optimizer": (
        ["optimizer=sgd,adam", "optimizer.momentum=0.5,0.9"],
        "is not an argument of adam",
    ),
    "a value that is none": (["optimizer=sgd,adm"], "did you mean adam?"),
    "nothing varies": (["epochs=3"], "nothing varies"),
    "an empty list": (["optimizer=sgd,"], "empty value"),
    "two configs": (["digits.yaml", "seed=1..2"], "takes one config"),
    "an unknown place": (["seed=1..2", "--on", "rai"], "did you mean ray?"),
    "more jobs than GPUs": (["seed=1..2", "--gpus", "1", "-j", "2"], "one run at a time"),
    "no config": (["seed=1..2", "~x"], "there is no x"),
}


@pytest.mark.parametrize(("words", "message"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_told_before_anything_is_trained(program, folder, words, message):
    done = program("sweep", "digits.yaml", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "runs").exists()


def test_a_dry_run_lists_the_runs_and_trains_nothing(program, folder):
    done = program(*GRID, "--dry-run")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ *(\d)  (\w+) +(\d) +to train +about", done.stdout, re.MULTILINE)
    assert rows == [("1", "sgd", "1"), ("2", "sgd", "2"), ("3", "adam", "1"), ("4", "adam", "2")]
    assert re.search(r"4 runs to train, about .* with \d workers? \(by the size of the networks", done.stdout)
    assert not (folder / "runs").exists()


def test_own_data_that_has_changed_is_trained_anew(folder, config):
    def write(seed):
        rows = [f"{(7 * n + seed) % 11},{(5 * n) % 13},{'yes' if n % 3 else 'no'}" for n in range(60)]
        (folder / "data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")

    layers = "{layers: [{type: Dense, units: 1, activation: sigmoid}]}"
    config(
        f"data: {{dataset: csv, path: data.csv}}\nmodel: {layers}\nloss: binary_crossentropy\njit: false\n", "own.yaml"
    )
    words = ["sweep", "own.yaml", "seed=1..2"]
    write(1)
    sweep(folder, *words)
    assert "2 are there already" in sweep(folder, *words).stderr
    write(2)
    assert "already" not in sweep(folder, *words).stderr
    assert len(runs(folder)) == 4
