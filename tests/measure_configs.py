"""Train every config as it stands and print its scores, the test set included: the figures in their headers.

    python tests/measure_configs.py [CONFIG…]

Takes about five minutes on two cores. Nothing is kept; the test set is read here and nowhere else.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dnn_cli.host.processor import processor_text
from dnn_cli.spec.load import load


def dnn(*words: str) -> dict[str, Any]:
    """The JSON of a command."""
    command = [sys.executable, "-m", "dnn_cli", *words, "--runs-dir", runs, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


for config in sys.argv[1:] or sorted(map(str, Path("configs").glob("*.yaml"))):
    metric = load(config).experiment.metrics[0].type
    with tempfile.TemporaryDirectory() as runs:
        (run,) = dnn("train", config)["runs"]
        test = dnn("evaluate", run["id"])["scores"]
        validation = dnn("evaluate", run["id"], "--split", "validation")["scores"]
    print(
        f"{config:32} {metric} after {run['epochs']} epochs: validation {validation[metric]:.4f}  "
        f"test {test[metric]:.4f}  {run['seconds']:.0f} s on {processor_text()}",
        flush=True,
    )
