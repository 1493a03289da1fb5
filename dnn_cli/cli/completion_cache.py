"""Cache of completions: answers of slow completers, each stored until one of the files that decide it changes.

A completer that reads configs or runs imports pydantic and many classes, which takes longer than a user waits for a
Tab. A stored answer is read in milliseconds. It counts only while the code of the program, the version of Python, and
the config file or the directory of runs are as they were.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dnn_cli
from dnn_cli.errors import RunError
from dnn_cli.host.directories import get_cache_path

_MAX_FILES = 100
"""Largest number of stored answers. The oldest answers are deleted first."""


def recall_answer(question: tuple[str, ...], state: str, compute: Callable[[], tuple[Any, bool]]) -> Any:
    """Return the stored answer to a question; without such an answer, compute the answer and store it.

    Args:
        question: The words that identify the question.
        state: The state of all files that decide the answer besides the code of the program.
        compute: The function that returns the answer as plain values, and whether the answer can be stored.
    """
    # Every command imports this module, and these modules take milliseconds.
    import hashlib
    import json

    path = get_cache_path("completions", f"{hashlib.sha256(repr(question).encode()).hexdigest()[:16]}.json")
    text = f"{sys.version} {_describe_program()} {state}"
    key = [*question, hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()]
    # A cache that is damaged or cannot be read only costs time.
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(path.read_bytes())
        if stored["key"] == key:
            return stored["answer"]
    answer, can_be_stored = compute()
    if can_be_stored:
        with suppress(OSError, ValueError, RunError):
            _write_answer(path, json.dumps({"key": key, "answer": answer}))
    return answer


def _write_answer(path: Path, text: str) -> None:
    """Write an answer, and delete the oldest answers."""
    from dnn_cli.host.cache_files import list_old_paths
    from dnn_cli.runs.atomic_write import write_text

    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    for file in list_old_paths(path.parent.iterdir(), _MAX_FILES):
        file.unlink(missing_ok=True)


def _describe_program() -> str:
    """Return the state of the program's code: the files of the package, with their sizes and times."""
    return "\n".join(_iter_module_states(os.path.dirname(dnn_cli.__file__)))


def _iter_module_states(directory: str) -> Iterator[str]:
    """Yield the path, size and time of each module in a directory and below it."""
    with os.scandir(directory) as items:
        for item in items:
            if item.name.endswith(".py"):
                status = item.stat()
                yield f"{item.path} {status.st_size} {status.st_mtime_ns}"
            elif item.name != "__pycache__" and item.is_dir():
                yield from _iter_module_states(item.path)


def describe_files(*paths: str) -> str:
    """Return a text that changes whenever one of the files changes or disappears."""
    states = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            states.append(f"error {error.errno}")
        else:
            states.append(f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}")
    return "\n".join(states)


def describe_runs(runs_dir: Path) -> str:
    """Return a text that changes whenever `dnn` adds, removes or changes a run that is not running.

    `dnn` replaces the small files of a run atomically, which changes the time of the run's directory.
    """
    states = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(runs_dir) as items:
        for item in items:
            try:
                status = item.stat()
            except OSError as error:
                states.append(f"{item.name} error {error.errno}")
            else:
                states.append(f"{item.name} {status.st_ino} {status.st_mtime_ns}")
    return "\n".join(sorted(states))
