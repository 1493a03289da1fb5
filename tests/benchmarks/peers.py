"""Compare `dnn train` with other libraries: time of an epoch, time and memory of the process.

Libraries that are not installed are left out: PyTorch (`pip install torch`) and JAX (`pip install jax`). `--python` is
an interpreter that has them, with NumPy and scikit-learn. In one environment, Keras would import both, which lengthens
the other processes. Run `dnn train configs/relu_adam.yaml` once before, to download the data and to warm the caches.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from tests.helpers.settings import ROOT

EPOCHS = 5
PROGRAMS = {
    "dnn's engine": ("engine", "tensorflow"),
    "Keras, textbook script": ("textbook", "tensorflow"),
    "JAX, lax.scan": ("jax_scan", "jax"),
    "PyTorch, loop": ("torch_loop", "torch"),
    "scikit-learn, MLPClassifier": ("sklearn_mlp", "sklearn"),
}


def measure_process(command: list[str]) -> tuple[float, float, str]:
    """Run a process and return its wall-clock seconds, peak memory in MB and output."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if child.returncode:
            raise SystemExit(f"{' '.join(command)} failed")
        output.seek(0)
        return seconds, usage.ru_maxrss / 1000, output.read()


def can_import(python: str, module: str) -> bool:
    """Return whether an interpreter can import a module."""
    return not subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rounds", type=int, nargs="?", default=3, help="rounds of all programs (default: 3)")
    parser.add_argument("--python", default=sys.executable, help="interpreter with PyTorch and JAX")


def run(options: argparse.Namespace) -> int:
    """Run all programs in turn and print a table of medians."""
    rounds: int = options.rounds
    commands = {
        name: [interpreter, "-m", f"tests.benchmarks.peer_programs.{program}", str(EPOCHS)]
        for name, (program, needs) in PROGRAMS.items()
        if can_import(interpreter := options.python if needs in ("jax", "torch") else sys.executable, needs)
    }
    with tempfile.TemporaryDirectory() as runs:
        train = [sys.executable, "-m", "dnn_cli", "train", "configs/relu_adam.yaml", "--runs-dir", runs]
        commands = {"dnn train": train, **commands, "import tensorflow": [sys.executable, "-c", "import tensorflow"]}
        measurements: dict[str, list[tuple[float, float, str]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                measurements[name].append(measure_process(command))
    print(f"{rounds} rounds in turn, medians; seconds an epoch after the first, of {EPOCHS}")
    print(f"{'':30}{'epoch':>9}{'best':>9}{'process':>9}{'best':>9}{'peak MB':>9}")
    for name, results in measurements.items():
        epochs = [second for _, _, output in results if output.startswith("[") for second in json.loads(output)[1:]]
        epoch, best = (f"{median(epochs):.3f}", f"{min(epochs):.3f}") if epochs else ("", "")
        process_seconds, peak = [r[0] for r in results], median(r[1] for r in results)
        print(f"{name:30}{epoch:>9}{best:>9}{median(process_seconds):>9.2f}{min(process_seconds):>9.2f}{peak:>9.0f}")
    return 0
