"""Status of the warm server as a line of text and as JSON."""

import time
from typing import Any

from dnn_cli.config.network_summary import format_bytes
from dnn_cli.report.text import format_count, format_duration
from dnn_cli.warm.control import ServerStatus


def format_status(status: ServerStatus | None) -> str:
    """Format the status of the warm server in one line, and a second line if commands here cannot use the server."""
    if status is None:
        return "no warm server runs"
    parts = [
        f"warm server: process {status.pid}",
        f"ready for {format_duration(time.time() - status.start_time)}",
        f"{format_bytes(status.memory_bytes)} of memory" if status.memory_bytes is not None else "",
        f"{format_count(status.running_commands, 'command')} running" if status.running_commands else "",
        f"ends after {status.minutes:g} min without a command",
    ]
    line = ", ".join(part for part in parts if part)
    return f"{line}\ncommands here start without the server: {status.difference}" if status.difference else line


def build_status_document(status: ServerStatus | None) -> dict[str, Any]:
    """Build the JSON document of the status of the warm server."""
    if status is None:
        return {"running": False}
    return {
        "running": True,
        "pid": status.pid,
        "minutes": status.minutes,
        "start_time": status.start_time,
        "running_commands": status.running_commands,
        "memory_bytes": status.memory_bytes,
        "difference": status.difference or None,
    }
