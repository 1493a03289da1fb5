"""Ctrl-C while the program is imported, and while a command imports its modules."""

import signal
import subprocess
import sys

import pytest

from tests.helpers.processes import start_process
from tests.helpers.settings import ROOT

INTERRUPT_IMPORT = """
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path, target=None):
        if name == os.environ["INTERRUPTED_IMPORT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
"""
"""Start-up file of Python that sends SIGINT when a module is imported."""

IGNORE_INTERRUPTS = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
)

START_OPTIONS = {"module": ["-m", "dnn_cli"], "script": ["-c", "from dnn_cli.__main__ import main; main()"]}


@pytest.fixture
def interrupt_import(tmp_path):
    """Runs `dnn runs`, sends SIGINT when a module is imported, and returns exit code and output."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT_IMPORT)

    def run(command, module):
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "INTERRUPTED_IMPORT": module}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with start_process(command, cwd=tmp_path, env=environment, **streams) as process:
            output, _ = process.communicate(timeout=60)
        return process.returncode, output

    return run


@pytest.mark.parametrize("start", START_OPTIONS)
@pytest.mark.parametrize(
    ("module", "exit_code"),
    [
        pytest.param("dnn_cli.cli", -signal.SIGINT, id="first module"),
        pytest.param("typer", -signal.SIGINT, id="command line"),
        pytest.param("dnn_cli.errors", -signal.SIGINT, id="module of the program"),
        pytest.param("dnn_cli.runs.store", 130, id="module of the command"),
    ],
)
def test_interrupted_import_prints_nothing(interrupt_import, start, module, exit_code):
    command = [sys.executable, *START_OPTIONS[start], "runs"]
    assert interrupt_import(command, module) == (exit_code, "")


@pytest.mark.parametrize("module", ["typer", "dnn_cli.runs.store"])
def test_ignored_interrupt_stays_ignored(interrupt_import, module):
    command = [sys.executable, "-c", IGNORE_INTERRUPTS, sys.executable, "-m", "dnn_cli", "runs"]
    exit_code, output = interrupt_import(command, module)
    assert exit_code == 0
    assert output.startswith("no runs in runs")


def test_installed_program_starts_in_the_main_module():
    assert 'dnn = "dnn_cli.__main__:main"\n' in (ROOT / "pyproject.toml").read_text()
