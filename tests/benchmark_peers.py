"""`dnn` beside others on relu_adam: seconds an epoch, whole processes and their peak memory, in turn.

    python tests/benchmark_peers.py [ROUNDS] [PYTHON]

Peers that are not installed are left out: PyTorch (`pip install torch`) and JAX (`pip install jax`). PYTHON is an
interpreter that has them, besides NumPy and scikit-learn; in the same environment Keras would import
both, which takes the others' time. Run `dnn train configs/relu_adam.yaml` once before: the data is there then, and
caches are warm.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
EPOCHS = 5
PROGRAMS = {
    "dnn's engine": ("engine", "tensorflow"),
    "the textbook's script": ("textbook", "tensorflow"),
    "JAX, lax.scan": ("jax_scan", "jax"),
    "PyTorch, loop": ("torch_loop", "torch"),
    "scikit-learn, MLPClassifier": ("sklearn_mlp", "sklearn"),
}


def measure_process(command: list[str]) -> tuple[float, float, str]:
    """Wall-clock seconds, peak memory in MB and output of a process."""
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
    """Whether an interpreter can import a module."""
    return not subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode


def main(rounds: int, python: str) -> None:
    commands = {
        name: [interpreter, "-m", f"tests.peers.{program}", str(EPOCHS)]
        for name, (program, needs) in PROGRAMS.items()
        if can_import(interpreter := python if needs in ("jax", "torch") else sys.executable, needs)
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


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2] if len(sys.argv) > 2 else sys.executable)
