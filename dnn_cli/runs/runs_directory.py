"""Default directory of runs, and the option `--runs-dir` in commands that users paste."""

import os
from pathlib import Path

RUNS_DIR_VARIABLE = "DNN_RUNS_DIR"
"""Environment variable with the default directory of runs."""


def get_default_runs_dir() -> Path:
    """Return the directory of runs that commands without `--runs-dir` use."""
    return Path(os.environ.get(RUNS_DIR_VARIABLE) or "runs")


def build_runs_dir_option(runs_dir: Path | str) -> list[str]:
    """Build the words `--runs-dir DIR` of a command to paste; an empty list for the default directory."""
    is_default = os.path.abspath(runs_dir) == os.path.abspath(get_default_runs_dir())
    return [] if is_default else ["--runs-dir", str(runs_dir)]
