"""Programs that start workers from the program's own fork server, and print what they find as JSON.

The tests themselves fork from another server, which imports more.
"""

import io
import json
import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.execution import local_executor, scheduler
from dnn_cli.execution.messages import Task, TaskResult
from dnn_cli.execution.worker import serve_tasks
from dnn_cli.terminal.progress import ScreenReporter
from dnn_cli.terminal.sweep_progress import open_sweep_progress
from dnn_cli.training import xla_cache

TIMEOUT = 120


def read_process(pid):
    """Read which native libraries and threads a process has, and which files are open."""
    process = Path("/proc") / str(pid)
    descriptors = []
    for path in (process / "fd").iterdir():
        # The process can close a descriptor at any time.
        with suppress(FileNotFoundError):
            descriptors.append(os.readlink(path))
    return {
        "has_tensorflow": "libtensorflow" in (process / "maps").read_text(),
        "threads": len(list((process / "task").iterdir())),
        "nvidia": [path for path in descriptors if path.startswith("/dev/nvidia")],
    }


def serve_and_report(connection, directory, environment, **options):
    """Serve tasks as a worker does, and write the state of the worker before and after."""
    before = {**read_process("self"), "has_keras": "keras" in sys.modules, "flags": os.environ.get("TF_XLA_FLAGS")}
    record_cached_programs()
    serve_tasks(connection, directory, environment, **options)
    after = {
        "flags": os.environ["TF_XLA_FLAGS"],
        "gpus": os.environ["CUDA_VISIBLE_DEVICES"],
        "stdio": [os.readlink(f"/proc/self/fd/{number}") for number in range(3)],
    }
    Path(f"worker-{os.getpid()}.json").write_text(json.dumps({"pid": os.getpid(), "before": before, "after": after}))


def record_cached_programs():
    """Write how many cached programs TensorFlow gets, and how many of them TensorFlow writes again."""
    load_programs, save_programs, times = xla_cache.load_programs, xla_cache.save_programs, {}

    def load(network_directory, process_directory):
        load_programs(network_directory, process_directory)
        times.update((path, path.stat().st_mtime_ns) for path in process_directory.glob("*.pb"))

    def save(network_directory, process_directory):
        rewritten = [path.name for path, time_ns in times.items() if path.stat().st_mtime_ns != time_ns]
        Path("programs.json").write_text(json.dumps({"loaded": len(times), "rewritten": rewritten}))
        save_programs(network_directory, process_directory)

    xla_cache.load_programs, xla_cache.save_programs = load, save


def build_task(number, *overrides):
    words = ["device=cpu", "engine=chunked", "jit=true", "diagnostics=false", f"seed={number}", *overrides]
    # XLA compiles one program: three whole batches, without validation.
    words += ["data.validation_size=0", "batch_size=599", "epochs=1"]
    loaded = load_experiment("digits.yaml", words)
    return Task(number, loaded, Path("runs"), compute_network_digest(loaded.experiment), None)


def wait_for_import():
    """Wait until the fork server imports TensorFlow, which takes some seconds, and return the id of the server."""
    server, deadline = forkserver._forkserver._forkserver_pid, time.monotonic() + TIMEOUT
    while not read_process(server)["has_tensorflow"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return server


def wait_for_results(executor):
    results, deadline = [], time.monotonic() + TIMEOUT
    while executor.busy:
        assert time.monotonic() < deadline
        results += [event for event in executor.wait_for_events(0.1) if isinstance(event, TaskResult)]
    return [(result.status, result.exit_reason) for result in results]


def probe_workers():
    """Train in two workers and then in a third, while their server gets signals of a terminal and of a batch system."""
    local_executor.serve_tasks = serve_and_report
    executor = local_executor.LocalExecutor(2, gpus=["6", "7"])
    stdout = os.readlink("/proc/self/fd/1")
    executor.submit(build_task(1))
    # One worker compiles with XLA for the third.
    executor.submit(build_task(2, "jit=false"))
    waits = [worker.process.pid is None for worker in executor.busy]
    server = wait_for_import()
    for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
        os.kill(server, signum)
    results = wait_for_results(executor)
    state = read_process(server)
    executor.close()
    executor = local_executor.LocalExecutor(1, gpus=["8"])
    executor.submit(build_task(3))
    results += wait_for_results(executor)
    executor.close()
    workers = [json.loads(path.read_text()) for path in Path.cwd().glob("worker-*.json")]
    same_stdout = os.readlink("/proc/self/fd/1") == stdout
    return {
        "waits": waits,
        "same_stdout": same_stdout,
        "results": results,
        "server": state,
        "workers": workers,
        "programs": json.loads(Path("programs.json").read_text()),
    }


def probe_lost_server():
    """Kill the server while it imports TensorFlow. The import must not end."""
    executor, deadline = local_executor.LocalExecutor(1), time.monotonic() + TIMEOUT
    executor.submit(build_task(1))
    # Without a server, the thread that starts the worker would start another server.
    while not Path("import-started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    return {"results": wait_for_results(executor), "workers": executor.workers}


def probe_early_stop():
    """Stop a training whose worker has not started, because its server imports TensorFlow. The import must not end."""
    local_executor.STOP_TIMEOUT = 0
    executor = local_executor.LocalExecutor(1)
    executor.submit(build_task(1))
    executor.request_stop("for a test")
    (worker,) = executor.busy
    results = wait_for_results(executor)
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    return {"results": results, "started": worker.process.pid is not None}


def probe_hanging_import():
    """Wait for the notice about a worker whose server does not end its import, and ask the server for its stacks."""
    scheduler.SILENCE_SECONDS, local_executor.STOP_TIMEOUT = 1.0, 0.1
    executor, stream, deadline = local_executor.LocalExecutor(1), io.StringIO(), time.monotonic() + TIMEOUT
    logs = {}

    def get_stop_reason():
        assert time.monotonic() < deadline, stream.getvalue()
        # Before its imports, the server does not handle the signal.
        if "no event" not in stream.getvalue() or not Path("import-started").exists():
            return ""
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGUSR2)
        logs.update((path.name.partition("-")[2], path.read_text()) for path in Path("runs/.logs").iterdir())
        return "enough" if "tensorflow" in logs["fork-server.log"] else ""

    try:
        with open_sweep_progress(ScreenReporter(stream), {1: "seed=1"}, 1) as display:
            scheduler.train_all(scheduler.FixedSearch([build_task(1)]), executor, display, get_stop_reason)
    finally:
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    return {
        "line": stream.getvalue().splitlines()[0],
        "server_log": logs["fork-server.log"],
        "worker_log": logs["worker-1.log"],
    }


if __name__ == "__main__":
    # A worker does not import the module `__main__`, in which it would find no function of this file.
    from tests.helpers import fork_server_probe

    print(json.dumps(getattr(fork_server_probe, sys.argv[1])()))
