"""Entry point of `dnn` and of `python -m dnn_cli`, which handles Ctrl-C before the program is imported."""

# The module `signal` imports `enum`, which takes milliseconds. Its built-in part has all that is needed.
import _signal as signal  # type: ignore[import-not-found]


def main() -> None:
    """Run the program. Until its imports are complete, Ctrl-C ends the process without a traceback."""
    # The default action ends the process at once, and imports need no cleanup. An ignored signal stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dnn_cli.cli.app import main as run_program

    run_program()


if __name__ == "__main__":
    main()
