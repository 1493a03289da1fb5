"""Compare sweeps in lanes with sweeps of single runs and single commands, and kill them.

After an epoch, the losses and the norms of all weights of a run in lanes agree with those of the run alone to 1e-4, and
for Lion to 1e-2, because Lion uses only the signs of numbers. A killed sweep continues to the bits of an unbroken one.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from dnn_cli.config.layer_base import LAYER_CLASSES
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training.lane_support import find_lane_obstacle
from tests.helpers.settings import ROOT

RELU_ADAM = str(ROOT / "configs" / "relu_adam.yaml")
DIGITS = ["data.dataset=digits", "diagnostics=false"]
RATES, SEEDS = ("0.0003", "0.001", "0.003", "0.01", "0.03"), range(1, 9)
SIGN_METHODS = ("lion",)


def start_dnn(*words: str) -> subprocess.Popen[bytes]:
    """Start a command of `dnn` in a new process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    )  # fmt: skip


def run_dnn(*words: str, exit_codes: tuple[int, ...] = (0,)) -> float:
    """Run a command of `dnn`, check its exit code, and return its seconds."""
    started = time.monotonic()
    process = start_dnn(*words)
    _, messages = process.communicate()
    assert process.returncode in exit_codes, (words, messages.decode()[-2000:])
    return time.monotonic() - started


def list_runs(directory: Path) -> dict[str, Run]:
    """Return the runs of a directory by outcome digest."""
    return {run_info.record.experiment: run_info.run for run_info in Store(directory).list_runs() if run_info.record}


def check_agreement(runs: dict[str, Run], others: dict[str, Run], lanes: int) -> float:
    """Check that losses and norms of weights of runs in lanes agree with those of runs alone.

    Return the largest relative difference.
    """
    assert runs.keys() == others.keys()
    largest = 0.0
    for digest, run in runs.items():
        record, other_record = run.read_record(), others[digest].read_record()
        assert (record.lanes, other_record.lanes) == (lanes, 1)
        assert (record.status, record.reason) == (other_record.status, other_record.reason)
        if record.status == "diverged":
            # Adafactor divides by 0 for pixels that are always 0.
            continue
        weights, other_weights = (
            [np.linalg.norm(weight) for weight in keras.saving.load_model(path).get_weights()]
            for path in (run.model, others[digest].model)
        )
        scores, other_scores = record.results.last, other_record.results.last
        numbers, other_numbers = [*weights, scores["loss"]], [*other_weights, other_scores["loss"]]
        limit = 1e-2 if record.name in SIGN_METHODS else 1e-4
        differences = np.abs(np.subtract(numbers, other_numbers)) / np.maximum(np.abs(other_numbers), 1e-3)
        difference = float(differences.max())
        assert difference <= limit, (record.name, difference)
        assert abs(scores["accuracy"] - other_scores["accuracy"]) <= 0.01, (record.name, scores, other_scores)
        largest = max(largest, difference)
    return largest


def compare_widths(directory: Path) -> str:
    """Train 40 runs for an epoch in lanes, without lanes, and by single commands, and compare them run by run."""
    words = [RELU_ADAM, *DIGITS, "epochs=1"]
    varied = [f"optimizer.learning_rate={','.join(RATES)}", f"seed={SEEDS[0]}..{SEEDS[-1]}"]
    seconds = {
        lanes: run_dnn("sweep", *words, *varied, "--lanes", lanes, "--runs-dir", str(directory / lanes))
        for lanes in ("4", "16", "off")
    }
    started = time.monotonic()
    for rate in RATES:
        for seed in SEEDS:
            run_dnn("train", *words, f"optimizer.learning_rate={rate}", f"seed={seed}",
                    "--runs-dir", str(directory / "single"))  # fmt: skip
    seconds["single"] = time.monotonic() - started
    runs = {name: list_runs(directory / name) for name in seconds}
    differences = {lanes: check_agreement(runs[lanes], runs["off"], int(lanes)) for lanes in ("4", "16")}
    for digest, run in runs["off"].items():
        assert run.read_record().results.weights == runs["single"][digest].read_record().results.weights
    times = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    largest = ", ".join(f"{value:.1e} in {lanes} lanes" for lanes, value in differences.items())
    return f"{len(runs['off'])} runs: {times}; largest difference {largest}"


def compare_optimizers(directory: Path) -> str:
    """Train every optimizer for an epoch in lanes and alone."""
    names = [name for name, cls in CLASSES_BY_KIND["optimizer"].items() if cls.lane_obstacle is None]
    configs = []
    for name in names:
        configs.append(directory / f"{name}.yaml")
        configs[-1].write_text(f"extends: {RELU_ADAM}\nname: {name}\noptimizer: {name}\n")
    words = [*map(str, configs), *DIGITS, "epochs=1"]
    for lanes in ("4", "off"):
        run_dnn("train", *words, "--lanes", lanes, "-j", "2", "--runs-dir", str(directory / lanes), exit_codes=(0, 1))
    largest = check_agreement(list_runs(directory / "4"), list_runs(directory / "off"), 4)
    return f"{len(names)} of {len(CLASSES_BY_KIND['optimizer'])} optimizers; largest difference {largest:.1e}"


def kill_sweep(directory: Path, seed: int) -> str:
    """Kill a sweep in lanes three times, continue it, and compare its runs with those of an unbroken sweep."""
    words = ["sweep", RELU_ADAM, *DIGITS, "epochs=40", "model_checkpoint={}", "early_stopping={patience: 6}",
             "seed=1..12", "--lanes", "4"]  # fmt: skip
    unbroken = run_dnn(*words, "--runs-dir", str(directory / "unbroken"))
    moments, resumed = random.Random(seed), 0
    for _ in range(3):
        process = start_dnn(*words, "--runs-dir", str(directory / "killed"))
        time.sleep(moments.uniform(0.3, 0.9) * unbroken)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    run_dnn(*words, "--runs-dir", str(directory / "killed"))
    expected, continued = list_runs(directory / "unbroken"), list_runs(directory / "killed")
    for digest, run in expected.items():
        record, other_record = run.read_record(), continued[digest].read_record()
        assert record.results.weights == other_record.results.weights, continued[digest].directory
        resumed += len(other_record.resumed)
    return f"{len(expected)} runs have the bits of an unbroken sweep, after {resumed} resumptions"


def report_share() -> str:
    """Report how many shipped configs, layers and optimizers can be trained in lanes."""
    paths = sorted((ROOT / "configs").glob("*.yaml"))
    obstacles = {path.stem: find_lane_obstacle(load_experiment(str(path)).experiment, gpu=False) for path in paths}
    layers = [name for name, cls in LAYER_CLASSES.items() if cls.supports_lanes]
    refused = "; ".join(f"{name}: {obstacle}" for name, obstacle in obstacles.items() if obstacle)
    return f"{sum(not text for text in obstacles.values())} of {len(paths)} configs, {len(layers)} of " \
           f"{len(LAYER_CLASSES)} layers ({', '.join(layers)}); {refused}"  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments of the kills (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Run all comparisons. A wrong result raises an error."""
    print(f"share        {report_share()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="dnn-lanes-") as temporary:
        directory = Path(temporary)
        for name, check in {
            "optimizers": compare_optimizers,
            "widths": compare_widths,
            "kills": lambda part: kill_sweep(part, options.seed),
        }.items():
            (directory / name).mkdir()
            print(f"{name:12} {check(directory / name)}", flush=True)
    return 0
