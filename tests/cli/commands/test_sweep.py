"""`dnn sweep` and `dnn train -j`, as a user types them."""

import os
import re
import signal
import time

import pytest

from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIGITS_YAML, QUICK_YAML
from tests.helpers.kill_campaign import assert_same_run

RATES = "optimizer.learning_rate=0.01,0.1"
GRID = ["sweep", "digits.yaml", "-j", "1", RATES, "seed=1..2"]


@pytest.fixture
def directory(config, tmp_path):
    config(QUICK_YAML)
    return tmp_path


def run_dnn(directory, *words, code=0, **environment):
    """The program in a forked process."""
    done = forked_cli.run_command(directory, *words, **environment)
    assert done.returncode == code, done.stderr + done.stdout
    return done


def read_runs(directory):
    """Every run, and what it knows of sweeps."""
    run_infos = Store(directory / "runs").list_runs()
    assert all(run_info.record for run_info in run_infos), [run_info.error for run_info in run_infos]
    return run_infos


def test_existing_runs_are_not_trained_again(directory, make_run):
    done = run_dnn(directory, *GRID)
    assert done.stdout.startswith("val_accuracy at the end of training, 4 completed runs of 2 experiments")
    lines = re.findall(
        r"^\d/4  learning_rate=(\S+) +seed=(\d) +val_accuracy (0\.\d+) at the end", done.stderr, re.MULTILINE
    )
    table = parse_json_output(forked_cli.run_command(directory, "compare", "--json"))["rows"]
    ended = {(run_info.record.id): run_info for run_info in read_runs(directory)}
    final = {
        (str(ended[row["id"]].config["optimizer"]["learning_rate"]), str(row["seed"])): f"{row['score']:.4f}"
        for row in table
    }
    assert {(rate, seed): score for rate, seed, score in lines} == final, "lines and table show one score"
    first = {run_info.record.id: run_info.record for run_info in read_runs(directory)}
    assert {record.status for record in first.values()} == {"completed"}
    settings = sorted(tuple(membership.settings.items()) for record in first.values() for membership in record.sweeps)
    assert settings == [
        (("optimizer.learning_rate", rate), ("seed", seed)) for rate in ("0.01", "0.1") for seed in "12"
    ]

    again = run_dnn(directory, *GRID)
    assert "4 done already" in again.stderr
    assert again.stdout == done.stdout
    assert len(read_runs(directory)) == 4

    make_existing_run(make_run, directory, 5, "optimizer.learning_rate=0.3", "seed=2")
    other_grid = [*GRID[:-2], "optimizer.learning_rate=0.1,0.3", "seed=2"]
    more = parse_json_output(run_dnn(directory, *other_grid, "--json"))
    assert [run["id"] in first for run in more["runs"]] == [True, False]
    assert [run["settings"]["seed"] for run in more["runs"]] == ["2"] * 2
    assert {tuple(group["seeds"]) for group in more["comparison"]["groups"]} == {(1, 2), (2,)}
    assert len(read_runs(directory)) == 5

    sweep_address = f"sweep:{more['sweep']['id'][:5]}"
    compared = parse_json_output(forked_cli.run_command(directory, "compare", sweep_address, "--json"))
    assert {row["id"] for row in compared["rows"]} == {run["id"] for run in more["runs"]} | first.keys()


def test_second_grid_prints_the_table_of_both_grids(directory, make_run):
    first, second = [*GRID[:-1], "seed=1"], [*GRID[:-2], "optimizer.learning_rate=0.2,0.3", "seed=1"]
    for number, rate in enumerate(("0.01", "0.1", "0.2", "0.3"), 1):
        make_existing_run(make_run, directory, number, f"optimizer.learning_rate={rate}", "seed=1")
    assert "2 done already" in run_dnn(directory, *first).stderr
    done = run_dnn(directory, *second)
    assert done.stdout.startswith(
        "including 2 runs of earlier commands of this sweep\nval_accuracy at the end of training, 4 "
    )
    (suggested,) = re.findall(r"next  dnn (compare sweep:\w+)", done.stdout)
    compared = forked_cli.run_command(directory, *suggested.split()).stdout
    assert compared.splitlines()[:5] == done.stdout.splitlines()[1:6]


def make_existing_run(make_run, directory, number, *overrides, text=QUICK_YAML):
    """Make the run of an experiment without training."""
    experiment = load_experiment(str(directory / "digits.yaml"), overrides).experiment
    data = {"dataset": experiment.data.dataset, "fingerprint": load_examples(experiment.data).compute_fingerprint()}
    digest = compute_outcome_digest(experiment)
    return make_run(*overrides, text=text, digits=f"{number:08}", experiment=digest, data=data,
                    curve=(0.5, 0.5 + number / 10))  # fmt: skip


def test_run_of_train_joins_the_sweep_and_force_repeats_it(directory, make_run):
    changes = ["optimizer.learning_rate=0.1", "seed=1", "name=another"]
    run_dnn(directory, "train", "digits.yaml", *changes, "--gpus", "0", CUDA_VISIBLE_DEVICES="0")
    make_existing_run(make_run, directory, 1, "optimizer.learning_rate=0.01", "seed=1")
    words = [*GRID[:-1], "seed=1"]
    assert "2 done already" in run_dnn(directory, *words).stderr
    assert all(len(run_info.record.sweeps) == 1 for run_info in read_runs(directory))
    alone = next(run_info.run for run_info in read_runs(directory) if run_info.record.name == "another")
    forced = run_dnn(directory, *words, "--force", "--gpus", "0", CUDA_VISIBLE_DEVICES="0")
    assert "already" not in forced.stderr
    newest_first = sorted(read_runs(directory), key=lambda run_info: run_info.record.started, reverse=True)
    again = next(
        run_info for run_info in newest_first if run_info.record.sweeps[0].settings["optimizer.learning_rate"] == "0.1"
    )
    assert again.record.name == "digits"
    assert_same_run(alone, again.run)
    visible = [record.flags["CUDA_VISIBLE_DEVICES"] for record in (alone.read_record(), again.record)]
    assert visible == ["-1"] * 2, "--gpus 0 hides the GPUs from dnn train and from workers"


def test_diverged_run_does_not_stop_the_sweep(directory):
    words = ["sweep", "digits.yaml", "-j", "1", "epochs=5", "loss=mse", "~layers.output.activation",
             "optimizer.learning_rate=1000,0.01"]  # fmt: skip
    done = run_dnn(directory, *words, code=1)
    assert len(re.findall(r"learning_rate=1000  diverged: a score of epoch \d is NaN or infinite", done.stderr)) == 1
    assert len(re.findall(r"^diverged  learning_rate=1000  a score", done.stdout, re.MULTILINE)) == 1
    assert sorted(run_info.record.status for run_info in read_runs(directory)) == ["completed", "diverged"]
    again = run_dnn(directory, *words, code=1)
    assert "2 done already" in again.stderr, "one that diverges would again"


def start_until_epoch(directory, epoch_count, *words):
    """Start a sweep and wait until its runs have a number of epochs together."""
    process = forked_cli.start_command(directory, *words)
    until = time.monotonic() + 60
    while count_epochs(directory) < epoch_count:
        assert time.monotonic() < until
        assert process.is_alive(), (directory / "log").read_text()
        time.sleep(0.05)
    return process


def count_epochs(directory):
    return sum(run_info.record.epochs for run_info in Store(directory / "runs").list_runs() if run_info.record)


def test_killed_sweep_continues_with_the_same_command(directory, make_run):
    """`test_signals` stops a sweep with signals that the program handles."""
    make_existing_run(make_run, directory, 2, "seed=2", "epochs=30")
    words = ["sweep", "digits.yaml", "-j", "1", "seed=1..2", "epochs=30"]
    process = start_until_epoch(directory, count_epochs(directory) + 1, *words)
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    until = time.monotonic() + 10
    while any(run_info.record.status == "running" for run_info in read_runs(directory)):
        assert time.monotonic() < until, "workers that no process waits for must end"
        time.sleep(0.05)
    reasons = {run_info.record.reason for run_info in read_runs(directory)}
    assert "the process that started the worker has ended" in reasons
    done = run_dnn(directory, *words)
    assert " to continue" in done.stderr
    assert [run_info.record.status for run_info in read_runs(directory)] == ["completed"] * 2
    (resumed,) = [run_info.record for run_info in read_runs(directory) if run_info.record.resumed]
    assert (resumed.sweeps[0].settings, resumed.epochs) == ({"seed": "1"}, 30)


def test_bayesian_search_ends_after_its_trials(directory):
    """`test_optuna_search` continues a search with more trials."""
    words = ["sweep", "digits.yaml", "-j", "1", "epochs=1", "--search", "bayesian", "--trials", "2",
             "optimizer.learning_rate=log(1e-3, 1)", "--json"]  # fmt: skip
    done = parse_json_output(run_dnn(directory, *words))
    assert [run["status"] for run in done["runs"]] == ["completed"] * 2
    again = parse_json_output(run_dnn(directory, *words))
    assert {run["id"] for run in again["runs"]} == {run["id"] for run in done["runs"]}
    assert len(read_runs(directory)) == 2


def test_train_takes_several_workers(directory, config):
    config(QUICK_YAML, name="other.yaml")
    done = parse_json_output(run_dnn(directory, "train", "digits.yaml", "other.yaml", "-j", "2", "--json"))
    assert [run["status"] for run in done["runs"]] == ["completed"] * 2
    first, other = [run_info.run for run_info in read_runs(directory)]
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
def test_bad_arguments_are_refused_before_training(dnn, directory, words, message):
    done = dnn("sweep", "digits.yaml", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (directory / "runs").exists()


def test_a_dry_run_lists_the_runs_and_trains_nothing(dnn, directory, config):
    config(DIGITS_YAML)
    done = dnn("sweep", "digits.yaml", "optimizer=sgd,adam", "seed=1..2", "--dry-run")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ *(\d)  (\w+) +(\d) +to train +about", done.stdout, re.MULTILINE)
    assert rows == [("1", "sgd", "1"), ("2", "sgd", "2"), ("3", "adam", "1"), ("4", "adam", "2")]
    assert re.search(r"4 runs to train, about .* with \d workers? \(estimated from the size of", done.stdout)
    assert not (directory / "runs").exists()


def test_changed_data_is_trained_again(directory, config, make_run):
    def write(seed):
        rows = [f"{(7 * n + seed) % 11},{(5 * n) % 13},{'yes' if n % 3 else 'no'}" for n in range(60)]
        (directory / "data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")

    text = """\
data: {dataset: csv, path: data.csv}
model: {layers: [{type: Dense, units: 1, activation: sigmoid}]}
loss: binary_crossentropy
"""
    write(1)
    config(text)
    for seed in (1, 2):
        make_existing_run(make_run, directory, seed, f"seed={seed}", text=text)
    words = ["sweep", "digits.yaml", "seed=1..2", "--dry-run"]
    assert len(re.findall(r"\bcompleted\b", run_dnn(directory, *words).stdout)) == 2
    write(2)
    assert len(re.findall(r"\bto train +about", run_dnn(directory, *words).stdout)) == 2


LANE_ERRORS = {
    "an unknown number": (["--lanes", "5"], "unknown value of --lanes: 5", "use one of auto, off, 4, 16, 64, 256"),
    "a cluster": (
        ["--lanes", "4", "--on", "ray"],
        "--lanes 4 cannot be combined with --on ray",
        "use --on local or --lanes off",
    ),
    "the engine of Keras": (
        ["--lanes", "4"],
        "digits cannot be trained with --lanes 4: engine: keras trains each run by itself",
        "use --lanes auto",
    ),
}


@pytest.mark.parametrize("command", [["train"], ["sweep", "seed=1..2"]], ids=["train", "sweep"])
@pytest.mark.parametrize(("words", "message", "remedy"), LANE_ERRORS.values(), ids=LANE_ERRORS)
def test_impossible_lanes_are_refused_before_training(dnn, directory, command, words, message, remedy):
    done = dnn(*command, "digits.yaml", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"dnn: {message}\n  {remedy}\n"
    assert not (directory / "runs").exists()


def test_lanes_of_a_bayesian_search_are_refused(dnn, directory):
    done = dnn("sweep", "digits.yaml", "--search", "bayesian", "--trials", "3", RATES, "--lanes", "4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a bayesian search proposes them one by one" in done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["engine=chunked", "--lanes", "4"], "6 runs in 2 programs of 4 lanes (2 empty lanes)"),
        (["engine=chunked", "--lanes", "4", "--gpus", "1"], "6 runs in 2 programs of 4 lanes (2 empty lanes)"),
        (
            ["engine=chunked", "--gpus", "0", "-j", "1"],
            "no lanes: on a CPU, lanes are faster from 500 epochs of all runs, and these runs have 12",
        ),
        (["--lanes", "off"], None),
        (["engine=chunked", "--on", "ray"], None),
    ],
    ids=["chosen", "on a GPU", "auto", "off", "on a cluster"],
)
def test_dry_run_has_a_line_about_lanes(dnn, directory, words, line):
    done = dnn("sweep", "digits.yaml", "seed=1..6", "--dry-run", *words)
    assert done.returncode == 0, done.stderr
    assert parse_json_output(dnn("sweep", "digits.yaml", "seed=1..6", "--dry-run", *words, "--json"))["lanes"] == line
    assert (done.stdout.splitlines()[-1] == line) if line else ("lanes" not in done.stdout)
