"""Command `dnn warm`: the server from which later commands start without importing TensorFlow."""

from contextlib import nullcontext
from typing import Annotated

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json
from dnn_cli.cli.options import JsonOption
from dnn_cli.errors import UsageError
from dnn_cli.terminal.console_builder import print_line

_MAX_MINUTES = 7 * 24 * 60


def warm(
    minutes: Annotated[
        float, typer.Option(metavar="N", help="End the server after this many idle minutes, at most 10,080.")
    ] = 15,
    shows_status: Annotated[bool, typer.Option("--status", help="Show the server without starting it.")] = False,
    stops: Annotated[bool, typer.Option("--stop", help="End the server. Running commands continue.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a server that makes later commands start faster.

    The server imports TensorFlow once, and later commands of the same user are forked from it. The server takes 0.6 GB
    of memory. A command that differs in the environment, in limits or in packages starts without the server, and -v
    shows the reason.
    """
    if shows_status and stops:
        raise UsageError("--status and --stop exclude each other", "leave one out")
    if not 0 < minutes <= _MAX_MINUTES:
        raise UsageError(f"--minutes is {minutes:g}", f"choose a number above 0, at most {_MAX_MINUTES}")

    from dnn_cli.report.warm_server_text import build_status_document, format_status
    from dnn_cli.warm.control import read_status, start_server, stop_server

    if stops:
        was_running = stop_server()
        status, line = None, "the warm server has ended" if was_running else "no warm server runs"
    else:
        status = read_status()
        if not shows_status and (status is None or status.difference or status.minutes != minutes):
            stop_server()
            notes = get_notes_console()
            # The import of TensorFlow takes seconds.
            with notes.status("starting TensorFlow") if notes.is_terminal else nullcontext():
                status = start_server(minutes)
        line = format_status(status)
    if as_json:
        print_json(build_status_document(status))
    else:
        for part in line.splitlines():
            print_line(get_output_console(), part)
