"""A command that the warm server forks has the state of its client, ends as its client must end, and takes signals."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dnn_cli.warm.control import start_server, stop_server
from dnn_cli.warm.server_path import get_server_directory
from tests.helpers.processes import start_process
from tests.helpers.settings import ROOT

CLIENT = [sys.executable, "-m", "tests.helpers.warm_commands"]


@pytest.fixture(scope="module", autouse=True)
def _environment(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("PYTHONPATH", str(ROOT))
        # The process of pytest can have other options than the processes that it starts.
        patch.setattr(subprocess, "_args_from_interpreter_flags", list)
        yield


@pytest.fixture(scope="module")
def shared_server(_environment):
    """A server without TensorFlow, for tests that leave it alone."""
    status = start_server(1, ["ctypes"])
    yield status.pid
    stop_server()
    with suppress(ProcessLookupError):
        os.kill(status.pid, signal.SIGKILL)


@pytest.fixture
def directory(shared_server):
    return str(get_server_directory())


def run_client(*words, shell="", **options):
    """Run a client, after some words of a shell, and return the completed process."""
    command = [*CLIENT, *words]
    if shell:
        command = ["bash", "-c", f'{shell} "$@"', "bash", *command]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, **options)


def start_waiting(directory, command="wait_for_signal", before=(), **options):
    """Start a client whose command waits, as a context manager."""
    return start_process([*before, *CLIENT, directory, command], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


def read_ids(process):
    """Read the ids of a command and its supervisor from the output of a client."""
    return [int(word) for word in process.stdout.readline().split()]


def read_process_state(pid):
    """The letter of the state of a process; empty if the process has ended."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return ""
    return "" if letter == "Z" else letter


def wait_for_state(pid, letters):
    """Wait until the state of a process has one of some letters, or the process has ended."""
    deadline = time.monotonic() + 10
    while (letter := read_process_state(pid)) not in letters:
        assert time.monotonic() < deadline, letter
        time.sleep(0.01)


def test_command_has_the_state_of_its_client(directory, tmp_path):
    (tmp_path / "file").write_text("")
    shell = f"umask 027; ulimit -S -n 99; ulimit -c 0; trap '' HUP USR1; exec 9<{tmp_path}/file 2<&1; exec nice -n 3"
    environment = {**os.environ, "TERM": "vt100", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "ODD": "\udcff"}
    options = {"shell": shell, "env": environment, "input": "text\n"}
    forked, alone = (run_client(target, "report_state", "a b", **options) for target in (directory, "alone"))
    forked_state, alone_state = json.loads(forked.stdout), json.loads(alone.stdout)
    for state in (forked_state, alone_state):
        state["descriptors"] = {name: node for name, node in state["descriptors"].items() if int(name) > 2}
    assert forked_state == alone_state
    assert (forked_state["umask"], forked_state["nice"], forked_state["input"]) == (0o027, os.nice(0) + 3, "text\n")
    assert forked_state["limits"]["RLIMIT_NOFILE"][0] == 99
    assert forked_state["descriptors"].keys() == {"9"}


def test_server_imports_no_module_of_the_program(directory):
    assert run_client(directory, "report_modules").stdout == "[]\n"


def test_closed_standard_streams_stay_closed(directory):
    assert run_client(directory, "exit_with_seven", shell="exec <&- >&-; exec").returncode == 7


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [("exit_with_seven", 7, ""), ("fail", 1, "ValueError: a failed command"), ("kill_itself", -9, "")],
)
def test_client_ends_as_the_command_ends(directory, command, code, error):
    process = run_client(directory, command)
    assert process.returncode == code
    assert error in process.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM])
def test_signal_ends_command_and_client(directory, number):
    with start_waiting(directory) as process:
        pid, _ = read_ids(process)
        process.send_signal(number)
        assert process.wait(10) == -number
        wait_for_state(pid, [""])


def test_command_handles_a_signal(directory):
    with start_waiting(directory, "exit_after_term") as process:
        read_ids(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143


def test_timeout_ends_the_command(directory):
    with start_waiting(directory, before=["timeout", "0.4"]) as process:
        pid, _ = read_ids(process)
        assert process.wait(10) == 124
        wait_for_state(pid, [""])


def test_nohup_ignores_hangups(directory):
    with start_waiting(directory, before=["nohup"]) as process:
        pid, _ = read_ids(process)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
        wait_for_state(pid, [""])


def test_killed_client_ends_the_command(directory):
    with start_waiting(directory) as process:
        pid, _ = read_ids(process)
        process.kill()
        wait_for_state(pid, [""])


def test_killed_supervisor_ends_client_and_command(directory):
    with start_waiting(directory) as process:
        pid, supervisor = read_ids(process)
        os.kill(supervisor, signal.SIGKILL)
        # Before the answer of the supervisor, the client runs the command itself.
        assert process.wait(10) == -signal.SIGKILL or "alone:" in process.stdout.read()
        wait_for_state(pid, [""])


def test_stopped_client_stops_the_command(directory):
    with start_waiting(directory) as process:
        pid, _ = read_ids(process)
        process.send_signal(signal.SIGSTOP)
        wait_for_state(pid, "T")
        process.send_signal(signal.SIGCONT)
        wait_for_state(pid, "S")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


@contextmanager
def start_on_terminal(*command):
    """Start a command as the session leader of a terminal; yield its id, the terminal, and a function that waits for
    a pattern in the output and returns the match."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvp(command[0], command)
    os.set_blocking(terminal, False)
    output = bytearray()

    def wait_for_output(pattern):
        deadline = time.monotonic() + 10
        while not (match := re.search(pattern, output.decode(errors="replace"))):
            assert time.monotonic() < deadline, output
            time.sleep(0.01)
            with suppress(BlockingIOError, OSError):
                output.extend(os.read(terminal, 65536))
        return match

    try:
        yield pid, terminal, wait_for_output
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        with suppress(OSError):
            os.close(terminal)


def test_closed_terminal_ends_the_command(directory):
    with start_on_terminal(*CLIENT, directory, "wait_for_signal") as (pid, terminal, wait_for_output):
        command = int(wait_for_output(r"(\d+) \d+\r\n")[1])
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP
        wait_for_state(command, [""])


def test_keys_of_a_terminal_stop_continue_and_interrupt(directory):
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with start_on_terminal(*shell) as (_, terminal, wait_for_output):
        os.write(terminal, f"{' '.join(CLIENT)} {directory} wait_for_signal\n".encode())
        command = int(wait_for_output(r"(\d+) \d+\r\n")[1])
        os.write(terminal, b"\x1a")
        wait_for_output("Stopped")
        wait_for_state(command, "T")
        os.write(terminal, b"fg\n")
        wait_for_state(command, "S")
        os.write(terminal, b"\x03")
        wait_for_state(command, [""])
        os.write(terminal, b"echo code=$?.\n")
        wait_for_output(r"code=130\.")


@pytest.mark.parametrize(
    ("shell", "reason"),
    [
        ("export TF_XLA_FLAGS=--x; exec", "environment variable TF_XLA_FLAGS differs"),
        ("ulimit -v 4000000; exec", "the limit of memory (ulimit -v) differs"),
        ("ulimit -s 4096; exec", "the limit of the stack (ulimit -s) differs"),
        ("exec chrt --batch 0", "the scheduling policy differs: 3 in the command, 0 in the server"),
    ],
)
def test_command_that_differs_starts_alone(directory, shell, reason):
    process = run_client(directory, "exit_with_seven", shell=shell)
    assert process.stdout.startswith(f"alone: {reason}")
