"""`dnn sweep` and `dnn train -j`, as a user types them."""

import os
import re
import signal
import time

import pytest

from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIVERGING_OVERRIDES
from tests.helpers.kill_campaign import assert_same_run

GRID = ["sweep", "digits.yaml", "jit=false", "optimizer=sgd,adam", "seed=1..2"]


@pytest.fixture
def directory(config, tmp_path):
    config()
    return tmp_path


def run_dnn(directory, *words, code=0):
    """The program in a forked process."""
    done = forked_cli.run_command(directory, *words)
    assert done.returncode == code, done.stderr + done.stdout
    return done


def read_runs(directory):
    """Every run, and what it knows of sweeps."""
    run_infos = Store(directory / "runs").list_runs()
    assert all(run_info.record for run_info in run_infos), [run_info.error for run_info in run_infos]
    return run_infos


def test_existing_runs_are_not_trained_again(directory):
    done = run_dnn(directory, *GRID)
    assert done.stdout.startswith("val_accuracy at the end of training, 4 completed runs of 2 experiments")
    lines = re.findall(
        r"^\d/4  optimizer=(\w+) +seed=(\d) +val_accuracy (0\.\d+) at the end", done.stderr, re.MULTILINE
    )
    table = parse_json_output(forked_cli.run_command(directory, "compare", "--json"))["rows"]
    ended = {(run_info.record.id): run_info for run_info in read_runs(directory)}
    final = {(ended[row["id"]].config["optimizer"]["type"], str(row["seed"])): f"{row['score']:.4f}" for row in table}
    assert {(optimizer, seed): score for optimizer, seed, score in lines} == final, "lines and table show one score"
    first = {run_info.record.id: run_info.record for run_info in read_runs(directory)}
    assert {record.status for record in first.values()} == {"completed"}
    settings = sorted(tuple(membership.settings.items()) for record in first.values() for membership in record.sweeps)
    assert settings == [(("optimizer", name), ("seed", seed)) for name in ("adam", "sgd") for seed in "12"]

    again = run_dnn(directory, *GRID)
    assert "4 done already" in again.stderr
    assert again.stdout == done.stdout
    assert len(read_runs(directory)) == 4

    more = parse_json_output(run_dnn(directory, *GRID[:-1], "seed=1..3", "--json"))
    assert [run["id"] in first for run in more["runs"]] == [True, True, False, True, True, False]
    assert [run["settings"]["seed"] for run in more["runs"]] == ["1", "2", "3"] * 2
    assert [group["seeds"] for group in more["comparison"]["groups"]] == [[1, 2, 3]] * 2
    assert len(read_runs(directory)) == 6

    compared = parse_json_output(
        forked_cli.run_command(directory, "compare", f"sweep:{more['sweep']['id'][:5]}", "--json")
    )
    assert {row["id"] for row in compared["rows"]} == {run["id"] for run in more["runs"]}


def test_second_grid_prints_the_table_of_both_grids(directory):
    run_dnn(directory, *GRID)
    second = run_dnn(directory, "sweep", "digits.yaml", "jit=false", "optimizer=rmsprop,adagrad", "seed=1..2")
    assert second.stdout.startswith(
        "including 4 runs of earlier commands of this sweep\nval_accuracy at the end of training, 8 "
    )
    (suggested,) = re.findall(r"next  dnn (compare sweep:\w+)", second.stdout)
    compared = forked_cli.run_command(directory, *suggested.split()).stdout
    assert compared.splitlines()[:9] == second.stdout.splitlines()[1:10]


def test_run_of_train_joins_the_sweep_and_force_repeats_it(directory):
    run_dnn(directory, "train", "digits.yaml", "jit=false", "optimizer=sgd", "seed=1", "name=another")
    done = run_dnn(directory, *GRID, "-j", "1")
    assert "1 done already" in done.stderr
    assert "3 to train" in done.stderr
    assert len(read_runs(directory)) == 4
    assert all(len(run_info.record.sweeps) == 1 for run_info in read_runs(directory))
    alone = next(run_info.run for run_info in read_runs(directory) if run_info.record.name == "another")
    forced = run_dnn(directory, *GRID[:-1], "--force", "seed=1")
    assert "already" not in forced.stderr
    again = next(
        run_info for run_info in read_runs(directory) if run_info.record.sweeps[0].settings["optimizer"] == "sgd"
    )
    assert again.record.name == "digits"
    assert_same_run(alone, again.run)


def test_diverged_run_does_not_stop_the_sweep(directory):
    words = [
        "sweep",
        "digits.yaml",
        "jit=false",
        *(word for word in DIVERGING_OVERRIDES if not word.startswith("optimizer")),
        "optimizer=sgd",
        "optimizer.learning_rate=1000,0.01",
        "seed=1..2",
    ]
    done = run_dnn(directory, *words, code=1)
    assert len(re.findall(r"diverged: the loss became NaN or infinite in epoch 1", done.stderr)) == 2
    assert len(re.findall(r"^diverged  learning_rate=1000 seed=\d  the loss", done.stdout, re.MULTILINE)) == 2
    assert sorted(run_info.record.status for run_info in read_runs(directory)) == ["completed"] * 2 + ["diverged"] * 2
    again = run_dnn(directory, *words, code=1)
    assert "4 done already" in again.stderr, "one that diverges would again"


def start_until_first_epoch(directory, *words):
    """Start a sweep and wait until one of its runs has an epoch."""
    process = forked_cli.start_command(directory, *words)
    until = time.monotonic() + 60
    while not any(run_info.record and run_info.record.epochs for run_info in Store(directory / "runs").list_runs()):
        assert time.monotonic() < until
        assert process.is_alive(), (directory / "err").read_text()
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_interrupted_sweep_continues_with_the_same_command(directory, number):
    words = [*GRID, "epochs=60"]
    process = start_until_first_epoch(directory, *words)
    os.kill(process.pid, number)
    process.join(30)
    assert process.exitcode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    until = time.monotonic() + 10
    while any(run_info.record.status == "running" for run_info in read_runs(directory)):
        assert time.monotonic() < until, "workers that no process waits for must end"
        time.sleep(0.05)
    assert {run_info.record.status for run_info in read_runs(directory)} <= {"interrupted", "completed"}
    done = run_dnn(directory, *words)
    assert " to continue" in done.stderr
    assert [run_info.record.status for run_info in read_runs(directory)] == ["completed"] * 4
    resumed = next(run_info for run_info in read_runs(directory) if run_info.record.resumed)
    (membership,) = resumed.record.sweeps
    run_dnn(
        directory,
        "train",
        "digits.yaml",
        "jit=false",
        "epochs=60",
        *(f"{k}={v}" for k, v in membership.settings.items()),
    )
    assert_same_run(resumed.run, read_runs(directory)[0].run)


def test_bayesian_search_is_pruned_and_continued(directory):
    words = ["sweep", "digits.yaml", "jit=false", "epochs=3", "optimizer=sgd,adam", "--search", "bayesian",
             "optimizer.learning_rate=log(1e-3, 1)"]  # fmt: skip
    done = parse_json_output(run_dnn(directory, *words, "--trials", "9", "--json"))
    assert len(done["runs"]) >= 8, "a setting may be drawn twice"
    assert {run["status"] for run in done["runs"]} <= {"completed", "interrupted"}
    assert all(run["reason"].startswith("pruned after epoch") for run in done["runs"] if run["status"] == "interrupted")
    more = parse_json_output(run_dnn(directory, *words, "--trials", "11", "--json"))
    assert {run["id"] for run in done["runs"]} < {run["id"] for run in more["runs"]}
    assert len(done["runs"]) < len(more["runs"]) == len(read_runs(directory)) <= 11


def test_train_takes_several_workers(directory, config):
    config(name="other.yaml")
    config(name="third.yaml")
    done = parse_json_output(
        run_dnn(directory, "train", "digits.yaml", "other.yaml", "third.yaml", "jit=false", "-j", "2", "--json")
    )
    assert [run["status"] for run in done["runs"]] == ["completed"] * 3
    first, *others = [run_info.run for run_info in read_runs(directory)]
    for other in others:
        assert_same_run(first, other)


BAD_ARGUMENTS = {
    "a key that fits no optimizer": (
        ["optimizer=sgd,adam", "optimizer.momentum=0.5,0.9"],
        "is not an argument of adam",
    ),
    "a value that is none": (["optimizer=sgd,adm"], "did you mean adam?"),
    "nothing varies": (["epochs=3"], "nothing varies"),
    "an empty list": (["optimizer=sgd,"], "empty value"),
    "two configs": (["digits.yaml", "seed=1..2"], "accepts one config"),
    "an unknown place": (["seed=1..2", "--on", "rai"], "did you mean ray?"),
    "more jobs than GPUs": (["seed=1..2", "--gpus", "1", "-j", "2"], "one run at a time"),
    "no config": (["seed=1..2", "~x"], "x does not exist"),
}


@pytest.mark.parametrize(("words", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments_are_refused_before_training(program, directory, words, message):
    done = program("sweep", "digits.yaml", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (directory / "runs").exists()


def test_a_dry_run_lists_the_runs_and_trains_nothing(program, directory):
    done = program(*GRID, "--dry-run")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ *(\d)  (\w+) +(\d) +to train +about", done.stdout, re.MULTILINE)
    assert rows == [("1", "sgd", "1"), ("2", "sgd", "2"), ("3", "adam", "1"), ("4", "adam", "2")]
    assert re.search(r"4 runs to train, about .* with \d workers? \(estimated from the size of", done.stdout)
    assert not (directory / "runs").exists()


def test_changed_data_is_trained_again(directory, config):
    def write(seed):
        rows = [f"{(7 * n + seed) % 11},{(5 * n) % 13},{'yes' if n % 3 else 'no'}" for n in range(60)]
        (directory / "data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")

    layers = "{layers: [{type: Dense, units: 1, activation: sigmoid}]}"
    config(
        f"data: {{dataset: csv, path: data.csv}}\nmodel: {layers}\nloss: binary_crossentropy\njit: false\n", "own.yaml"
    )
    words = ["sweep", "own.yaml", "seed=1..2"]
    write(1)
    run_dnn(directory, *words)
    assert "2 done already" in run_dnn(directory, *words).stderr
    write(2)
    assert "already" not in run_dnn(directory, *words).stderr
    assert len(read_runs(directory)) == 4
