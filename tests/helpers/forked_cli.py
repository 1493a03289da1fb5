"""`dnn` in processes forked from a server that has imported the program and TensorFlow.

A command that reads runs takes 0.1 s instead of 0.7 s of processor time, and a training one second instead of five.
"""

import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import weakref
from multiprocessing import forkserver
from pathlib import Path

import dnn_cli
from dnn_cli.execution.signals import STOP_SIGNALS

FORKSERVER = multiprocessing.get_context("forkserver")

# The program's own fork server ignores signals, and the probe of `dnn doctor` computes with TensorFlow.
_NOT_PRELOADED = ("dnn_cli.execution.forkserver_preload", "dnn_cli.doctor.tensorflow_probe")
FORKSERVER.set_forkserver_preload(
    [
        "tests.helpers.paused_collector",
        "dnn_cli.training.train",
        "sklearn.model_selection",
        *(
            module.name
            for module in pkgutil.walk_packages(dnn_cli.__path__, "dnn_cli.")
            if not module.ispkg and module.name not in _NOT_PRELOADED
        ),
        "tests.helpers.forked_preload",
    ]
)

_started_processes = weakref.WeakSet()

SERVER_VARIABLE = "DNN_TEST_FORK_SERVER"
"""Environment variable with the address of the fork server that all workers of pytest-xdist share."""


def start_shared_server():
    """Start the fork server in the process that distributes tests. The import takes seconds, and happens once."""
    forkserver.ensure_running()
    os.environ[SERVER_VARIABLE] = forkserver._forkserver._forkserver_address


def use_server(address):
    """Fork the processes of this process from a server that another process has started."""
    forkserver._forkserver._forkserver_address = address
    forkserver._forkserver._forkserver_alive_fd = os.open(os.devnull, os.O_WRONLY)
    forkserver.ensure_running = forkserver._forkserver.ensure_running = lambda: None


def start_command(directory, *words, out="log", err="log", target=None, **environment):
    """Start a command in a directory, appending its output to files there, and return the process.

    `target` is a function that prepares the process and then calls `run_in_child` with its arguments.
    """
    forkserver.ensure_running()
    address = forkserver._forkserver._forkserver_address
    files = os.fspath(out), os.fspath(err)
    process = FORKSERVER.Process(
        target=target or run_in_child, args=(os.fspath(directory), words, *files, environment, address)
    )
    process.start()
    _started_processes.add(process)
    return process


def kill_commands():
    """Kill every command that still runs."""
    for process in list(_started_processes):
        if process.is_alive():
            process.kill()
            process.join()


def run_command(directory, *words, **environment):
    """Run a command and return its exit code and output."""
    with tempfile.TemporaryDirectory() as temporary:
        out, err = Path(temporary) / "out", Path(temporary) / "err"
        process = start_command(directory, *words, out=out, err=err, **environment)
        process.join(300)
        return subprocess.CompletedProcess(words, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def run_in_child(directory, words, out, err, environment, address):
    """Run `dnn` in the forked process; its workers are forked from the same server, without a new import."""
    use_server(address)
    # The program's own fork server ignores these signals, and is the server if a test of workers runs first.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.chdir(directory)
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    # Python made its streams for the files of the server, and would seek in a pipe or terminal.
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115 - stays open until the process ends
    sys.stderr = open(2, "w", 1, encoding, "backslashreplace", closefd=False)  # noqa: SIM115
    for name in [name for name in os.environ if name.startswith("DNN_")]:
        del os.environ[name]
    os.environ.update(environment)
    sys.argv = ["dnn", *words]
    from dnn_cli.cli.app import main

    main()
