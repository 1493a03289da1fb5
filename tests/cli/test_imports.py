"""Commands that read runs and configs do not import TensorFlow or NumPy; help imports neither Rich nor pydantic."""

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
    heavy |= {"logging", "rich.console", "pydantic"} & set(sys.modules) if words in %s else set()
    assert not heavy, (words, heavy)
"""

HELP_COMMANDS = [
    "--help", "--version", "train --help", "export --help", "runs --help", "compare --help", "configs --help",
]  # fmt: skip
"""Commands that no other command may precede in the process, because other commands import more."""

COMMANDS = [
    *HELP_COMMANDS, "summary digits.yaml", "check digits.yaml", "runs",
    "compare", "compare --json", "list layers", "list optimizers", "list datasets", "schema", "runs --where seed=42",
    "runs show digits", "plot", "plot --json", "data --help", "watch digits", "import train.py",
]  # fmt: skip


def test_commands_do_not_import_tensorflow(config, make_run, tmp_path):
    config()
    make_run()
    (tmp_path / "train.py").write_text("model = Sequential([Dense(3, activation='softmax')])")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (COMMANDS, HELP_COMMANDS)], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "class_weight" in done.stdout, "the commands have printed"
