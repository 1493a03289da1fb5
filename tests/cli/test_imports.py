"""Every verb but `train` answers without TensorFlow."""

import os
import subprocess
import sys

import pytest

from tests.helpers.settings import ROOT

PROGRAM = """
import sys
from dnn_cli.cli.app import main
sys.argv = ["dnn", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
heavy = {name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras", "sklearn", "scipy", "numpy"}
heavy |= {"logging"} & set(sys.modules) if sys.argv[1:] == ["--help"] else set()
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"], ["--version"], ["train", "--help"], ["export", "--help"], ["summary", "digits.yaml"],
        ["check", "digits.yaml"], ["runs"], ["compare"], ["compare", "--json"], ["list", "layers"],
        ["list", "optimizers"], ["list", "datasets"], ["schema"], ["runs", "--where", "seed = 42"],
        ["runs", "show", "digits"], ["plot"], ["plot", "--json"], ["data", "--help"], ["watch", "digits"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_commands_do_not_import_tensorflow(config, make_run, tmp_path, words):
    config()
    make_run()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
