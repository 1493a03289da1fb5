"""Measure the pace of a sweep of many short runs, and the memory of its workers.

Then measure `dnn runs` on these runs, and the same sweep again, which trains nothing.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.runs.store import Store
from tests.helpers.digits import DIGITS_YAML

RUNS_PER_LINE = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", type=int, nargs="?", default=1000, help="number of runs (default: 1000)")


def run(options: argparse.Namespace) -> int:
    """Sweep over seeds of digits, one epoch each, and print one line for every hundred runs."""
    runs: int = options.runs
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        (directory / "digits.yaml").write_text(DIGITS_YAML)
        words = ["sweep", "digits.yaml", "epochs=1", f"seed=1..{runs}", "--json"]
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "dnn_cli", *words], cwd=directory, text=True,
            stdout=(directory / "out").open("w"), stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        last, memory, store = started, [], Store(directory / "runs")
        for line in process.stderr:
            if match := re.match(r" *(\d+)/", line):
                done = int(match[1])
                if done % RUNS_PER_LINE == 0:
                    now = time.monotonic()
                    memory.append(read_worker_memory(store))
                    print(
                        f"{done:>5} runs: {RUNS_PER_LINE / (now - last):.1f} a second, workers hold {memory[-1]}",
                        flush=True,
                    )
                    last = now
        assert process.wait() == 0
        print(f"all: {time.monotonic() - started:.0f} s, of which {time.monotonic() - last:.1f} s after the last run")
        assert len(json.loads((directory / "out").read_text())["runs"]) == runs
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "dnn_cli", "runs"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        print(f"dnn runs: {time.monotonic() - started:.2f} s")
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "dnn_cli", *words], cwd=directory, check=True, capture_output=True)
        print(f"the same command again: {time.monotonic() - started:.2f} s")
    return 0


def read_worker_memory(store: Store) -> str:
    """Read the resident memory of the processes that train."""
    newest = sorted((path for path in store.root.iterdir() if not path.name.startswith(".")), reverse=True)[:6]
    records = [json.loads((path / "run.json").read_text()) for path in newest]
    pids = sorted({record["process"]["pid"] for record in records})
    status = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    sizes = [int(match[1]) // 1024 for text in status if (match := re.search(r"VmRSS:\s+(\d+)", text))]
    return ", ".join(f"{size} MB" for size in sizes)
