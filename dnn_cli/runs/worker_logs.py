"""Logs of worker processes, in the directory `.logs` of a runs directory.

The name of a log begins with the id of the process that started the worker. The logs of the last commands are kept.
"""

import os
import re
from contextlib import suppress
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

LOGS_DIRECTORY = ".logs"

MAX_LOGGED_COMMANDS = 20
"""Maximum number of ended commands whose worker logs are kept."""

_LOG_NAME = re.compile(r"(\d+)-.+\.log", re.DOTALL)


class WorkerLog(NamedTuple):
    """Log file of a worker, with the time of its last change in seconds since 1970."""

    path: Path
    changed_at: float

    @property
    def owner(self) -> str:
        """Id of the process that started the worker, as text."""
        return self.path.name.partition("-")[0]


def create_worker_log(root: Path, name: str, first_line: str) -> Path | None:
    """Create the log of a worker below a runs directory, and return its path; `None` if it cannot be written.

    Args:
        root: The runs directory, which is created if it is missing.
        name: The name of the worker, such as `worker-1`.
        first_line: The first line of the log.
    """
    path = root / LOGS_DIRECTORY / f"{os.getpid()}-{name}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_old_logs(root)
        # The first line reserves a block of the disk. If the disk is full later, the next lines fit into this block.
        with path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC  {first_line}\n")
    except OSError:
        return None
    return path


def list_worker_logs(root: Path) -> list[WorkerLog]:
    """Return the worker logs below a runs directory, the newest first; empty if the directory cannot be read."""
    logs = []
    with suppress(OSError):
        for path in (root / LOGS_DIRECTORY).iterdir():
            if _LOG_NAME.fullmatch(path.name):
                with suppress(OSError):
                    logs.append(WorkerLog(path, path.lstat().st_mtime))
    return sorted(logs, key=lambda log: log.changed_at, reverse=True)


def _remove_old_logs(root: Path) -> None:
    """Remove the logs of commands that have ended, except those of the last `MAX_LOGGED_COMMANDS` commands."""
    logs = sorted(list_worker_logs(root), key=lambda log: log.owner)
    commands = [list(group) for _, group in groupby(logs, key=lambda log: log.owner)]
    ended = [group for group in commands if not Path("/proc", group[0].owner).exists()]
    ended.sort(key=lambda group: max(log.changed_at for log in group), reverse=True)
    for log in (log for group in ended[MAX_LOGGED_COMMANDS:] for log in group):
        with suppress(OSError):
            log.path.unlink()
