"""Train every config as it stands and print its scores, the test set included: the figures in their headers.

    python tests/measure_configs.py [--write] [CONFIG…]

`--write` puts the figures into the headers of the configs and the table of `configs/README.md`. It takes about five
minutes on two cores, and seconds mean something only on a machine that does nothing else. No run is kept; the test set
is read here and nowhere else.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from dnn_cli.config.loading import load_experiment
from dnn_cli.host.resources import count_available_cores, format_processor

HEADER = re.compile(r"^# Measured: .*$(\n# \d+ s on .*$)?", re.MULTILINE)
"""The lines of a header with the figures: the scores, and the seconds with the processor."""

CONFIG_TABLE = Path("configs/README.md")


class MeasuredScores(NamedTuple):
    """The figures of a config."""

    metric: str
    epochs: int
    validation: float
    test: float
    seconds: float

    def format_score(self, value: float) -> str:
        """A score with the digits of the table of configs."""
        return f"{value:.4f}" if self.metric == "accuracy" else f"{value:.2f}"

    @property
    def scores_text(self) -> str:
        """The scores in words."""
        validation, test = self.format_score(self.validation), self.format_score(self.test)
        return f"validation {self.metric} {validation} after {self.epochs} epochs, test {self.metric} {test}"

    @property
    def speed_text(self) -> str:
        """The seconds, and what they were measured on."""
        return f"{self.seconds:.0f} s on {format_processor()}"


def measure_config(config: str) -> MeasuredScores:
    """Train a config, and evaluate the trained model on both sets."""
    metric = load_experiment(config).experiment.metrics[0].type
    with tempfile.TemporaryDirectory() as runs:
        (run,) = run_dnn(runs, "train", config)["runs"]
        test = run_dnn(runs, "evaluate", run["id"])["scores"]
        validation = run_dnn(runs, "evaluate", run["id"], "--split", "validation")["scores"]
    return MeasuredScores(metric, run["epochs"], validation[metric], test[metric], run["seconds"])


def run_dnn(runs: str, *words: str) -> dict[str, Any]:
    """The JSON of a command."""
    command = [sys.executable, "-m", "dnn_cli", *words, "--runs-dir", runs, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def write_figures(config: Path, measured: MeasuredScores) -> None:
    """Put figures into the header of a config and into the table of configs."""
    lines = f"# Measured: {measured.scores_text},\n# {measured.speed_text}."
    config.write_text(HEADER.sub(lambda _: lines, config.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    validation, test = measured.format_score(measured.validation), measured.format_score(measured.test)
    cells = f"| {validation} | {test} | {measured.seconds:.0f} s |"
    row = re.compile(rf"^(\| `{config.stem}` \|.*?)\| [\d.]+ \| [\d.]+ \| \d+ s \|$", re.MULTILINE)
    table = CONFIG_TABLE.read_text(encoding="utf-8")
    CONFIG_TABLE.write_text(row.sub(lambda match: match[1] + cells, table), encoding="utf-8")


def main(words: list[str]) -> None:
    """Measure the configs that are named, or all."""
    names = [word for word in words if word != "--write"] or sorted(map(str, Path("configs").glob("*.yaml")))
    if (load_now := os.getloadavg()[0]) > count_available_cores() / 2:
        print(f"the machine is busy (load {load_now:.1f}): the seconds will be too many", file=sys.stderr)
    for name in names:
        measured = measure_config(name)
        print(f"{name:32} {measured.scores_text}, {measured.speed_text}", flush=True)
        if "--write" in words:
            write_figures(Path(name), measured)


if __name__ == "__main__":
    main(sys.argv[1:])
