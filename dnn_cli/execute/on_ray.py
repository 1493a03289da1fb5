"""An executor on a Ray cluster: Ray places tasks, queues them, and begins them again where a node has died."""

import os
import pickle
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import dnn_cli
from dnn_cli.errors import DnnError, UsageError
from dnn_cli.execute.local import unheard
from dnn_cli.execute.session import Session
from dnn_cli.execute.signals import SIGNALS
from dnn_cli.execute.task import Ended, Event, Task
from dnn_cli.execute.tensorboard import log_afterwards
from dnn_cli.host.limits import available_cores
from dnn_cli.runs.address import run_id
from dnn_cli.runs.parcel import adopt, pack, unpack
from dnn_cli.runs.run import Run, parse_record
from dnn_cli.runs.store import Store
from dnn_cli.spec.data import Data

# Ray reads its environment when it is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # which would install the driver's project on every node
if not os.environ.get("RAY_ADDRESS") and "RAY_AUTH_MODE" not in os.environ:
    # Nobody else may use what is started here, and Ray leaves no token in the user's home.
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))

try:
    import ray
    from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

    from dnn_cli.execute import node
except ImportError:
    raise UsageError("--on ray needs Ray, which is not installed", "pip install 'dnn-cli[ray]'") from None

RETRIES = 3
"""So many times Ray begins a task again whose node or process has died."""

PATIENCE = 10.0
"""Seconds that a training has to notice that it is to end, and its run to come home."""

ANSWER = 5.0
"""Seconds in which whoever is asked for something small answers."""

START = 60.0
"""Seconds until a process has begun on this machine, however busy it is."""

DEATHS = {
    NodeDiedError: "its node has died",
    OutOfMemoryError: "its node had too little memory for it",
    WorkerCrashedError: "its process has died, perhaps for want of memory",
}
"""What Ray says when it has given up, in our words."""


@dataclass
class Flight:
    """A task that was given to Ray and has not come back."""

    task: Task
    result: Any
    claim: ExitStack
    told: tuple[float, str] | None = None
    """When it was told to end its training, and why."""


class Cluster:
    """The cluster of RAY_ADDRESS, or one on this machine that lives as long as its driver."""

    def __init__(self, jobs: int | None, gpus: int) -> None:
        self.jobs = jobs
        self.gpus = gpus
        self.flights: dict[int, Flight] = {}
        self.grounded: list[Ended] = []
        """Tasks that ended before Ray was asked."""
        self.references: dict[str, Any] = {}
        self.is_open = True
        self.remove_folder: Callable[[], None] = lambda: None
        try:
            with unheard(), handlers_kept():
                self.connect(os.environ.get("RAY_ADDRESS", ""))
                self.office = self.open_office()
        except (DnnError, KeyboardInterrupt):
            self.kill()
            raise
        except SystemExit as wish:  # Ray ends with the bare number of a signal
            self.kill()
            raise SystemExit(128 + signal.SIGTERM if wish.code == signal.SIGTERM else wish.code) from None
        except Exception as error:
            self.kill()
            where = os.environ.get("RAY_ADDRESS")
            what = f"the Ray cluster {where} cannot be used" if where else "Ray does not start on this machine"
            raise UsageError(f"{what}: {one_line(error)}", "ray status tells of the cluster of RAY_ADDRESS") from None
        if gpus and not ray.cluster_resources().get("GPU"):
            self.kill()
            raise UsageError(f"--gpus {gpus}: the Ray cluster has no GPU")
        self.train = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_retries=RETRIES, retry_exceptions=False)(
            node.train
        )

    def connect(self, address: str) -> None:
        """Be a driver of the cluster with an address, or of one on this machine.

        Raises:
            UsageError: nobody is there.
        """
        fall_silent()
        quiet = {"log_to_driver": False, "logging_level": "CRITICAL"}
        if address:
            check_reachable(address)
            ray.init(address=address, **quiet)
            return
        # Unix sockets have short names, and people's folders have not.
        folder, self.remove_folder = node.fleeting_folder("dnn-ray-", min(tempfile.gettempdir(), "/tmp", key=len))  # noqa: S108
        cores = self.jobs or max(self.gpus, available_cores())
        ray.init(address="local", num_cpus=cores, num_gpus=self.gpus or None, include_dashboard=False,
                 _temp_dir=str(folder), **quiet)  # fmt: skip

    def open_office(self) -> Any:
        """A post office on this machine, so that trainings are heard as long as somebody listens."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        office = ray.remote(num_cpus=0)(node.PostOffice).options(scheduling_strategy=here).remote()
        ray.get(office.fetch.remote(), timeout=START)
        return office

    @property
    def busy(self) -> Sequence[object]:
        """What is not at its end."""
        return [*self.flights.values(), *self.grounded]

    def free(self) -> Iterator[None]:
        """A place for each task that the cluster, as it is now, could train besides; nobody knows what was there."""
        there = int(ray.cluster_resources().get("GPU" if self.gpus else "CPU", 0))
        most = min(max(1, there), self.jobs or there or 1, self.gpus or there or 1)
        for _ in range(most - len(self.flights)):
            yield None

    def elsewhere(self) -> set[str]:
        """The networks that are being trained."""
        return {flight.task.network for flight in self.flights.values()}

    def give(self, task: Task) -> None:
        """Let Ray find a place for a task; its data goes to the cluster once."""
        with ExitStack() as claim:
            parcel = None
            try:
                if task.run is not None:
                    claim.enter_context(Run(task.run).claimed())
                    parcel = pack(Run(task.run))
                examples = self.reference(task.loaded.experiment.data)
            except DnnError as error:
                self.grounded.append(ending(task, error.message))
                return
            plain = pickle.dumps(replace(task, tensorboard=False))  # its log is made of what comes home
            result = self.train.remote(dnn_cli.__version__, plain, parcel, examples, self.office)
            self.flights[task.number] = Flight(task, result, claim.pop_all())

    def reference(self, data: Data) -> Any:
        """Where in the cluster the examples of a data section are, with their split.

        Raises:
            DataError: the data is not to be had.
        """
        key = data.model_dump_json()
        if key not in self.references:
            examples, split = Session().examples(data)
            examples.fingerprint()  # which is kept with them, and takes a while
            self.references[key] = ray.put((examples, split))
        return self.references[key]

    def wait(self, seconds: float) -> Iterable[Event]:
        """What happened since the last time, or happens within some seconds."""
        grounded, self.grounded = self.grounded, []
        yield from grounded
        by_result = {flight.result: flight for flight in self.flights.values()}
        if not by_result:
            return
        ready, _ = ray.wait(list(by_result), num_returns=len(by_result), timeout=seconds)
        for event in ask(self.office.fetch.remote()) or ():
            if event.number in self.flights:
                yield event
        for result in ready:
            yield self.landed(by_result[result])
        for flight in list(self.flights.values()):
            if flight.told is not None and time.monotonic() - flight.told[0] > PATIENCE:
                cancel(flight, force=True)
                yield self.lost(flight, "")

    def landed(self, flight: Flight) -> Ended:
        """The end of a task that has come back, its run where it belongs."""
        task = flight.task
        try:
            delivery = node.Delivery(*ray.get(flight.result))
        except Exception as error:
            return self.lost(flight, reason_of(error))
        if not delivery.begun:
            return self.lost(flight, delivery.reason or "")
        del self.flights[task.number]
        with flight.claim:
            try:
                if not delivery.run:
                    return ending(task, delivery.reason)
                if task.run is None or parse_record(delivery.run["run.json"]).id != run_id(Run(task.run)):
                    run = adopt(delivery.run, Store(task.runs_dir))
                else:
                    run = Run(task.run)
                    unpack(delivery.run, run)
                log_afterwards(run, wanted=task.tensorboard)
                return Ended(task.number, run.directory, run.parse_record(), delivery.reason)
            except DnnError as error:
                return ending(task, error.message)

    def lost(self, flight: Flight, reason: str) -> Ended:
        """The end of a task of which nothing has come back."""
        del self.flights[flight.task.number]
        with flight.claim:
            if flight.told is None:
                return ending(flight.task, reason)
            return Ended(flight.task.number, flight.task.run, None, flight.told[1], begun=False)

    def stop(self, why: str, number: int | None = None) -> None:
        """Let the training of one task end, or of all: what was trained comes back; what waits, waits no more."""
        begun = ask(self.office.stop.remote(why, number))
        for flight in self.flights.values():
            if flight.told is None and number in (None, flight.task.number):
                flight.told = time.monotonic(), why
                if begun is not None and flight.task.number not in begun:
                    cancel(flight)

    def kill(self) -> None:
        """End everything of ours at once, and Ray where it is ours; a cluster ends what its driver has left."""
        if not self.is_open:
            return
        self.is_open = False
        flights, self.flights = self.flights, {}
        with unheard():
            leaving = threading.Thread(target=ray.shutdown, daemon=True)
            leaving.start()
            leaving.join(ANSWER)
        for flight in flights.values():
            flight.claim.close()
        self.remove_folder()

    def close(self) -> None:
        """Let the cluster go."""
        self.kill()


def ending(task: Task, reason: str | None) -> Ended:
    """The end of a task that has no new run; the one that it went on with is as it was."""
    try:
        record = Run(task.run).parse_record() if task.run else None
    except DnnError:
        record = None
    return Ended(task.number, task.run, record, reason)


def ask(answer: Any) -> Any:
    """An answer, or nothing where there is none in time."""
    with suppress(RayError):
        return ray.get(answer, timeout=ANSWER)
    return None


def cancel(flight: Flight, *, force: bool = False) -> None:
    """Let Ray forget a task."""
    with suppress(RayError, ValueError):
        ray.cancel(flight.result, force=force)


def reason_of(error: Exception) -> str:
    """Why Ray has no result, in one line."""
    for death, words in DEATHS.items():
        if isinstance(error, death):
            return f"{words}, {RETRIES + 1} times in all"
    return one_line(error.cause if isinstance(error, RayTaskError) else error)


def one_line(error: BaseException) -> str:
    """What an error says first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no more is known'}"[:300]


def check_reachable(address: str) -> None:
    """Refuse an address where nobody listens, for which Ray would wait for minutes.

    Raises:
        UsageError: it is one.
    """
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if not colon or not port.isdigit():
        return  # a word that Ray knows
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"the Ray cluster {address} cannot be reached: {reason}", "without RAY_ADDRESS, Ray starts on this machine"
        ) from None


def fall_silent() -> None:
    """Let Ray not tell the screen of processes that died, which it does among our results.

    There is no public way to say so: without the private one, there are some lines more.
    """
    with suppress(AttributeError):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Whoever handles signals does so afterwards, too; what is started meanwhile outlives the terminal."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
