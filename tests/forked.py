"""The program in processes forked from one that has imported TensorFlow already: what takes five seconds takes one."""

import multiprocessing
import multiprocessing.forkserver as forkserver
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dnn_cli.training.train", "dnn_cli.cli.app", "sklearn.model_selection"])


def start(folder, *words, out="log", err="log", **environment):
    """A command that runs in a folder, and writes to the ends of files there; the process."""
    forkserver.ensure_running()
    address = forkserver._forkserver._forkserver_address
    files = os.fspath(out), os.fspath(err)
    process = CONTEXT.Process(target=work, args=(os.fspath(folder), words, *files, environment, address))
    process.start()
    return process


def hear_all():
    """Ignore no signal that ends a program, though the parent of the tests does: nohup, or a shell's background."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(folder, *words, **environment):
    """A command, what it wrote, and how it ended."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place) / "out", Path(place) / "err"
        process = start(folder, *words, out=out, err=err, **environment)
        process.join(300)
        return subprocess.CompletedProcess(words, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def work(folder, words, out, err, environment, address):
    """What that process does; its own workers are forked where it was, and need not import TensorFlow again."""
    forkserver._forkserver._forkserver_address = address
    forkserver._forkserver._forkserver_alive_fd = os.open(os.devnull, os.O_WRONLY)
    forkserver._forkserver.ensure_running = lambda: None
    os.chdir(folder)
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    if os.isatty(1):  # Python's own streams were made for files, in which they look for their place
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process lives
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    hear_all()
    for name in [name for name in os.environ if name.startswith("DNN_")]:
        del os.environ[name]
    os.environ.update(environment)
    sys.argv = ["dnn", *words]
    from dnn_cli.cli.app import main

    main()
