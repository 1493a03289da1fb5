"""Program `dnn`: its help and global options, and the conversion of errors into messages and exit codes."""

import os
import shlex
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

import dnn_cli
from dnn_cli.cli.command_groups import COMMAND_GROUPS, load_command
from dnn_cli.cli.command_suggestions import COMMAND_SUGGESTIONS, CommandGroup
from dnn_cli.cli.completers import build_fixed_completer
from dnn_cli.cli.completion import (
    COMPLETE_VARIABLE,
    install_script_and_exit,
    keep_typed_values,
    print_completions,
    print_script_and_exit,
)
from dnn_cli.cli.verbosity import VerboseOption, log_error, open_log_file
from dnn_cli.errors import (
    OUT_OF_MEMORY,
    OUT_OF_MEMORY_SUGGESTION,
    AmbiguousAddressError,
    ConfigError,
    DataError,
    DnnError,
    QueryError,
    is_out_of_memory,
)
from dnn_cli.host.directories import redirect_libraries
from dnn_cli.host.process_kind import mark_own_process


class _GroupedHelp(CommandGroup):
    """Top-level command group `dnn`, whose help lists the commands below the titles of `COMMAND_GROUPS`."""

    suggestions = COMMAND_SUGGESTIONS

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.begins_with_command = False
        self.verbose_options = [parameter for parameter in self.params if parameter.name == "verbose"]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after `dnn`."""
        if getattr(ctx, "resilient_parsing", False):
            keep_typed_values(ctx, self)
        self.begins_with_command = bool(args) and args[0] in self.list_commands(ctx)
        return list(super().parse_args(ctx, args))

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the program, or nothing for a command line that begins with the name of a command.

        Typer would import pydantic to convert the default values of the options, which takes as long as the rest of
        `dnn train --help`.
        """
        return [] if self.begins_with_command else list(super().get_params(ctx))

    def get_command(self, ctx: Any, name: str) -> Any:
        if name not in self.commands and (command := load_command(name)):
            _add_options(command, self.verbose_options)
            self.commands[name] = command
            if getattr(ctx, "resilient_parsing", False):
                keep_typed_values(typer.Context(command, parent=ctx, info_name=name), command)
        return self.commands.get(name)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the completions of a command's name, without the import of all commands."""
        for commands in COMMAND_GROUPS.values():
            for name, lazy_command in commands.items():
                self.commands.setdefault(name, TyperCommand(name, help=lazy_command.description))
        return super().shell_complete(ctx, incomplete)

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for commands in COMMAND_GROUPS.values() for name in commands]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, commands in COMMAND_GROUPS.items():
            with formatter.section(title):
                # All groups have names of one width, so that the descriptions are below each other.
                formatter.write_dl(
                    [(name.ljust(width), lazy_command.description) for name, lazy_command in commands.items()]
                )


def _add_options(command: Any, options: Sequence[Any]) -> None:
    """Add options of the program to a command and its subcommands, so that the options can follow their names."""
    command.params += options
    for subcommand in getattr(command, "commands", {}).values():
        _add_options(subcommand, options)


app = typer.Typer(
    name="dnn",
    cls=_GroupedHelp,
    help="Train and compare Keras networks that are described in YAML.",
    epilog="dnn COMMAND --help shows the options of a command; dnn help lists the pages of the documentation.",
    # dnn has its own completion, because bash breaks words at = and :.
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_requested: bool) -> None:
    """Print the version and exit, if `--version` is given."""
    if is_requested:
        sys.stdout.write(f"dnn {dnn_cli.__version__}\n")
        raise typer.Exit


@app.callback()
def declare_global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    install_completion: Annotated[
        str | None,
        typer.Option(
            metavar="SHELL",
            autocompletion=build_fixed_completer("bash", "zsh", "fish"),
            callback=install_script_and_exit,
            is_eager=True,
            help="Install Tab completion for bash, zsh or fish.",
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(
            metavar="SHELL",
            autocompletion=build_fixed_completer("bash", "zsh", "fish"),
            callback=print_script_and_exit,
            is_eager=True,
            help="Print the completion script of a shell.",
        ),
    ] = None,
    verbose: VerboseOption = 0,
) -> None:
    """Train and compare Keras networks that are described in YAML."""


def main() -> None:
    """Run the program and exit with its exit code.

    Exit code 0 means success. Exit code 1 means that a run failed or diverged, or that the command failed. Exit code 2
    means an error in the command line, in a config or in a user's data.

    If a signal ends the process, the exit code is 128 plus the number of the signal: SIGINT 130, SIGTERM 143, SIGHUP
    129, SIGUSR1 138.
    """
    # A stream that the caller closed is None. Its text has no reader.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - open until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - open until the process ends
    if COMPLETE_VARIABLE in os.environ:
        print_completions(app)
        return
    mark_own_process()
    redirect_libraries()
    # SystemExit runs the cleanup of unfinished work.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        # `dnn_cli.__main__` has set the default action for the time of the imports.
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        open_log_file()
        code = app(sys.argv[1:] or ["--help"], prog_name="dnn", standalone_mode=False)
        sys.stdout.flush()
    except DnnError as error:
        log_error(error)
        code = _print_error(error)
    except KeyboardInterrupt:
        _exit_if_importing_tensorflow()
        code = 130
    except BrokenPipeError:
        from dnn_cli.terminal.console_builder import redirect_to_devnull

        redirect_to_devnull(sys.stdout)
        code = 0
    except OSError as error:
        log_error(error)
        _print_message([f"dnn: {error.strerror or error}"])
        code = 1
    except typer.Abort:
        code = 130
    except Exception as error:
        log_error(error)
        code = _print_usage_error_or_bug(error)
    sys.exit(code if isinstance(code, int) else 0)


def _exit_if_importing_tensorflow() -> None:
    """End the process at once, with exit code 130, if a background thread is importing TensorFlow.

    `main` calls this function after Ctrl-C, because a normal exit would wait for the end of the import.
    """
    if "dnn_cli.training.tensorflow_startup" in sys.modules:
        from dnn_cli.training.tensorflow_startup import is_importing_tensorflow

        if is_importing_tensorflow():
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(130)


def _print_error(error: DnnError) -> int:
    """Print the message and the suggestion of an error on standard error, and return the error's exit code."""
    if isinstance(error, ConfigError):
        _print_message(error.issues)
    else:
        # Messages of these errors have several lines.
        is_multiline = isinstance(error, DataError | QueryError | AmbiguousAddressError)
        message_lines = error.message.split("\n") if is_multiline else [error.message]
        suggestions = [f"  {error.suggestion}"] if error.suggestion else []
        _print_message([f"dnn: {message_lines[0]}", *message_lines[1:], *suggestions])
    return error.exit_code


def _print_message(lines: Iterable[object]) -> None:
    """Print lines on standard error, without control characters."""
    # The import of Rich's console takes 35 ms, and `dnn --help` 130 ms without it.
    from dnn_cli.cli.console import get_notes_console
    from dnn_cli.terminal.console_builder import print_line

    console = get_notes_console()
    for line in lines:
        print_line(console, line)


def _suggest_override(option: str, arguments: Sequence[str], context: Any) -> str:
    """Return a hint for an unknown option that is named like a config key: `write epochs=3 instead` for `--epochs 3`.

    The hint is empty if the command takes no overrides, or if no config key has the name of the option.

    Args:
        option: The unknown option, such as `--epochs`.
        arguments: The words of the command line, which contain the option and its value.
        context: The Typer context of the command.
    """
    from dnn_cli.config.experiment import Experiment

    metavars = [str(parameter.metavar) for parameter in getattr(getattr(context, "command", None), "params", ())]
    if not any("KEY=VALUE" in metavar for metavar in metavars):
        return ""
    key = option.lstrip("-").replace("-", "_")
    rate_keys = {"lr": "optimizer.learning_rate", "learning_rate": "optimizer.learning_rate"}
    if key not in (*Experiment.model_fields, *rate_keys, "seeds"):
        return ""
    position = next(
        (position for position, word in enumerate(arguments) if word.partition("=")[0] == option), len(arguments)
    )
    _, equals, value = arguments[position].partition("=") if position < len(arguments) else ("", "", "")
    if not equals:
        value = arguments[position + 1] if position + 1 < len(arguments) else "…"
    if key == "seeds":
        if "KEY=VALUES" in "".join(metavars):
            return f"write {_format_seeds_override(value)} instead"
        config_file = next((word for word in arguments if word.endswith((".yaml", ".yml"))), "CONFIG")
        return f"dnn sweep trains several seeds: dnn sweep {shlex.quote(config_file)} {_format_seeds_override(value)}"
    return f"write {shlex.quote(f'{rate_keys.get(key, key)}={value}')} instead"


def _format_seeds_override(value: str) -> str:
    """Return the override that a user can write instead of the unknown option `--seeds VALUE`.

    A number above 1 is the number of seeds: `8` becomes `seed=1..8`. Other values are the seeds: `3,5` becomes
    `seed=3,5`.
    """
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0
    return shlex.quote(f"seed=1..{number}" if number > 1 else f"seed={value}")


def _print_usage_error_or_bug(error: Exception) -> int:
    """Print an error of the command line's parser, or an unexpected error, and return the exit code.

    Raise the error instead if the environment variable DNN_DEBUG is set.
    """
    if os.environ.get("DNN_DEBUG"):
        raise error
    if is_out_of_memory(error):
        _print_message([f"dnn: {OUT_OF_MEMORY}", f"  {OUT_OF_MEMORY_SUGGESTION}"])
        return 1
    # The class of parser errors depends on the version of Typer. All of them have this method.
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        text = f"dnn: internal error: {type(error).__name__}: {error} (set DNN_DEBUG=1 for a traceback)"
        _print_message([text])
        return 1
    context = getattr(error, "ctx", None)
    hint = f"{getattr(context, 'command_path', 'dnn')} --help shows the usage"
    message = format_message()
    option = getattr(error, "option_name", None)
    if option and (override_hint := _suggest_override(str(option), sys.argv, context)):
        hint = override_hint
        # `message` lacks the similar options that `format_message` adds.
        message = getattr(error, "message", message)
    _print_message([f"dnn: {' '.join(message.split())}", f"  {hint}"])
    return int(getattr(error, "exit_code", 2))
