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
from tests import forked
from tests.conftest import DIGITS
from tests.kills import assert_same

ALWAYS = "3"
"""The seed whose run always dies."""


def main(runs: int, seed: int) -> None:
    """The whole campaign."""
    chance = random.Random(seed)
    words = ["sweep", "digits.yaml", "jit=false", "epochs=20", "optimizer=sgd,adam", f"seed=1..{runs // 2}"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "digits.yaml").write_text(DIGITS)
        (folder / "disk").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={runs + 40}m", "tmpfs", folder / "disk"], check=True)
        try:
            disturbed(folder, words, chance)
            undisturbed(folder, words, runs)
        finally:
            subprocess.run(["umount", folder / "disk"], check=True)


def disturbed(folder: Path, words: list[str], chance: random.Random) -> None:
    """The sweep, while everything happens to it."""
    store, killed, dead, full = Store(folder / "disk"), 0, 0, 0.0
    process = forked.start(folder, *words, "--runs-dir", "disk")
    begun = last = time.monotonic()
    ballast = folder / "disk" / ".ballast"
    while process.is_alive():
        time.sleep(0.05)
        now = time.monotonic()
        if not full and now - begun > 10:
            full = now
            fill(ballast)
        if full and ballast.exists() and now - full > 5:
            ballast.unlink()
        running = [record for record in records(store) if record.status == "running"]
        for record in running:
            if any(one.settings == {"optimizer": "adam", "seed": ALWAYS} for one in record.sweeps):
                dead += kill(record)
        if running and now - last > 1 and chance.random() < 0.1:
            killed, last = killed + kill(chance.choice(running)), now
    ballast.unlink(missing_ok=True)
    code = process.exitcode
    seconds = time.monotonic() - begun
    statuses: dict[str, int] = {}
    for record in records(store):
        statuses[record.status] = statuses.get(record.status, 0) + 1
        assert record.status == "completed" or (record.status in ("failed", "interrupted") and record.reason), record.id
    assert code == 1, code
    print(f"{seconds:.0f} s, {killed} workers killed at random, {dead} of the one run, disk full for 5 s: {statuses}")


def fill(ballast: Path) -> None:
    """Leave nothing of a disk."""
    with ballast.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(1 << 16))
                stream.flush()
        except OSError:
            pass


def records(store: Store) -> list[Record]:
    """All runs that can be read."""
    return [entry.record for entry in store.entries() if entry.record]


def kill(record: Record) -> int:
    """Kill who trains a run."""
    assert record.process is not None
    try:
        os.kill(record.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def undisturbed(folder: Path, words: list[str], runs: int) -> None:
    """The same command again; then the same elsewhere, to compare with."""
    for place in ("disk", "runs"):
        begun = time.monotonic()
        done = forked.run(folder, *words, "--runs-dir", place)
        assert done.returncode == 0, done.stderr
        print(f"{place}: {time.monotonic() - begun:.0f} s, {done.stderr.splitlines()[1].strip()}")
    found = {
        place: {record.experiment: entry for entry in Store(folder / place).entries() if (record := entry.record)
                and record.status == "completed"}
        for place in ("disk", "runs")
    }  # fmt: skip
    assert len(found["disk"]) == len(found["runs"]) == runs
    for key, entry in found["disk"].items():
        assert_same(entry.run, found["runs"][key].run)
    left = sum(len(list((folder / place).iterdir())) for place in ("disk", "runs"))
    print(f"{runs} runs the same to the last bit; {left - 2 * runs} directories more than runs")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [100, 1][len(given) :]))
