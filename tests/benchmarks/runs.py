"""Measure seconds and memory of listing, querying and comparing many runs.

Commands run with and without an index. One of the runs is broken: its line must report that, and all other lines must
stay the same.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.runs.record import Record, Results
from dnn_cli.runs.run import Run
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.settings import ROOT

SEEDS, EPOCHS, REPEATS = 5, 5, 5
LIMITS = 1.5, 300
"""Largest seconds and MB for 10,000 runs with an index."""

QUERY = 'best.val_accuracy > 0.87 and (optimizer.type = "adam" or tag = "paper")'
COMMANDS = {"dnn runs": ["runs"], "dnn runs --where …": ["runs", "--where", QUERY], "dnn compare": ["compare"]}

OPTIMIZERS = {"adam": 0.02, "sgd": 0.0, "rmsprop": 0.015, "adagrad": -0.05}
"""Optimizers, with the difference of their mean scores."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", type=int, nargs="?", default=10_000, help="number of runs (default: 10000)")


def run(options: argparse.Namespace) -> int:
    """Make a tenth of the runs and all runs, measure the commands on them, and print a table."""
    runs: int = options.runs
    is_within_limits = True
    print("| command | runs | first, s | then, s | MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for count in (runs // 10, runs):
            directory = Path(temporary) / str(count)
            make_runs(directory, count)
            for name, words in COMMANDS.items():
                measurements = [
                    measure_command(directory, words, directory / f"cache-{words[-1]}") for _ in range(1 + REPEATS)
                ]
                first, seconds = measurements[0][0], median(seconds for seconds, *_ in measurements[1:])
                memory = max(memory for _, memory, _ in measurements)
                is_fast = count > 10_000 or (seconds < LIMITS[0] and memory < LIMITS[1])
                is_within_limits &= is_fast
                mark = "" if is_fast else " over the limit"
                print(f"| {name} | {count:,} | {first:.2f} | {seconds:.2f} | {memory:.0f} |{mark}", flush=True)
        print(check_broken_run(directory))
    return 0 if is_within_limits else 1


def make_runs(directory: Path, count: int) -> None:
    """Make experiments of five seeds each, as trainings leave them, without weights."""
    directory.mkdir()
    (directory / "digits.yaml").write_text(DIGITS_YAML)
    rng = random.Random(0)
    for number in range(count // SEEDS):
        optimizer = [*OPTIMIZERS][number % 4]
        rate = (1e-3, 3e-3, 1e-2)[number // 4 % 3]
        overrides = (
            f"name=digits_{optimizer}", f"epochs={EPOCHS}", f"layers.hidden.units={16 + number // 12}",
            f"optimizer={{type: {optimizer}, learning_rate: {rate}}}",
        )  # fmt: skip
        text = to_yaml(load_experiment(str(directory / "digits.yaml"), overrides).experiment)
        for seed in range(SEEDS):
            run_number = number * SEEDS + seed
            make_run(directory / "runs", run_number, text.replace("seed: 42", f"seed: {seed}", 1), optimizer, rng)


def make_run(root: Path, run_number: int, config: str, optimizer: str, rng: random.Random) -> None:
    """Make one run with random scores."""
    clock = time.strftime("%Y%m%d-%H%M%S", time.gmtime(1_767_225_600 + run_number))
    run = Run(root / f"{clock}-digits_{optimizer}-{run_number:08x}")
    run.directory.mkdir(parents=True)
    scores = [0.8 + 0.01 * epoch + rng.gauss(OPTIMIZERS[optimizer], 0.003) for epoch in range(1, EPOCHS + 1)]
    rows = [
        {"epoch": epoch, "loss": 1 / epoch, "accuracy": score, "val_loss": 1 - score, "val_accuracy": score,
         "learning_rate": 0.001, "seconds": 0.1}
        for epoch, score in enumerate(scores, 1)
    ]  # fmt: skip
    record = Record(
        id=f"{run_number:08x}",
        name=f"digits_{optimizer}",
        status="completed",
        started=f"{clock[:4]}-{clock[4:6]}-{clock[6:8]}T{clock[9:11]}:{clock[11:13]}:{clock[13:15]}.000000+00:00",
        ended="2027-01-01T00:00:00.000000+00:00",
        seconds=1.0 + rng.random(),
        epochs=EPOCHS,
        engine="chunked",
        plan={"jit": True, "precision": "float32", "steps": 45, "why": "with XLA"},
        results=Results.from_rows(rows, "val_accuracy", model={"val_loss": 1 - scores[-1], "val_accuracy": scores[-1]}),
        parameters={"total": 1210, "trainable": 1210},
        data={"dataset": "digits", "fingerprint": f"sha256:{0:064x}", "split": f"sha256:{0:064x}", "train": 1437},
        versions={"dnn": "0", "python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"},
        platform={"system": "Linux", "machine": "x86_64", "processor": "EPYC", "cores": 2, "device": "CPU"},
    )
    run.config.write_text(config)  # Run would call fsync for each file
    run.metrics.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows), ""]))
    run.record.write_text(json.dumps(record.model_dump()))


def measure_command(directory: Path, words: list[str], cache: Path) -> tuple[float, float, str]:
    """Run a command and return its seconds, its peak memory in MB and its output."""
    started = time.monotonic()
    with (directory / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dnn_cli", *words], cwd=directory, stdout=out, stderr=subprocess.DEVNULL,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return seconds, get_peak_megabytes(usage), (directory / "out").read_text()


def get_peak_megabytes(usage: resource.struct_rusage) -> float:
    """Return the peak memory in MB; macOS reports bytes and Linux kB."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def check_broken_run(directory: Path) -> str:
    """Damage one record and check that all other lines stay the same."""
    cache = directory / "cache-runs"
    before = measure_command(directory, ["runs", "--csv"], cache)[2].splitlines()
    victim = sorted((directory / "runs").iterdir())[len(before) // 2]
    (victim / "run.json").write_text("{")
    seconds, _, text = measure_command(directory, ["runs", "--csv"], cache)
    lost, new = set(before) - set(text.splitlines()), set(text.splitlines()) - set(before)
    assert (len(lost), len(new), "run.json is not JSON" in "".join(new)) == (1, 1, True)
    return f"\none run broken: reported in its line, the other {len(before) - 2:,} as before, in {seconds:.2f} s"
