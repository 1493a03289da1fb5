"""Commands of a warm server without TensorFlow, and their client: `python -m tests.helpers.warm_commands`.

The words of the command line are the directory of the server, or `alone` to run without a server, and the command.
"""

import json
import locale
import os
import resource
import signal
import sys
import time


def report_state(note):
    """Print the state of this process as JSON."""
    descriptors = {}
    for name in os.listdir("/proc/self/fd"):
        if os.path.exists(f"/proc/self/fd/{name}") and os.get_inheritable(int(name)):
            descriptors[name] = os.stat(int(name)).st_ino
    state = {
        "arguments": sys.argv[2:],
        "import_path": sys.path,
        "streams": [(stream.encoding, stream.errors, stream.line_buffering, stream.name, stream.mode)
                    for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "preferred_encoding": locale.getpreferredencoding(False),
        "environment": dict(os.environ),
        "time_zone": time.tzname,
        "directory": os.getcwd(),
        "umask": os.umask(0o022),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if "RLIMIT" in name},
        "affinity": sorted(os.sched_getaffinity(0)),
        "nice": os.nice(0),
        "handlers": {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "descriptors": descriptors,
        "input": sys.stdin.read(),
    }  # fmt: skip
    print(json.dumps(state))


def report_modules(note):
    """Print the modules of the program that were imported before the command."""
    print([name for name in sys.modules if name.startswith(("dnn_cli", "dnn_warm"))])


def wait_for_signal(note):
    """Print the ids of this process and its parent, and wait."""
    print(os.getpid(), os.getppid(), flush=True)
    time.sleep(30)


def exit_with_seven(note):
    """Exit with a code that no signal and no error has."""
    sys.exit(7)


def fail(note):
    """Raise an error."""
    raise ValueError("a failed command")


def kill_itself(note):
    """End by a signal that no process can handle."""
    os.kill(os.getpid(), signal.SIGKILL)


def exit_after_term(note):
    """Wait for SIGTERM, and exit as the program does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wait_for_signal(note)


def main():
    from dnn_cli.warm.client import run_in_server

    directory, command = sys.argv[1:3]
    # As the program does for the time of its imports.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if directory == "alone":
        globals()[command]("")
    else:
        print("alone:", run_in_server(directory, f"tests.helpers.warm_commands:{command}"))


if __name__ == "__main__":
    main()
