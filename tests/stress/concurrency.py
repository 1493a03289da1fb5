"""Start many `dnn train` at once on one runs directory: every program has its own run.

50 programs take about two minutes on two cores.
"""

import argparse
import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.digits import DIGITS_YAML


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("programs", type=int, nargs="?", default=50, help="number of programs (default: 50)")


def run(options: argparse.Namespace) -> int:
    """Start the programs and check their runs; a wrong result raises."""
    count: int = options.programs
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "a path with spaces" / "실험"
        directory.mkdir(parents=True)
        (directory / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
        started = time.monotonic()
        programs = [
            forked_cli.start_command(directory, "train", "digits.yaml", f"seed={seed}", "epochs=1")
            for seed in range(count)
        ]
        for program in programs:
            program.join()
        store = Store(directory / "runs")
        runs = store.list_runs()
        assert [program.exitcode for program in programs] == [0] * count, (directory / "log").read_text()[-2000:]
        seeds = [load_resolved_experiment(str(run_info.run.config)).seed for run_info in runs]
        assert sorted(seeds) == list(range(count))
        assert len({run_info.record.id for run_info in runs}) == count
        assert {run_info.record.process.pid for run_info in runs} == {program.pid for program in programs}
        assert len({run_info.record.results.weights for run_info in runs}) == count
        assert all(len(run_info.run.read_metrics()) == 1 for run_info in runs)
        assert not [path for path in store.root.iterdir() if path.name.startswith(".")]
        print(f"{count} programs at once in {time.monotonic() - started:.0f} s: {len(runs)} runs, none mixed")
    return 0
