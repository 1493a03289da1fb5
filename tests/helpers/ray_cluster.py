"""Ray clusters of several nodes on this machine; all their processes are ended after every test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

RAY_ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
RAY_PROGRAM = Path(sys.executable).parent / "ray"


class RayCluster:
    """A head and the nodes that join it, each with one core. Unix sockets need a short path."""

    def __init__(self):
        self.port = find_free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.directory = tempfile.mkdtemp(prefix="dnn-nodes-", dir="/tmp")
        self.processes = []

    def start_node(self, *words):
        """Start a node in a session of its own."""
        process = subprocess.Popen(
            [RAY_PROGRAM, "start", "--block", "--num-cpus=1", "--disable-usage-stats", *words],
            env={**os.environ, **RAY_ENVIRONMENT}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def start_head(self):
        ports = ["--min-worker-port=0", "--max-worker-port=0", f"--ray-client-server-port={find_free_port()}"]
        process = self.start_node(
            "--head", "--include-dashboard=false", f"--port={self.port}", "--node-ip-address=127.0.0.1",
            f"--temp-dir={self.directory}", *ports,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return process
            time.sleep(0.1)
        raise TimeoutError("no head")

    def add_node(self, ip="127.0.0.2"):
        return self.start_node(f"--address={self.address}", f"--node-ip-address={ip}")

    def close(self):
        for process in reversed(self.processes):
            kill_node(process)
        shutil.rmtree(self.directory, ignore_errors=True)


def find_free_port():
    """Return a port that no process uses."""
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


def kill_node(process):
    """Kill all processes of a node at once, as a power cut does."""
    for pid in [*list_descendants(process.pid), process.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(30)


def list_descendants(pid):
    """List the child processes of a process, and their child processes."""
    pids = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                pids += [child, *list_descendants(child)]
    return pids


@contextmanager
def run_cluster():
    """Run a cluster for the duration of the block."""
    cluster = RayCluster()
    try:
        yield cluster
    finally:
        cluster.close()
