"""The cost of measuring layers: relu_adam and deep_relu as `dnn train` runs them, with and without, in turn.

python -m tests.measure_diagnostics [ROUNDS]
"""

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


def measure_overhead(rounds: int) -> None:
    """Train in turn, and print medians: of the command, of its processors, and of the share of the measurements."""
    kinds = ("command", "processors", "training", "share")
    figures_by_case: dict[tuple[str, str], dict[str, list[float]]] = {
        (config, way): {kind: [] for kind in kinds} for config in CONFIGS for way in SETTINGS
    }
    looks: dict[tuple[str, str], set[int]] = {}
    with tempfile.TemporaryDirectory() as directory:
        output_path = Path(directory) / "output.json"
        for number in range(rounds + 1):
            for (config, way), figures in figures_by_case.items():
                started, used = time.monotonic(), processor_seconds()
                words = [
                    "--once",
                    str(output_path),
                    f"configs/{config}.yaml",
                    f"diagnostics={way}",
                    "--runs-dir",
                    directory,
                ]
                subprocess.run([sys.executable, "-m", __spec__.name, *words], check=True, capture_output=True)
                command = time.monotonic() - started
                run = Store(Path(directory)).find("@1")
                seconds = run.read_raw_record().seconds or 0.0
                if number:  # the first round fills the caches
                    inside = json.loads(output_path.read_text())
                    values = (command, processor_seconds() - used, seconds, inside / seconds)
                    for kind, value in zip(kinds, values, strict=True):
                        figures[kind].append(value)
                    looks[config, way] = {state.epoch for state in read_diagnostics(run)}
    for (config, way), figures in figures_by_case.items():
        command, processors, training, share = (statistics.median(figures[kind]) for kind in kinds)
        seen = ", ".join(map(str, sorted(looks[config, way]))) or "none"
        print(
            f"{config}  diagnostics: {way:5}  command {command:.2f} s, {processors:.2f} s of processors  "
            f"training {training:.2f} s, {share:.1%} of it for measurements at epochs {seen}"
        )


def processor_seconds() -> float:
    """What all commands so far have used of processors, which others on the machine lengthen less than the time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_once(output_path: Path, words: list[str]) -> None:
    """Run `dnn train` and write the seconds that went into measurements."""
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


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        run_once(Path(sys.argv[2]), sys.argv[3:])
    else:
        measure_overhead(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
