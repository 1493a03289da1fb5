"""A sweep whose workers are killed at random, on a disk that is full for a while, with one run that always dies.

    python -m tests.campaign_sweep [RUNS] [SEED]

Needs to be root, for a disk of its own that can be full. Afterwards every run is completed, or has a reason why not;
the same command, left alone, completes them all, with the bits of a sweep that was never disturbed.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.runs.record import Record
from dnn_cli.runs.store import Store
from tests.conftest import DIGITS_YAML
from tests.helpers import forked_cli
from tests.helpers.kill_campaign import assert_same_run

DOOMED_SEED = "3"
"""The seed whose run always dies."""


def main(runs: int, seed: int) -> None:
    """The whole campaign."""
    rng = random.Random(seed)
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


def run_disturbed(directory: Path, words: list[str], rng: random.Random) -> None:
    """The sweep, while everything happens to it."""
    store, killed, dead, full = Store(directory / "disk"), 0, 0, 0.0
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
                dead += kill_trainer(record)
        if running and now - last > 1 and rng.random() < 0.1:
            killed, last = killed + kill_trainer(rng.choice(running)), now
    ballast.unlink(missing_ok=True)
    code = process.exitcode
    seconds = time.monotonic() - started
    statuses: dict[str, int] = {}
    for record in read_records(store):
        statuses[record.status] = statuses.get(record.status, 0) + 1
        assert record.status == "completed" or (record.status in ("failed", "interrupted") and record.reason), record.id
    assert code == 1, code
    print(f"{seconds:.0f} s, {killed} workers killed at random, {dead} of the one run, disk full for 5 s: {statuses}")


def fill_disk(ballast: Path) -> None:
    """Leave nothing of a disk."""
    with ballast.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(1 << 16))
                stream.flush()
        except OSError:
            pass


def read_records(store: Store) -> list[Record]:
    """All runs that can be read."""
    return [run_info.record for run_info in store.list_runs() if run_info.record]


def kill_trainer(record: Record) -> int:
    """Kill who trains a run."""
    assert record.process is not None
    try:
        os.kill(record.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def run_undisturbed(directory: Path, words: list[str], runs: int) -> None:
    """The same command again; then the same elsewhere, to compare with."""
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
    left = sum(len(list((directory / runs_dir).iterdir())) for runs_dir in ("disk", "runs"))
    print(f"{runs} runs the same to the last bit; {left - 2 * runs} directories more than runs")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [100, 1][len(numbers) :]))
