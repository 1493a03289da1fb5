"""Executor on a Ray cluster. Ray queues tasks, chooses nodes, and starts tasks again after a node has died."""

import logging
import math
import os
import pickle
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import dnn_cli
from dnn_cli.config.data import Data
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.errors import DnnError, UsageError
from dnn_cli.execution.messages import Event, Task, TaskResult
from dnn_cli.execution.signals import STOP_SIGNALS
from dnn_cli.execution.tensorboard_tee import write_finished_log
from dnn_cli.host.gpus import list_training_gpus
from dnn_cli.host.output_redirect import divert_stdio
from dnn_cli.host.resources import count_available_cores
from dnn_cli.runs.address import parse_run_id
from dnn_cli.runs.run import Run, parse_record
from dnn_cli.runs.run_archive import import_archive, pack_run, unpack_run
from dnn_cli.runs.store import Store

# Ray reads its environment when it is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Otherwise, Ray installs the driver's project on every node.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
if not os.environ.get("RAY_ADDRESS") and "RAY_AUTH_MODE" not in os.environ:
    # The token keeps other users out of a cluster that is started here. With a token in the environment, Ray leaves
    # none in the user's home.
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))

try:
    import ray
    from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

    from dnn_cli.execution import ray_worker
except ImportError:
    raise UsageError("--on ray needs Ray, which is not installed", "pip install 'dnn-cli[ray]'") from None

_logger = logging.getLogger(__name__)

_MAX_RETRIES = 3
"""Number of times that Ray starts a task again after the death of its node or process."""

_STOP_TIMEOUT = 10.0
"""Seconds after a stop request until a task is cancelled, if its training has not sent its run back."""

_REPLY_TIMEOUT = 5.0
"""Seconds to wait for the reply of the cluster to a short request."""

_START_TIMEOUT = 60.0
"""Seconds to wait for the start of a Ray process on this machine. A start on a busy machine takes long."""

_DEATH_REASONS = {
    NodeDiedError: "its node failed",
    OutOfMemoryError: "its node ran out of memory",
    WorkerCrashedError: "its process ended, perhaps because memory ran out",
}
"""Texts for messages, by the exception that Ray raises when a task has failed in all its attempts."""


@dataclass
class _RemoteTask:
    """Task that was submitted to Ray and has no result yet."""

    task: Task
    reference: Any
    lock_stack: ExitStack
    stop_sent: tuple[float, str] | None = None
    """Time and reason of the stop request that was sent to the task. The time is that of `time.monotonic`, in
    seconds."""


class RayExecutor:
    """Executor on the Ray cluster at the address in the environment variable RAY_ADDRESS.

    Without this variable, a cluster is started on this machine, and ends with this process. The driver is the process
    that submits tasks, which is this process.

    `gpus` is the number of GPUs, each of which trains one run at a time; `None` selects all GPUs of the cluster. Then
    several runs share a GPU if `jobs` exceeds the number of GPUs. `environment` has the environment variables of the
    processes that train.
    """

    def __init__(self, jobs: int | None, gpus: int | None, environment: Mapping[str, str] | None = None) -> None:
        self.jobs = jobs
        self.remote_tasks: dict[int, _RemoteTask] = {}
        self.unsubmitted_results: list[TaskResult] = []
        """Results of tasks that failed before their submission to Ray."""
        self.examples_references: dict[str, Any] = {}
        self.is_open = True
        self.remove_directory: Callable[[], None] = lambda: None
        try:
            with divert_stdio(), _preserve_signal_handlers():
                self.connect_to_cluster(os.environ.get("RAY_ADDRESS", ""), gpus)
                self.broker = self.start_broker()
        except (DnnError, KeyboardInterrupt):
            self.kill_workers()
            raise
        # Ray exits with the bare number of a signal.
        except SystemExit as exit_request:
            self.kill_workers()
            raise SystemExit(
                128 + signal.SIGTERM if exit_request.code == signal.SIGTERM else exit_request.code
            ) from None
        except Exception as error:
            self.kill_workers()
            address = os.environ.get("RAY_ADDRESS")
            problem = f"the Ray cluster {address} cannot be used" if address else "Ray does not start on this machine"
            raise UsageError(
                f"{problem}: {_format_error(error)}", "check the cluster of RAY_ADDRESS with ray status"
            ) from None
        _logger.info("connected to the Ray cluster %s", os.environ.get("RAY_ADDRESS") or "of this process")
        cluster_gpus = int(ray.cluster_resources().get("GPU", 0))
        if gpus and not cluster_gpus:
            self.kill_workers()
            raise UsageError(f"--gpus {gpus}: the Ray cluster has no GPU", "leave out --gpus")
        self.gpus = cluster_gpus if gpus is None else gpus
        self.runs_per_gpu = math.ceil((jobs or 1) / cluster_gpus) if gpus is None and cluster_gpus else 1
        self.remote_train = ray.remote(
            num_cpus=1,
            num_gpus=1 / self.runs_per_gpu if self.gpus else 0,
            max_retries=_MAX_RETRIES,
            retry_exceptions=False,
            runtime_env={"env_vars": dict(environment)} if environment else None,
        )(ray_worker.train_task)

    def connect_to_cluster(self, address: str, gpus: int | None) -> None:
        """Connect to the cluster at an address. Without an address, start a cluster on this machine.

        A started cluster has `gpus` GPUs; `None` selects the GPUs that trainings on this machine use.

        Raises:
            UsageError: the cluster cannot be reached.
        """
        _disable_ray_messages()
        log_options = {"log_to_driver": False, "logging_level": "CRITICAL"}
        if address:
            _check_reachable(address)
            ray.init(address=address, **log_options)
            return
        # Paths of Unix sockets must be short, and the user's temporary directory can have a long path.
        directory, self.remove_directory = ray_worker.create_self_deleting_directory(
            "dnn-ray-",
            min(tempfile.gettempdir(), "/tmp", key=len),  # noqa: S108
        )
        gpu_count = len(list_training_gpus()) if gpus is None else gpus
        cores = self.jobs or max(gpu_count, count_available_cores())
        ray.init(address="local", num_cpus=cores, num_gpus=gpu_count, include_dashboard=False,
                 _temp_dir=str(directory), **log_options)  # fmt: skip

    def start_broker(self) -> Any:
        """Start the `EventBroker` on this machine, and return the handle of the Ray actor.

        On another node, the broker could end before this process.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        broker = ray.remote(num_cpus=0)(ray_worker.EventBroker).options(scheduling_strategy=this_node).remote()
        ray.get(broker.fetch_events.remote(), timeout=_START_TIMEOUT)
        return broker

    @property
    def busy(self) -> Sequence[object]:
        """Tasks without a result, and results that wait for the next call of `wait_for_events`."""
        return [*self.remote_tasks.values(), *self.unsubmitted_results]

    def iter_idle_networks(self) -> Iterator[None]:
        """Yield `None` for each further task that the cluster could train now.

        `None` means an unknown network digest: Ray chooses the process of a task, and the process may have compiled any
        network.
        """
        resources = ray.cluster_resources()
        available = int(resources.get("GPU", 0)) * self.runs_per_gpu if self.gpus else int(resources.get("CPU", 0))
        limit = min(max(1, available), self.jobs or available or 1, self.gpus * self.runs_per_gpu or available or 1)
        for _ in range(limit - len(self.remote_tasks)):
            yield None

    def list_busy_networks(self) -> set[str]:
        """Return the network digests of the submitted tasks."""
        return {remote_task.task.network_digest for remote_task in self.remote_tasks.values()}

    def submit(self, task: Task) -> None:
        """Submit a task to Ray. The same data is sent to the cluster only once."""
        with ExitStack() as lock_stack:
            archive = None
            try:
                if task.run_directory is not None:
                    lock_stack.enter_context(Run(task.run_directory).hold_lock())
                    archive = pack_run(Run(task.run_directory))
                examples = self.put_examples(task.loaded.experiment.data)
            except DnnError as error:
                self.unsubmitted_results.append(_build_result_without_run(task, error.message))
                return
            # The TensorBoard log is written here, from the run that the node sends back.
            pickled_task = pickle.dumps(replace(task, tensorboard=False))
            reference = self.remote_train.remote(dnn_cli.__version__, pickled_task, archive, examples, self.broker)
            _logger.info("task %d submitted to Ray", task.number)
            self.remote_tasks[task.number] = _RemoteTask(task, reference, lock_stack.pop_all())

    def put_examples(self, data: Data) -> Any:
        """Store the examples of a data section and their split on the cluster, and return Ray's reference to them.

        Equal data sections are stored only once.

        Raises:
            DataError: the data cannot be read.
        """
        key = data.model_dump_json()
        if key not in self.examples_references:
            examples = load_examples(data)
            split = split_examples(data, examples)
            # The computation takes a while, and the examples keep the fingerprint.
            examples.compute_fingerprint()
            self.examples_references[key] = ray.put((examples, split))
        return self.examples_references[key]

    def wait_for_events(self, seconds: float) -> Iterable[Event]:
        """Wait up to `seconds` for results, and yield all results and events that have arrived.

        A task that does not answer a stop request in time is cancelled.
        """
        unsubmitted, self.unsubmitted_results = self.unsubmitted_results, []
        yield from unsubmitted
        tasks_by_reference = {remote_task.reference: remote_task for remote_task in self.remote_tasks.values()}
        if not tasks_by_reference:
            return
        ready, _ = ray.wait(list(tasks_by_reference), num_returns=len(tasks_by_reference), timeout=seconds)
        for event in _get_reply(self.broker.fetch_events.remote()) or ():
            if event.number in self.remote_tasks:
                yield event
        for reference in ready:
            yield self.receive_result(tasks_by_reference[reference])
        for remote_task in list(self.remote_tasks.values()):
            if remote_task.stop_sent is not None and time.monotonic() - remote_task.stop_sent[0] > _STOP_TIMEOUT:
                _logger.info("task %d does not answer the stop request and is cancelled", remote_task.task.number)
                _cancel_task(remote_task, force=True)
                yield self.close_lost_task(remote_task, "")

    def receive_result(self, remote_task: _RemoteTask) -> TaskResult:
        """Save the run that an ended task has sent back, and return the result of the task."""
        task = remote_task.task
        try:
            remote_result = ray_worker.RemoteResult(*ray.get(remote_task.reference))
        except Exception as error:
            return self.close_lost_task(remote_task, _describe_ray_error(error))
        if not remote_result.was_started:
            return self.close_lost_task(remote_task, remote_result.reason or "")
        del self.remote_tasks[task.number]
        with remote_task.lock_stack:
            try:
                if not remote_result.archive:
                    return _build_result_without_run(task, remote_result.reason)
                if task.run_directory is None or parse_record(remote_result.archive["run.json"]).id != parse_run_id(
                    Run(task.run_directory)
                ):
                    run = import_archive(remote_result.archive, Store(task.runs_dir))
                else:
                    run = Run(task.run_directory)
                    unpack_run(remote_result.archive, run)
                write_finished_log(run, enabled=task.tensorboard)
                return TaskResult(task.number, run.directory, run.read_raw_record(), remote_result.reason)
            except DnnError as error:
                return _build_result_without_run(task, error.message)

    def close_lost_task(self, remote_task: _RemoteTask, reason: str) -> TaskResult:
        """Release the lock of the run that a lost task was to resume, and return the result of the task.

        A lost task has sent no run back. After a stop request, the result has the reason of the request instead of
        `reason`.
        """
        del self.remote_tasks[remote_task.task.number]
        with remote_task.lock_stack:
            if remote_task.stop_sent is None:
                return _build_result_without_run(remote_task.task, reason)
            return TaskResult(
                remote_task.task.number,
                remote_task.task.run_directory,
                None,
                remote_task.stop_sent[1],
                was_started=False,
            )

    def request_stop(self, reason: str, number: int | None = None) -> None:
        """Request that task `number` stops, or by default all tasks.

        Tasks in training send their run back. Tasks that have not started are cancelled.
        """
        started_tasks = _get_reply(self.broker.request_stop.remote(reason, number))
        for remote_task in self.remote_tasks.values():
            if remote_task.stop_sent is None and number in (None, remote_task.task.number):
                remote_task.stop_sent = time.monotonic(), reason
                if started_tasks is not None and remote_task.task.number not in started_tasks:
                    _cancel_task(remote_task)

    def kill_workers(self) -> None:
        """End all tasks of this process at once, and the Ray cluster if this process has started the cluster."""
        if not self.is_open:
            return
        self.is_open = False
        remote_tasks, self.remote_tasks = self.remote_tasks, {}
        with divert_stdio():
            shutdown_thread = threading.Thread(target=ray.shutdown, daemon=True)
            shutdown_thread.start()
            shutdown_thread.join(_REPLY_TIMEOUT)
        for remote_task in remote_tasks.values():
            remote_task.lock_stack.close()
        self.remove_directory()

    def close(self) -> None:
        """Disconnect from the cluster."""
        self.kill_workers()


def _build_result_without_run(task: Task, reason: str | None) -> TaskResult:
    """Build the result of a task that has produced no run.

    If the task resumes a run, the result has the record of this run, which is unchanged.
    """
    try:
        record = Run(task.run_directory).read_raw_record() if task.run_directory else None
    except DnnError:
        record = None
    return TaskResult(task.number, task.run_directory, record, reason)


def _get_reply(reference: Any) -> Any:
    """Return the reply to a request, or `None` if no reply arrives in time."""
    with suppress(RayError):
        return ray.get(reference, timeout=_REPLY_TIMEOUT)
    return None


def _cancel_task(remote_task: _RemoteTask, *, force: bool = False) -> None:
    """Cancel a task in Ray. Errors are ignored. With `force`, Ray kills the process of the task."""
    with suppress(RayError, ValueError):
        ray.cancel(remote_task.reference, force=force)


def _describe_ray_error(error: Exception) -> str:
    """Describe in one line why Ray has no result for a task."""
    for error_type, text in _DEATH_REASONS.items():
        if isinstance(error, error_type):
            return f"{text} ({_MAX_RETRIES + 1} attempts)"
    return _format_error(error.cause if isinstance(error, RayTaskError) else error)


def _format_error(error: BaseException) -> str:
    """Format the type and the first line of an error, in at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no details'}"[:300]


def _check_reachable(address: str) -> None:
    """Check that a cluster accepts connections, because Ray itself would wait for minutes.

    Raises:
        UsageError: the cluster cannot be reached.
    """
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if not colon or not port.isdigit():
        # The address is a word that Ray knows.
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REPLY_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"the Ray cluster {address} cannot be reached: {reason}", "to start Ray on this machine, unset RAY_ADDRESS"
        ) from None


def _disable_ray_messages() -> None:
    """Disable Ray's messages about dead processes on the terminal.

    Ray has no public setting for these messages. If Ray's private function is missing, some more lines are printed.
    """
    with suppress(AttributeError):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None


@contextmanager
def _preserve_signal_handlers() -> Iterator[None]:
    """Restore the handlers of stop signals after the block, because Ray replaces handlers.

    Processes that start in the block ignore SIGHUP.
    """
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
