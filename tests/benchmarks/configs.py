"""Train the example configs and print their seconds and scores, also on the test set.

`--write` writes the figures into the headers of the configs and into the table of `configs/README.md`. All configs
take about 12 minutes on two cores. Seconds are valid only on an idle machine. The runs are deleted. Only this
script and `published_scores` evaluate the example configs on the test set.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dnn_cli.config.loading import load_experiment
from dnn_cli.host.resources import count_available_cores, format_processor

HEADER = re.compile(r"^# Measured: .*$(\n# \d+ s on .*$)?", re.MULTILINE)
"""Lines of a header that have the figures: scores, and seconds with the processor."""

CONFIG_TABLE = Path("configs/README.md")

SCORES_FILE = Path(__file__).with_name("published_scores.csv")
"""Scores of the configs that `published_scores` measures, one row for each seed."""


class MeasuredScores(NamedTuple):
    """The figures of a config."""

    metric: str
    epochs: int
    validation: float
    test: float
    seconds: float

    def format_score(self, value: float) -> str:
        """Format a score with the digits of the table of configs."""
        return f"{value:.4f}" if self.metric == "accuracy" else f"{value:.2f}"

    @property
    def scores_text(self) -> str:
        """The scores as text."""
        validation, test = self.format_score(self.validation), self.format_score(self.test)
        return f"validation {self.metric} {validation} after {self.epochs} epochs, test {self.metric} {test}"


def measure_config(config: str) -> MeasuredScores:
    """Train a config, and evaluate the trained model on both sets."""
    metric = load_experiment(config).experiment.metrics[0].type
    with tempfile.TemporaryDirectory() as runs:
        (run,) = run_dnn(runs, "train", config)["runs"]
        test = run_dnn(runs, "evaluate", run["id"])["scores"]
        validation = run_dnn(runs, "evaluate", run["id"], "--split", "validation")["scores"]
    return MeasuredScores(metric, run["epochs"], validation[metric], test[metric], run["seconds"])


def run_dnn(runs: str, *words: str) -> dict[str, Any]:
    """Run a command and return its JSON. Its progress stays visible in a terminal."""
    command = [sys.executable, "-m", "dnn_cli", *words, "--runs-dir", runs, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def write_figures(config: Path, scores_text: str, cells: Sequence[str], seconds: float, processor: str) -> None:
    """Write scores and seconds into the header of a config and into its row of the table of configs."""
    lines = f"# Measured: {scores_text},\n# {seconds:.0f} s on {processor}."
    config.write_text(HEADER.sub(lambda _: lines, config.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    row = re.compile(rf"^(\| `{config.stem}` \|.*?)" + r"\| [^|]+ " * 3 + r"\|$", re.MULTILINE)
    table = CONFIG_TABLE.read_text(encoding="utf-8")
    row_end = f"| {' | '.join([*cells, f'{seconds:.0f} s'])} |"
    CONFIG_TABLE.write_text(row.sub(lambda match: match[1] + row_end, table), encoding="utf-8")


def warn_if_busy() -> None:
    """Print a warning if other programs use the machine."""
    if (load_now := os.getloadavg()[0]) > count_available_cores() / 2:
        print(f"the machine is busy (load {load_now:.1f}): the seconds will be too large", file=sys.stderr)


def list_configs_of_one_seed() -> list[Path]:
    """Return the example configs, but for those that `published_scores` measures with several seeds."""
    examples = [*sorted(Path("configs").glob("*.yaml")), *sorted(Path("configs/textbook").glob("*.yaml"))]
    with SCORES_FILE.open(encoding="utf-8", newline="") as file:
        published = {row["config"] for row in csv.DictReader(file)}
    return [path for path in examples if path.as_posix() not in published]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help="configs to train (default: all examples)")
    parser.add_argument("--write", action="store_true", help="write the figures into the configs and their table")


def run(options: argparse.Namespace) -> int:
    """Train and evaluate the configs, and print one line for each."""
    names = options.configs or map(str, list_configs_of_one_seed())
    processor = format_processor()
    warn_if_busy()
    for name in names:
        measured = measure_config(name)
        print(f"{name:32} {measured.scores_text}, {measured.seconds:.0f} s on {processor}", flush=True)
        if options.write:
            cells = [measured.format_score(score) for score in (measured.validation, measured.test)]
            write_figures(Path(name), measured.scores_text, cells, measured.seconds, processor)
    return 0
