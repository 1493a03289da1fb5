"""A sweep that is being carried out: what it wants, what of it is there, and the tasks that are left."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from dnn_cli.errors import DnnError
from dnn_cli.execute.found import Found, find, join_sweep
from dnn_cli.execute.many import Queue, Search
from dnn_cli.execute.plan import Planned, check_ends, plan
from dnn_cli.execute.task import Ended, Task
from dnn_cli.report.sweep import setting_text
from dnn_cli.runs.entry import Entry, read_entry
from dnn_cli.runs.record import Membership
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.spec.sweep import Sweep, sweep_id
from dnn_cli.training.programs import network_key

PRUNED = "pruned"
"""How the reason begins of a run that a search has found not to be worth going on."""


@dataclass(frozen=True)
class RunOfSweep:
    """What became of one experiment of a sweep."""

    planned: Planned
    entry: Entry | None
    """Its run as it is on the disk, if there is one."""

    ended: Ended | None
    """How its training ended, if it was trained now."""

    @property
    def status(self) -> str:
        """A run's, or `not begun`."""
        if self.entry is not None and self.entry.record is not None:
            return self.entry.record.status
        return self.ended.status if self.ended else "not begun"

    @property
    def why(self) -> str:
        """Why it has no scores, in one line; empty where it has."""
        if self.ended is not None:
            return self.ended.why
        record = self.entry.record if self.entry else None
        return (record.reason if record and record.status != "completed" else None) or ""

    @property
    def is_lost(self) -> bool:
        """Whether it has come to an end that is of no use."""
        return self.status in ("failed", "diverged")

    @property
    def is_open(self) -> bool:
        """Whether it can still come to its end."""
        return self.status not in ("completed", "failed", "diverged") and not self.why.startswith(PRUNED)


@dataclass
class Sweeping:
    """The experiments of a sweep by their numbers; a search that decides late adds to them."""

    sweep: Sweep
    store: Store
    planned: list[Planned]
    found: dict[str, Found]
    """By the digests of experiments, their runs from before."""

    name: str
    """Of the experiments."""

    force: bool = False
    """Whether what is there is trained again."""

    tensorboard: bool = False
    """Whether a log for TensorBoard is written of every run that is trained."""

    given_up: set[int] = field(default_factory=set)
    """The numbers of experiments that a search has found not to be worth beginning."""

    labels: dict[int, str] = field(default_factory=dict)
    """By the number of a task, what sets its run apart."""

    @classmethod
    def of(cls, sweep: Sweep, store: Store, *, force: bool = False, tensorboard: bool = False) -> "Sweeping":
        """A sweep with what is known of it before anything is trained; a bayesian search decides later.

        Raises:
            ConfigError: an experiment is not valid; with the faults of all.
            UsageError: there are too many.
            DataError: whether the data is still the same cannot be told.
        """
        if sweep.search == "bayesian":
            return cls(sweep, store, [], {}, check_ends(sweep)[0].loaded.experiment.name, force, tensorboard)
        planned = plan(sweep)
        found = {} if force else find(store, planned)
        return cls(sweep, store, planned, found, planned[0].loaded.experiment.name, force, tensorboard)

    @cached_property
    def id(self) -> str:
        """Of the sweep."""
        return sweep_id(self.sweep)

    @property
    def missing(self) -> list[int]:
        """The numbers of what is neither there nor being trained by somebody else."""
        return [number for number, planned in enumerate(self.planned) if self.is_missing(planned)]

    def is_missing(self, planned: Planned) -> bool:
        """Whether an experiment is to be trained, or trained further."""
        found = self.found.get(planned.key)
        return found is None or not (found.is_done or found.record.status == "running")

    def queue(self) -> Search:
        """All that is missing, known from the beginning; runs that are there join the sweep."""
        for planned in self.planned:
            if planned.key in self.found:
                join_sweep(self.found[planned.key], self.membership(planned))
        return Queue([self.task(number) for number in self.missing])

    def task(self, number: int) -> Task:
        """What trains an experiment, or goes on with its run."""
        planned = self.planned[number]
        self.labels[number] = setting_text(planned.setting)
        return Task(
            number,
            planned.loaded,
            self.store.root.absolute(),
            network_key(planned.loaded.experiment),
            self.found[planned.key].run.directory.absolute() if planned.key in self.found else None,
            sweeps=(self.membership(planned),),
            tensorboard=self.tensorboard,
        )

    def outcome(self, ended: Iterable[Ended]) -> list[RunOfSweep]:
        """What became of every experiment, those from before among them."""
        now = {one.number: one for one in ended}
        for one in now.values():
            if one.record is None and one.run is not None:  # it could not be written down then, on a full disk
                with suppress(DnnError):
                    Run(one.run).close_record(one.status, one.why)
        found = []
        for number, planned in enumerate(self.planned):
            if number in self.given_up:
                continue
            last = now.get(number)
            run = self.found[planned.key].run if planned.key in self.found else None
            run = Run(last.run) if last is not None and last.run is not None else run
            found.append(RunOfSweep(planned, read_entry(run) if run else None, last))
        return found

    def earlier_runs(self, runs: Iterable[RunOfSweep]) -> list[Entry]:
        """Return the completed runs of this sweep that are not among its current experiments.

        A sweep keeps its id when its values change, so earlier commands can have left runs with other values. Runs on
        other data cannot be compared with the current ones.
        """
        current = {run.entry.run.directory.name: run.entry.record for run in runs if run.entry is not None}
        data = {record.data.get("fingerprint") for record in current.values() if record is not None}
        return [
            entry
            for entry in self.store.entries()
            if entry.record is not None
            and entry.record.status == "completed"
            and entry.run.directory.name not in current
            and entry.record.data.get("fingerprint") in data
            and any(sweep.id == self.id for sweep in entry.record.sweeps)
        ]

    def membership(self, planned: Planned) -> Membership:
        """What a run knows of the sweep."""
        return Membership(id=self.id, name=self.name, settings=planned.setting)
