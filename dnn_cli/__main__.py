"""Entry point of `dnn` and of `python -m dnn_cli`, which handles Ctrl-C before the program is imported."""

# The module `signal` imports `enum`, which takes milliseconds. Its built-in part has all that is needed.
import _signal as signal  # type: ignore[import-not-found]
import atexit
import os
import sys


def main() -> None:
    """Run the program. Until its imports are complete, Ctrl-C ends the process without a traceback."""
    # The default action ends the process at once, and imports need no cleanup. An ignored signal stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    exit_codes: list[int] = []
    # Exit handlers run in reverse order: this one runs after those that the imports of the program register.
    atexit.register(_skip_teardown, exit_codes)
    from dnn_cli.cli.app import main as run_program

    try:
        run_program()
    except SystemExit as end:
        if isinstance(end.code, int):
            exit_codes.append(end.code)
        raise


def _skip_teardown(exit_codes: list[int]) -> None:
    """End the process with its exit code before TensorFlow's modules are torn down, which takes 0.1 s."""
    if not exit_codes or "tensorflow" not in sys.modules:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        # Python reports the error, and chooses the exit code.
        return
    os._exit(exit_codes[0])


if __name__ == "__main__":
    main()
