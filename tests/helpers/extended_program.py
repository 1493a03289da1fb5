"""The program together with a module that extends one of its tables, as an author of a change would."""

import os
import subprocess
import sys

from tests.helpers.settings import ROOT

START = "import sys; sys.argv = ['dnn', *sys.argv[1:]]; from dnn_cli.cli.app import main; main()"


class ExtendedProgram:
    """Runs `dnn` in a directory, after the module `extension` was imported."""

    def __init__(self, module_directory, extension):
        self.module_directory = module_directory
        (module_directory / "extension.py").write_text(extension, encoding="utf-8")

    def run(self, directory, *words, **environment):
        """Run a command in a directory."""
        return self.execute(directory, START, *words, **environment)

    def execute(self, directory, code, *words, **environment):
        """Run Python code in a directory."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("DNN_", "COV_"))}
        path = os.pathsep.join(map(str, (self.module_directory, ROOT)))
        return subprocess.run(
            [sys.executable, "-c", f"import extension; {code}", *words],
            cwd=directory,
            env={**outside, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    def complete(self, directory, line):
        """The words that fish offers at the end of a line."""
        done = self.run(directory, _DNN_COMPLETE="fish", _DNN_LINE=line)
        return [candidate.partition("\t")[0] for candidate in done.stdout.splitlines()]
