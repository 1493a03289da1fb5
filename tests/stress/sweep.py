"""Kill workers of a sweep at random, fill its disk, and repeat the command undisturbed.

The campaign mounts a disk of its own, which needs root. After the disturbed sweep, every run is completed or has a
reason. The same command then completes all runs with the bits of an undisturbed sweep.
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from dnn_cli.runs.record import Record
from dnn_cli.runs.store import Store
from dnn_cli.runs.worker_logs import LOGS_DIRECTORY
from tests.helpers import forked_cli
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.kill_campaign import assert_same_run

DOOMED_SEED = "3"
"""Seed of the run whose worker is always killed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", type=int, nargs="?", default=100, help="number of runs (default: 100)")
    parser.add_argument("seed", type=int, nargs="?", default=1, help="seed of the kills (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Run the sweep on a small disk, disturbed and undisturbed; a wrong result raises."""
    runs: int = options.runs
    rng = random.Random(options.seed)
    words = ["sweep", "digits.yaml", "jit=false", "epochs=20", "optimizer=sgd,adam", f"seed=1..{runs // 2}"]
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        (directory / "digits.yaml").write_text(DIGITS_YAML)
        (directory / "disk").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={runs + 40}m", "tmpfs", directory / "disk"], check=True)
        try:
            run_disturbed(directory, words, rng)
            run_undisturbed(directory, words, runs)
        finally:
            subprocess.run(["umount", directory / "disk"], check=True)
    return 0


def run_disturbed(directory: Path, words: list[str], rng: random.Random) -> None:
    """Run the sweep, kill its workers, and fill its disk for five seconds."""
    store, random_kills, doomed_kills, full = Store(directory / "disk"), 0, 0, 0.0
    process = forked_cli.start_command(directory, *words, "--runs-dir", "disk")
    started = last = time.monotonic()
    ballast = directory / "disk" / ".ballast"
    while process.is_alive():
        time.sleep(0.05)
        now = time.monotonic()
        if not full and now - started > 10:
            full = now
            fill_disk(ballast)
        if full and ballast.exists() and now - full > 5:
            ballast.unlink()
        running = [record for record in read_records(store) if record.status == "running"]
        for record in running:
            if any(membership.settings == {"optimizer": "adam", "seed": DOOMED_SEED} for membership in record.sweeps):
                doomed_kills += kill_trainer(record)
        if running and now - last > 1 and rng.random() < 0.1:
            random_kills, last = random_kills + kill_trainer(rng.choice(running)), now
    ballast.unlink(missing_ok=True)
    code = process.exitcode
    seconds = time.monotonic() - started
    statuses: dict[str, int] = {}
    for record in read_records(store):
        statuses[record.status] = statuses.get(record.status, 0) + 1
        assert record.status == "completed" or (record.status in ("failed", "interrupted") and record.reason), record.id
    assert code == 1, code
    print(
        f"{seconds:.0f} s, {random_kills} workers killed at random, {doomed_kills} of the doomed run, "
        f"disk full for 5 s: {statuses}"
    )


def fill_disk(ballast: Path) -> None:
    """Write until a disk is full."""
    with ballast.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(1 << 16))
                stream.flush()
        except OSError:
            pass


def read_records(store: Store) -> list[Record]:
    """Read the records of all readable runs."""
    return [run_info.record for run_info in store.list_runs() if run_info.record]


def kill_trainer(record: Record) -> int:
    """Kill the process that trains a run; return the number of killed processes."""
    assert record.process is not None
    try:
        os.kill(record.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def run_undisturbed(directory: Path, words: list[str], runs: int) -> None:
    """Repeat the command, run the same sweep in another directory, and compare the runs.

    Also train one experiment of each optimizer without workers, and compare the run.
    """
    for runs_dir in ("disk", "runs"):
        started = time.monotonic()
        done = forked_cli.run_command(directory, *words, "--runs-dir", runs_dir)
        assert done.returncode == 0, done.stderr
        print(f"{runs_dir}: {time.monotonic() - started:.0f} s, {done.stderr.splitlines()[1].strip()}")
    completed_runs = {
        runs_dir: {
            record.experiment: run_info
            for run_info in Store(directory / runs_dir).list_runs()
            if (record := run_info.record) and record.status == "completed"
        }
        for runs_dir in ("disk", "runs")
    }
    assert len(completed_runs["disk"]) == len(completed_runs["runs"]) == runs
    for key, run_info in completed_runs["disk"].items():
        assert_same_run(run_info.run, completed_runs["runs"][key].run)
    for optimizer in ("sgd", "adam"):
        runs_dir = f"single-{optimizer}"
        single_words = ["train", *words[1:4], f"optimizer={optimizer}", "seed=1", "--runs-dir", runs_dir]
        done = forked_cli.run_command(directory, *single_words)
        assert done.returncode == 0, done.stderr
        (single,) = Store(directory / runs_dir).list_runs()
        assert_same_run(single.run, completed_runs["runs"][single.record.experiment].run)
    left = sum(
        path.name != LOGS_DIRECTORY for runs_dir in ("disk", "runs") for path in (directory / runs_dir).iterdir()
    )
    print(f"{runs} runs the same to the last bit; {left - 2 * runs} directories more than runs")
