"""Measure the cost of diagnostics: `dnn train` with and without diagnostics, in turn."""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.runs.diagnostics_csv import read_diagnostics
from dnn_cli.runs.store import Store

CONFIGS = ("relu_adam", "deep_relu")
SETTINGS = ("false", "auto", "true")
TIMED_TRAINING = """
import sys
from pathlib import Path
from tests.benchmarks.diagnostics import time_diagnostics
time_diagnostics(Path(sys.argv[1]), sys.argv[2:])
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="trainings of each kind (default: 5)")


def run(options: argparse.Namespace) -> int:
    """Train in turn, and print medians of seconds, processor seconds and the share of diagnostics."""
    rounds: int = options.rounds
    kinds = ("command", "processors", "training", "share")
    figures_by_case: dict[tuple[str, str], dict[str, list[float]]] = {
        (config, setting): {kind: [] for kind in kinds} for config in CONFIGS for setting in SETTINGS
    }
    measured_epochs: dict[tuple[str, str], set[int]] = {}
    with tempfile.TemporaryDirectory() as directory:
        output_path = Path(directory) / "output.json"
        for number in range(rounds + 1):
            for (config, setting), figures in figures_by_case.items():
                started, used = time.monotonic(), get_processor_seconds()
                words = [
                    str(output_path),
                    f"configs/{config}.yaml",
                    f"diagnostics={setting}",
                    "--runs-dir",
                    directory,
                ]
                subprocess.run([sys.executable, "-c", TIMED_TRAINING, *words], check=True, capture_output=True)
                command = time.monotonic() - started
                trained_run = Store(Path(directory)).find("@1")
                seconds = trained_run.read_raw_record().seconds or 0.0
                if number:  # the first round fills the caches
                    inside = json.loads(output_path.read_text())
                    values = (command, get_processor_seconds() - used, seconds, inside / seconds)
                    for kind, value in zip(kinds, values, strict=True):
                        figures[kind].append(value)
                    measured_epochs[config, setting] = {state.epoch for state in read_diagnostics(trained_run)}
    for (config, setting), figures in figures_by_case.items():
        command, processors, training, share = (statistics.median(figures[kind]) for kind in kinds)
        seen = ", ".join(map(str, sorted(measured_epochs[config, setting]))) or "none"
        print(
            f"{config}  diagnostics: {setting:5}  command {command:.2f} s, {processors:.2f} s of processors  "
            f"training {training:.2f} s, {share:.1%} of it for measurements at epochs {seen}"
        )
    return 0


def get_processor_seconds() -> float:
    """Return the processor seconds of all commands so far; other load lengthens them less than wall-clock seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def time_diagnostics(output_path: Path, words: list[str]) -> None:
    """Run `dnn train` and write the seconds of its diagnostics."""
    from dnn_cli.cli.app import main
    from dnn_cli.training.diagnostics_callback import DiagnosticsCallback

    spent = 0.0

    def wrap_timed(plain):
        def timed_method(*arguments, **named):
            nonlocal spent
            started = time.monotonic()
            plain(*arguments, **named)
            spent += time.monotonic() - started

        return timed_method

    for name in ("__init__", "on_train_begin", "on_epoch_begin", "on_epoch_end"):
        setattr(DiagnosticsCallback, name, wrap_timed(getattr(DiagnosticsCallback, name)))
    sys.argv[1:] = ["train", *words]
    try:
        main()
    finally:
        output_path.write_text(json.dumps(spent))
