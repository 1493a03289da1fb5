"""Commands that read runs and configs do not import TensorFlow or NumPy, and `--help` imports no console."""

import os
import subprocess
import sys

from tests.helpers.settings import ROOT

PROGRAM = """
import sys
from dnn_cli.cli.app import main
for words in %s:
    sys.argv = ["dnn", *words.split(" ")]
    try:
        main()
    except SystemExit as end:
        assert end.code in (0, None), (words, end.code)
    heavy = {name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras", "sklearn", "scipy", "numpy"}
    heavy |= {"logging", "rich.console"} & set(sys.modules) if words == "--help" else set()
    assert not heavy, (words, heavy)
"""

COMMANDS = [
    "--help", "--version", "train --help", "export --help", "summary digits.yaml", "check digits.yaml", "runs",
    "compare", "compare --json", "list layers", "list optimizers", "list datasets", "schema", "runs --where seed=42",
    "runs show digits", "plot", "plot --json", "data --help", "watch digits", "import train.py",
]  # fmt: skip


def test_commands_do_not_import_tensorflow(config, make_run, tmp_path):
    config()
    make_run()
    (tmp_path / "train.py").write_text("model = Sequential([Dense(3, activation='softmax')])")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % COMMANDS], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "class_weight" in done.stdout, "the commands have printed"
