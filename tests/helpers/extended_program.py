"""The program together with a module that extends one of its tables, as an author of a change would."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.helpers.processes import start_process
from tests.helpers.settings import ROOT

SERVER = """
import importlib, json, os, sys

import extension
from dnn_cli.cli import app

for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    request = json.loads(line)
    process = os.fork()
    if not process:
        for descriptor, name in enumerate((os.devnull, request["out"], request["err"])):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), descriptor)
        os.chdir(request["directory"])
        os.environ.update(request["environment"])
        sys.argv = ["dnn", *request["words"]]
        exec(request["code"])
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""
"""A program that imports `extension` before `dnn`, and forks for each command: an import takes half a second."""


class ExtendedProgram(contextlib.AbstractContextManager):
    """Context in which `dnn` runs in processes that imported the module `extension`.

    Args:
        module_directory: The directory in which the module is written.
        extension: The text of the module.
        preloaded: Names of further modules that the program imports once for all commands.
    """

    def __init__(self, module_directory, extension, *preloaded):
        self.module_directory = module_directory
        (module_directory / "extension.py").write_text(extension, encoding="utf-8")
        path = os.pathsep.join(map(str, (module_directory, ROOT)))
        self.process = start_process(
            [sys.executable, "-c", SERVER, *preloaded], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PYTHONPATH": path},
        )  # fmt: skip

    def __enter__(self):
        self.server = self.process.__enter__()
        return self

    def __exit__(self, *error):
        self.process.__exit__(*error)

    def run(self, directory, *words, **environment):
        """Run a command in a directory."""
        return self.execute(directory, "app.main()", *words, **environment)

    def execute(self, directory, code, *words, **environment):
        """Run Python code in a directory."""
        with tempfile.TemporaryDirectory() as temporary:
            out, err = Path(temporary) / "out", Path(temporary) / "err"
            request = {
                "directory": str(directory), "code": code, "words": words, "environment": environment,
                "out": str(out), "err": str(err),
            }  # fmt: skip
            self.server.stdin.write(json.dumps(request) + "\n")
            self.server.stdin.flush()
            exit_code = int(self.server.stdout.readline())
            return subprocess.CompletedProcess(words, exit_code, out.read_text("utf-8"), err.read_text("utf-8"))

    def complete(self, directory, line):
        """The words that fish offers at the end of a line."""
        done = self.run(directory, _DNN_COMPLETE="fish", _DNN_LINE=line)
        return [candidate.partition("\t")[0] for candidate in done.stdout.splitlines()]
