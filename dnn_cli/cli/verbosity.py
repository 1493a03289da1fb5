"""Log lines of commands: the options `-v` and `-vv`, and the environment variable DNN_LOG.

`logging` and Rich are imported only if a user asks for log lines.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import dnn_cli
from dnn_cli.errors import UsageError
from dnn_cli.warm import START_NOTES

if TYPE_CHECKING:
    from logging import Handler

_LOG_VARIABLE = "DNN_LOG"
"""Environment variable with the path of a file to which every command appends its log lines."""


def _set_verbosity(context: typer.Context, value: int) -> int:
    """Print log lines on standard error: steps for `-v`, and details for `-vv`.

    The option can precede and follow the name of the command. The larger number of `v` applies.
    """
    # A completion parses the command line and must not print.
    if value and not context.resilient_parsing:
        import logging

        from dnn_cli.host.process_log import LineHandler, add_log_handler
        from dnn_cli.terminal.log_lines import SCREEN_HANDLERS, build_error_printer

        level = logging.INFO if value == 1 else logging.DEBUG
        if not SCREEN_HANDLERS:
            SCREEN_HANDLERS.append(LineHandler(build_error_printer()))
            add_log_handler(SCREEN_HANDLERS[0], level)
            _write_start_line(SCREEN_HANDLERS[0])
        elif level < SCREEN_HANDLERS[0].level:
            add_log_handler(SCREEN_HANDLERS[0], level)
    return value


VerboseOption = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        is_eager=True,
        show_default=False,
        callback=_set_verbosity,
        help="Print a line for each step with its time; -vv prints details.",
    ),
]


def open_log_file() -> None:
    """Append log lines to the file of the environment variable DNN_LOG. Nothing happens if the variable is unset.

    Also let SIGUSR2 write the stacks of all threads to this file, or to standard error.

    Raises:
        UsageError: the file cannot be written.
    """
    from dnn_cli.host.stack_dump import enable_stack_dump

    name = os.environ.get(_LOG_VARIABLE)
    if not name:
        # Standard error may be closed.
        with suppress(OSError):
            enable_stack_dump(None)
        return
    import logging

    from dnn_cli.host.process_log import add_log_file

    try:
        handler = add_log_file(Path(name), logging.DEBUG)
        enable_stack_dump(Path(name))
    except OSError as error:
        raise UsageError(
            f"{_LOG_VARIABLE}: {name} cannot be written: {error.strerror}", f"set {_LOG_VARIABLE} to another file"
        ) from None
    _write_start_line(handler)


def log_error(error: Exception) -> None:
    """Write the error that ended a command to the log, with its traceback. Nothing happens without a log."""
    if "logging" in sys.modules:
        import logging

        logging.getLogger(__name__).debug("the command ends with an error", exc_info=error)


def _write_start_line(handler: "Handler") -> None:
    """Write the first lines of a log: the version, the start and the command line of this process."""
    import logging
    import shlex
    from datetime import datetime, timezone

    from dnn_cli.host.process_log import compute_process_start

    started = datetime.fromtimestamp(compute_process_start(), timezone.utc)
    message = (
        f"dnn {dnn_cli.__version__} started at {started:%Y-%m-%d %H:%M:%S} UTC: {shlex.join(['dnn', *sys.argv[1:]])}"
    )
    for line in [message, *START_NOTES]:
        handler.handle(logging.LogRecord(__name__, logging.INFO, __file__, 0, line, None, None))
