"""Start and end of the warm server, and its safety."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from dnn_cli.errors import DnnError
from dnn_cli.warm.control import read_status, start_server, stop_server
from dnn_cli.warm.server_path import get_server_directory
from dnn_cli.warm.socket_directory import connect_to_server
from tests.helpers.processes import start_process
from tests.helpers.settings import ROOT

CLIENT = [sys.executable, "-m", "tests.helpers.warm_commands"]


@pytest.fixture(autouse=True)
def _environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # The process of pytest can have other options than the processes that it starts.
    monkeypatch.setattr(subprocess, "_args_from_interpreter_flags", list)


@pytest.fixture
def server():
    """The id of a server that imports nothing."""
    status = start_server(1, ["ctypes"])
    yield status.pid
    with suppress(ProcessLookupError):
        os.kill(status.pid, signal.SIGKILL)


def run_client(command):
    return subprocess.run(
        [*CLIENT, str(get_server_directory()), command], cwd=ROOT, capture_output=True, text=True, timeout=20
    )


def test_status_and_end(server):
    status = read_status()
    assert (status.pid, status.minutes, status.running_commands) == (server, 1, 0)
    assert stop_server()
    assert read_status() is None
    assert not stop_server()
    assert sorted(os.listdir(get_server_directory())) == ["server.lock", "server.log"]


def test_clients_without_a_command_are_not_counted(server):
    with connect_to_server(str(get_server_directory())):
        assert read_status().running_commands == 0


def test_killed_server_leaves_its_commands_alone(server):
    command = [*CLIENT, str(get_server_directory()), "exit_after_term"]
    with start_process(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        assert read_status().running_commands == 1
        os.kill(server, signal.SIGKILL)
        # The socket of the killed server is still there.
        assert run_client("exit_with_seven").stdout == "alone: no server answers: Connection refused\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
    second = start_server(1, ["ctypes"])
    assert run_client("exit_with_seven").returncode == 7
    assert second.pid != server
    assert stop_server()


def test_server_starts_directly_after_the_end_of_another(server):
    for _ in range(3):
        assert stop_server()
        start_server(1, ["ctypes"])
    assert stop_server()


@pytest.mark.parametrize("locale", [{}, {"LC_CTYPE": "C"}, {"LC_ALL": "C"}, {"LANG": "C.UTF-8"}], ids=str)
def test_server_has_the_utf8_mode_of_its_start(locale, monkeypatch):
    """In the locale C, Python turns on its UTF-8 mode, and changes the variables of the processes that it starts."""
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    start = 'from dnn_cli.warm.control import start_server; start_server(1, ["ctypes"])'
    subprocess.run([sys.executable, "-c", start], cwd=ROOT, check=True)
    try:
        assert run_client("exit_with_seven").returncode == 7
    finally:
        assert stop_server()


def test_second_server_does_not_start(server):
    with pytest.raises(DnnError, match="cannot start: another warm server starts or runs"):
        start_server(1, ["ctypes"])
    assert read_status().pid == server


def test_idle_server_ends():
    start_server(0.002, ["ctypes"])
    deadline = time.monotonic() + 10
    while read_status() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_module_that_is_missing_is_reported():
    with pytest.raises(DnnError, match="cannot start: missing_module cannot be imported") as raised:
        start_server(1, ["missing_module"])
    assert raised.value.suggestion.startswith("its log is ")
    assert read_status() is None


def test_directory_that_is_open_to_others_is_refused(server):
    get_server_directory().chmod(0o755)
    assert "is open to other users" in run_client("exit_with_seven").stdout
    with pytest.raises(DnnError, match="cannot be used"):
        read_status()


def test_server_of_another_user_is_refused(server, monkeypatch):
    monkeypatch.setattr("dnn_cli.warm.socket_directory.read_peer", lambda _: (1, os.geteuid() + 1))
    with pytest.raises(DnnError, match="belongs to another user"):
        read_status()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", struct.pack("!I", 2**32 - 1), struct.pack("!I", 4) + b"null", struct.pack("!I", 2) + b"{}"],
    ids=["nothing", "part", "too long", "no object", "empty object"],
)
def test_server_survives_invalid_messages(server, content):
    with connect_to_server(str(get_server_directory())) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert read_status().pid == server
