"""Entry point of `dnn` and of `python -m dnn_cli`, which handles Ctrl-C before the program is imported."""

# The module `signal` imports `enum`, which takes milliseconds. Its built-in part has all that is needed.
import _signal as signal  # type: ignore[import-not-found]
import atexit
import os
import sys

_FORKABLE_COMMANDS = frozenset(
    {
        "bench", "demo", "ensemble", "evaluate", "export", "lr-find", "plot", "predict", "reproduce", "resume",
        "settle", "study", "sweep", "train",
    }
)  # fmt: skip
"""Commands that the warm server runs, because they import TensorFlow."""


def main() -> None:
    """Run the program. Until its imports are complete, Ctrl-C ends the process without a traceback."""
    # The default action ends the process at once, and imports need no cleanup. An ignored signal stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if command in _FORKABLE_COMMANDS and not {"-h", "--help"}.intersection(sys.argv):
        _use_warm_server()
    _run_program()


def run_forked(note: str) -> None:
    """Run the program in a process that the warm server has forked. `note` describes the start for `-v`."""
    from dnn_cli.warm import START_NOTES

    START_NOTES.append(note)
    _run_program()


def _use_warm_server() -> None:
    """Let the warm server run the command if there is a server. Return if this process must run the command."""
    from dnn_cli.warm.server_path import get_server_directory, has_server_socket

    if has_server_socket():
        from dnn_cli.host.directories import redirect_libraries
        from dnn_cli.warm import START_NOTES
        from dnn_cli.warm.client import run_in_server

        # `dnn warm` has started the server with these variables.
        redirect_libraries()
        reason = run_in_server(str(get_server_directory()), "dnn_cli.__main__:run_forked")
        START_NOTES.append(f"started without the warm server: {reason}")


def _run_program() -> None:
    """Import and run the program."""
    # The search for plugins of Pydantic reads the metadata of all packages.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from dnn_cli.cli.app import main as run_program

    try:
        run_program()
    except SystemExit as end:
        if isinstance(end.code, int) and "tensorflow" in sys.modules:
            _end_process(end.code)
        raise


def _end_process(code: int) -> None:
    """Run the exit handlers, and end the process before TensorFlow's modules are torn down, which takes 0.1 s."""
    # Python takes the same steps before the teardown of modules.
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except (KeyboardInterrupt, OSError, ValueError):
        # Python reports the error, and chooses the exit code.
        return
    os._exit(code)


if __name__ == "__main__":
    main()
