"""Train on a GPU: equal bits, kills, engines, benchmarks, sweeps, 16 bits, memory, lanes.

Each check prints a line with its seconds. Without a GPU, nothing is checked, and the exit code is 0.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.config.loading import load_experiment
from dnn_cli.host.resources import get_usable_memory
from tests.helpers.settings import ROOT

TIMEOUT = 240
RELU_ADAM = str(ROOT / "configs" / "relu_adam.yaml")
SMALL_CNN = str(ROOT / "configs" / "small_cnn.yaml")

_IMAGE = "{type: Reshape, target_shape: [28, 28, 1]}"
_OUTPUT = "{type: Dense, units: 10, activation: softmax}"
UNVERIFIED_LAYERS = {
    "Conv2D": "{type: Conv2D, filters: 8, kernel_size: 3, activation: relu}",
    "MaxPooling2D": "MaxPooling2D",
    "MaxPooling2D, overlapping": "{type: MaxPooling2D, pool_size: 3, strides: 2}",
    "AveragePooling2D": "{type: AveragePooling2D, pool_size: 2}",
    "AveragePooling2D, overlapping": "{type: AveragePooling2D, pool_size: 3, strides: 2}",
    "GlobalAveragePooling2D": "{type: Conv2D, filters: 8, kernel_size: 1}, GlobalAveragePooling2D",
    "BatchNormalization": "BatchNormalization",
    "LayerNormalization": "LayerNormalization",
    "Dropout": "{type: Dropout, rate: 0.3}",
    "GaussianNoise": "{type: GaussianNoise, stddev: 0.1}",
}
"""Layers whose determinism with XLA on a GPU is unverified. In front of each is a Dense layer, which has a gradient."""


@dataclass(frozen=True)
class Workplace:
    """Directory in which checks train, and the overrides that all of their trainings get."""

    directory: Path
    overrides: tuple[str, ...]
    data: tuple[str, ...]
    """Overrides with the path of Fashion-MNIST; empty if `dnn` finds the data."""

    def run(self, *words: str, fails: bool = False, **environment: str) -> str:
        """Run `dnn`, and return its standard output. Raise an error if its exit code or its messages are wrong."""
        done = subprocess.run(
            [sys.executable, "-m", "dnn_cli", *words], cwd=self.directory, capture_output=True, text=True,
            timeout=TIMEOUT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done.stderr[-3000:]
        assert bool(done.returncode) == fails, done.stderr[-3000:]
        return done.stdout

    def train(self, *words: str, fails: bool = False, runs_dir: str = "runs", **environment: str) -> list[Any]:
        """Run `dnn train` or another command with `--json`, and return the records of its runs."""
        command = words[0] if words[0] in ("sweep", "resume") else "train"
        words = words[words[0] == command :]
        device = () if command == "resume" else self.overrides
        out = self.run(command, *words, *device, "--runs-dir", runs_dir, "--json", fails=fails, **environment)
        return [read_record(self.directory / run["dir"]) for run in json.loads(out)["runs"]]


def read_record(run: Path) -> Any:
    """Read the record of a run."""
    return json.loads((run / "run.json").read_text())


def list_digests(records: Sequence[Any]) -> dict[str, str]:
    """Return the digests of the weights of completed runs, by the name of the experiment."""
    for record in records:
        assert record["status"] == "completed", f"{record['name']}: {record['reason']}"
    return {f"{record['name']} {index}": record["results"]["weights"] for index, record in enumerate(records)}


def compute_pace(record: Any, workplace: Workplace) -> float:
    """Return the median seconds of the epochs of a run, without the first."""
    (rows,) = workplace.directory.glob(f"*/*{record['id']}*/metrics.csv")
    header, *lines = rows.read_text().splitlines()
    column = header.split(",").index("seconds")
    return statistics.median(float(line.split(",")[column]) for line in lines[1:])


def check_configs(workplace: Workplace) -> str:
    """Train every shipped config for two epochs, twice."""
    paths = [str(path) for path in sorted((ROOT / "configs").glob("*.yaml"))]
    embedded = [
        path for path in paths if isinstance(DATASETS[load_experiment(path).experiment.data.dataset], EmbeddedDataset)
    ]
    own = [path for path in paths if path not in embedded]
    digests = []
    for attempt in ("first", "second"):
        small = workplace.train(*embedded, "epochs=2", runs_dir=attempt)
        large = workplace.train(*own, "epochs=2", "batch_size=256", *workplace.data, runs_dir=attempt)
        digests.append({**list_digests(small), **list_digests(large)})
    assert digests[0] == digests[1], [name for name in digests[0] if digests[0][name] != digests[1][name]]
    kinds = [record["plan"]["determinism"] for record in (*small, *large)]
    return f"{len(paths)} configs, equal digests; " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in set(kinds))


def check_layers(workplace: Workplace) -> str:
    """Train each unverified layer with XLA without op determinism, in two processes, and report equal digests."""
    outcomes: dict[str, list[str]] = {name: [] for name in UNVERIFIED_LAYERS}
    for attempt in ("layers-1", "layers-2"):
        paths = []
        for index, layer in enumerate(UNVERIFIED_LAYERS.values()):
            path = workplace.directory / f"layer_{index}.yaml"
            layers = f"[Flatten, {{type: Dense, units: 784}}, {_IMAGE}, {layer}, Flatten, {_OUTPUT}]"
            path.write_text(f"name: layer_{index}\nmodel: {{layers: {layers}}}\noptimizer: adam\nbatch_size: 256\n")
            paths.append(str(path))
        records = workplace.train(
            *paths, "data.validation_size=0.9", "deterministic=false", "jit=true", *workplace.data, runs_dir=attempt
        )
        for name, digest in zip(UNVERIFIED_LAYERS, list_digests(records).values(), strict=True):
            outcomes[name].append(digest)
    return "; ".join(
        f"{name}: {'equal' if len(set(digests)) == 1 else 'DIFFERENT'}" for name, digests in outcomes.items()
    )


def check_processes(workplace: Workplace) -> str:
    """Train Dense layers of three sizes in ten processes, some at the same time, and compare all digests."""
    sizes = (100, 1000, 4096)

    def train_sizes(number: int) -> dict[str, str]:
        records = workplace.train(
            "sweep", RELU_ADAM, f"layers.hidden.units={','.join(map(str, sizes))}", "batch_size=256", "-j", "1",
            *workplace.data, runs_dir=f"process-{number}",
        )  # fmt: skip
        return list_digests(sorted(records, key=lambda record: record["parameters"]["total"]))

    with ThreadPoolExecutor(5) as pool:
        digests = list(pool.map(train_sizes, range(10)))
    assert all(other == digests[0] for other in digests), digests
    return f"10 processes, 5 at a time: equal digests for {', '.join(map(str, sizes))} units"


def check_pace(workplace: Workplace) -> str:
    """Measure epochs with XLA's kernels fixed, chosen by measurements, and without determinism."""
    ways = {
        "fixed kernels": ((), {}),
        "measured kernels": ((), {"XLA_FLAGS": "--xla_gpu_autotune_level=4"}),
        "no random operations": ((), {"XLA_FLAGS": "--xla_gpu_exclude_nondeterministic_ops=true"}),
        "deterministic: false": (("deterministic=false",), {}),
        "without XLA": (("jit=false",), {}),
    }
    paces = {}
    for name, (words, environment) in ways.items():
        (record,) = workplace.train(
            RELU_ADAM, "epochs=4", f"name={re.sub('[^a-z]', '_', name)}", *words, *workplace.data, **environment
        )
        paces[name] = compute_pace(record, workplace)
    return ", ".join(f"{name} {pace:.3f}" for name, pace in paces.items()) + " s an epoch"


def train_and_kill(workplace: Workplace, *words: str, epochs: int) -> None:
    """Start a command that trains into the directory `killed`, and kill its processes after a number of epochs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", *words, "--runs-dir", "killed"], cwd=workplace.directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + TIMEOUT
        while not any(
            len(path.read_text().splitlines()) > epochs for path in workplace.directory.glob("killed/*/metrics.csv")
        ):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def check_kill(workplace: Workplace) -> str:
    """Kill a training, resume its run, and compare the weights with those of an undisturbed training."""
    words = [RELU_ADAM, "epochs=6", *workplace.data, *workplace.overrides]
    train_and_kill(workplace, "train", *words, epochs=2)
    (run,) = workplace.directory.glob("killed/*/run.json")
    workplace.run("resume", str(run.parent), "--runs-dir", "killed")
    undisturbed = workplace.train(RELU_ADAM, "epochs=6", *workplace.data, runs_dir="undisturbed")
    assert list_digests([read_record(run.parent)]) == list_digests(undisturbed)
    return "resumed run has the weights of an undisturbed run"


def check_engines(workplace: Workplace) -> str:
    """Train with both engines, and report whether the weights are equal."""
    digests, paces = [], []
    for engine in ("chunked", "keras"):
        (record,) = workplace.train(
            RELU_ADAM, f"engine={engine}", "jit=true", f"name=engine_{engine}", "epochs=2", *workplace.data
        )
        digests += list_digests([record]).values()
        paces.append(compute_pace(record, workplace))
    same = "equal" if digests[0] == digests[1] else "other"
    return f"{same} weights; chunked {paces[0]:.3f}, keras {paces[1]:.3f} s an epoch"


def check_bench(workplace: Workplace) -> str:
    """Benchmark a dense and a convolutional network."""
    texts = []
    for config in (RELU_ADAM, SMALL_CNN):
        words = ["batch_size=256"] if config == SMALL_CNN else []
        out = workplace.run("bench", config, *words, *workplace.data, *workplace.overrides, "--repeats", "2", "--json")
        result = json.loads(out)
        texts.append(f"{result['name']} {result['engine']['median']:.3f} s an epoch, {result['ratio']:.1f} x")
    return "; ".join(texts)


def check_sweep(workplace: Workplace) -> str:
    """Run a sweep of 12 runs, and compare the weights of one run with those of `dnn train`."""
    started = time.monotonic()
    records = workplace.train(
        "sweep", RELU_ADAM, "optimizer=sgd,rmsprop,adagrad,adam", "seed=1..3", "epochs=5", *workplace.data,
        runs_dir="sweep",
    )  # fmt: skip
    seconds = time.monotonic() - started
    assert len(list_digests(records)) == 12
    started = time.monotonic()
    (alone,) = workplace.train(RELU_ADAM, "optimizer=adam", "seed=3", "epochs=5", *workplace.data, runs_dir="alone")
    ratio = seconds / (time.monotonic() - started)
    assert alone["results"]["weights"] in {record["results"]["weights"] for record in records}
    return f"12 runs in {seconds:.1f} s, {ratio:.1f} x one dnn train"


def check_mixed_precision(workplace: Workplace) -> str:
    """Train in 16 bits, twice with determinism and once without."""
    words = [RELU_ADAM, "mixed_precision=true", "epochs=3", "batch_size=256", *workplace.data]
    records = [workplace.train(*words, runs_dir=f"mixed-{number}")[0] for number in (1, 2)]
    assert len(set(list_digests(records[:1]).values()) | set(list_digests(records[1:]).values())) == 1
    (fast,) = workplace.train(*words, "deterministic=false", runs_dir="mixed-fast")
    paces = [compute_pace(record, workplace) for record in (records[0], fast)]
    return f"equal digests; {paces[0]:.3f} s an epoch, {paces[1]:.3f} without determinism"


def check_memory(workplace: Workplace) -> str:
    """Train a network that is larger than the memory of the GPU, and then one that fits, in the same command."""
    if "device=cpu" in workplace.overrides:
        return "skipped: the system could end other programs"
    # The outputs of the layer fit into the memory of the machine, as `dnn` checks. Their gradients need as much again.
    batch_size = 40_000
    units = int(0.9 * get_usable_memory() / (4 * batch_size))
    too_large, small = workplace.directory / "too_large.yaml", workplace.directory / "fits.yaml"
    layers = f"[Flatten, {{type: Dense, units: {units}, activation: relu}}, {_OUTPUT}]"
    too_large.write_text(f"name: too_large\nmodel: {{layers: {layers}}}\nbatch_size: {batch_size}\n")
    small.write_text(f"name: fits\nmodel: {{layers: [Flatten, {_OUTPUT}]}}\n")
    records = workplace.train(str(too_large), str(small), *workplace.data, fails=True, runs_dir="memory")
    reasons = {record["name"]: record["reason"] for record in records}
    assert reasons["fits"] is None, reasons
    assert str(reasons["too_large"]).startswith("out of memory: use a smaller batch_size"), reasons
    return str(reasons["too_large"])


def check_lanes(workplace: Workplace) -> str:
    """Train runs in lanes and alone, compare their losses, and measure epochs of 64 and 256 lanes."""
    words = ["sweep", RELU_ADAM, *workplace.data]
    losses = {}
    for lanes in ("4", "off"):
        records = workplace.train(*words, "seed=1..4", "epochs=1", "--lanes", lanes, runs_dir=f"lanes-{lanes}")
        assert {record["plan"]["lanes"] for record in records} == {4 if lanes == "4" else 1}
        losses[lanes] = {record["experiment"]: record["results"]["last"]["loss"] for record in records}
    differences = [abs(loss / losses["off"][digest] - 1) for digest, loss in losses["4"].items()]
    assert max(differences) <= 1e-4, differences
    paces = []
    for lanes in (64, 256):
        records = workplace.train(
            *words, f"seed=1..{lanes}", "epochs=3", "--lanes", str(lanes), runs_dir=f"pace-{lanes}"
        )
        paces.append(f"{lanes} lanes {1000 * compute_pace(records[0], workplace):.2f} ms")
    return f"losses agree to {max(differences):.1e}; an epoch of a run: {', '.join(paces)}"


def check_lane_kill(workplace: Workplace) -> str:
    """Kill a sweep in lanes, continue it, and compare the weights with those of an unbroken sweep."""
    words = [RELU_ADAM, "seed=1..4", "epochs=10", "--lanes", "4", *workplace.data]
    train_and_kill(workplace, "sweep", *words, *workplace.overrides, epochs=3)
    digests = [
        {
            record["experiment"]: record["results"]["weights"]
            for record in workplace.train("sweep", *words, runs_dir=name)
        }
        for name in ("killed", "unbroken")
    ]
    assert digests[0] == digests[1]
    return f"{len(digests[0])} continued runs have the weights of an unbroken sweep"


def check_lane_sweeps(workplace: Workplace) -> str:
    """Measure a sweep of 12 runs, with and without cached programs, and a sweep of 256 learning rates."""
    words = ["sweep", RELU_ADAM, "optimizer=sgd,rmsprop,adagrad,adam", "seed=1..3", "epochs=5", *workplace.data]
    rates = ",".join(f"{0.0001 * 1.02**step:.8f}" for step in range(256))
    sweeps = {
        "12 runs, first": words,
        "12 runs, again": words,
        "256 learning rates": ["sweep", RELU_ADAM, f"optimizer.learning_rate={rates}", "epochs=5", *workplace.data],
    }
    texts = []
    for name, arguments in sweeps.items():
        started = time.monotonic()
        workplace.train(*arguments, runs_dir=re.sub("[^a-z0-9]", "-", name))
        texts.append(f"{name} {time.monotonic() - started:.1f} s")
    return ", ".join(texts)


CHECKS: dict[str, Callable[[Workplace], str]] = {
    "configs": check_configs,
    "layers": check_layers,
    "processes": check_processes,
    "pace": check_pace,
    "kill": check_kill,
    "engines": check_engines,
    "bench": check_bench,
    "sweep": check_sweep,
    "mixed_precision": check_mixed_precision,
    "memory": check_memory,
    "lanes": check_lanes,
    "lane_kill": check_lane_kill,
    "lane_sweeps": check_lane_sweeps,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checks", nargs="*", default=list(CHECKS), metavar="CHECK",
                        help=f"checks to run: {', '.join(CHECKS)} (default: all)")  # fmt: skip
    parser.add_argument("--data", help="directory of Fashion-MNIST, if dnn does not find it")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu",
                        help="device of the trainings; cpu tries the checks without a GPU (default: gpu)")  # fmt: skip


def count_gpus() -> int:
    """Return the number of GPUs that TensorFlow finds."""
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def run(options: argparse.Namespace) -> int:
    """Run the checks, and return 1 if one of them fails."""
    if unknown := set(options.checks) - CHECKS.keys():
        print(f"unknown checks: {', '.join(sorted(unknown))}; use {', '.join(CHECKS)}")
        return 2
    if options.device == "gpu" and not count_gpus():
        print("TensorFlow finds no GPU on this machine; nothing was checked")
        return 0
    failed = 0
    for name in options.checks:
        with tempfile.TemporaryDirectory() as temporary:
            workplace = Workplace(
                Path(temporary),
                (f"device={options.device}", "diagnostics=false"),
                (f"data.path={Path(options.data).absolute()}",) if options.data else (),
            )
            started = time.monotonic()
            try:
                result = CHECKS[name](workplace)
            except (AssertionError, subprocess.SubprocessError, ValueError, KeyError) as error:
                failed += 1
                result = f"FAILED: {type(error).__name__}: {error}"
            print(f"{name:16} {time.monotonic() - started:6.1f} s  {result}", flush=True)
    return int(failed > 0)
