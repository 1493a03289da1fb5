"""`dnn watch`: follow trainings that run elsewhere, without a touch on them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from dnn_cli.cli.arguments import RunsDir
from dnn_cli.cli.chosen_run import find_run
from dnn_cli.cli.console import can_print, notes, results
from dnn_cli.errors import ConfigError, RunError, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from dnn_cli.runs.entry import Entry
    from dnn_cli.runs.record import Scores
    from dnn_cli.runs.run import Run

EARLIER = 10
"""So many of the epochs that are done already are told where lines are."""

GRACE = 3.0
"""Seconds without any run after which a sweep, whose next run may be about to begin, counts as over."""


def watch(
    address: Annotated[
        Optional[str],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(
            metavar="RUN", help="A run by id, name, directory or @1, or sweep:ID; what runs now where none is named."
        ),
    ] = None,
    interval: Annotated[
        float, typer.Option("--interval", metavar="SECONDS", min=0.1, max=3600, help="Look again after so long.")
    ] = 0.5,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a training to begin, where there is none.")] = False,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Follow a training that runs elsewhere; Ctrl-C leaves it alone."""
    if wait and address is None:
        wait_for_one(runs_dir, interval)
    follow, find = meant(address, runs_dir)
    console = results()
    entries = follow(find, interval, console)
    if any(entry.record is None or entry.record.status != "completed" for entry in entries):
        raise typer.Exit(1)


def wait_for_one(runs_dir: Path, interval: float) -> None:
    """Return when something is being trained."""
    from dnn_cli.runs.store import Store

    while not any(entry.record and entry.record.status == "running" for entry in Store(runs_dir).entries()):
        time.sleep(interval)


Find = Callable[[], "list[Run]"]


def meant(address: str | None, runs_dir: Path) -> "tuple[Callable[[Find, float, Console], list[Entry]], Find]":
    """How to follow what is meant, and what finds it.

    Raises:
        UsageError: there is no such run.
    """
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    if address is not None and address.startswith("sweep:"):
        store.find_all(address)
        return follow_several, lambda: store.find_all(address)
    if address is not None:
        run = find_run(store, address)
        return follow_one, lambda: [run]
    entries = store.entries()
    running = [entry.run for entry in entries if entry.record and entry.record.status == "running"]
    if not entries:
        raise UsageError(f"there are no runs in {runs_dir}", "dnn train makes one")
    if len(running) > 1:
        seen = dict.fromkeys(running)

        def find() -> "list[Run]":
            now = (entry.run for entry in store.entries() if entry.record and entry.record.status == "running")
            seen.update(dict.fromkeys(now))
            return list(seen)

        return follow_several, find
    if not running:
        notes().print("nothing is being trained here, for which --wait waits; this is the latest run")
    run = running[0] if running else entries[0].run
    return follow_one, lambda: [run]


class Followed:
    """A run that is looked at again and again, and read only where its files have changed."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.key: object = None
        self.changed = 0.0
        self.epochs: int | None = None
        self.rows: list[Scores] = []
        self.look()

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
        from dnn_cli.runs.entry import read_entry
        from dnn_cli.runs.index import status_key
        from dnn_cli.runs.lock import lock_state
        from dnn_cli.runs.run import CONFIG, LABELS, METRICS, QUIET, RECORD

        is_quiet = self.run.quiet_seconds() > QUIET  # which decides where the lock gives no answer
        key = status_key(self.run, RECORD, METRICS, LABELS, CONFIG), lock_state(self.run.log), is_quiet
        if key == self.key:
            return False
        self.key = key
        self.entry = read_entry(self.run)
        try:
            self.rows = self.run.read_metrics()
        except RunError:
            self.rows = []
        self.changed = last_change(self.run)
        self.epochs = epochs_of(self.run)
        return True

    @property
    def is_running(self) -> bool:
        """Whether somebody trains it."""
        return self.entry.record is not None and self.entry.record.status == "running"

    @property
    def since(self) -> float:
        """Seconds since its last epoch, or its start."""
        return max(0.0, time.time() - self.changed)


def last_change(run: "Run") -> float:
    """When the last epoch was done, or the run begun: a time of its files."""
    for path in (run.metrics, run.config):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return time.time()


def epochs_of(run: "Run") -> int | None:
    """How many epochs a run is to have."""
    from dnn_cli.spec.load import load_resolved

    try:
        return load_resolved(str(run.config)).epochs
    except ConfigError:
        return None


def follow_one(find: Find, interval: float, console: "Console") -> "list[Entry]":
    """Follow a run to its end."""
    from dnn_cli.report.runs import fitting_scores
    from dnn_cli.report.watching import epoch_lines, outcome_lines, view

    followed = Followed(find()[0])

    def show() -> "RenderableType":
        from rich.text import Text

        width, height = console.width, console.height
        colour = console.color_system is not None
        look = followed.entry, followed.rows, followed.epochs, followed.since
        return Text.from_ansi(view(*look, width=width, height=height, colour=colour, unicode=can_print("⣿│┤")))

    said = max(0, len(followed.rows) - EARLIER)
    begun = False

    def say() -> Iterator[str]:
        nonlocal said, begun
        if new := followed.rows[said:]:
            names = fitting_scores(followed.rows[0], console.width)
            lines = epoch_lines(new, names, followed.epochs or len(followed.rows))
            yield from lines[begun:]
            begun = True
        said = len(followed.rows)

    with shown(console, show, say) as update:
        while update() or followed.is_running:
            time.sleep(interval)
            followed.look()
    for line in outcome_lines(followed.entry):
        console.print(visible(line))
    return [followed.entry]


def follow_several(find: Find, interval: float, console: "Console") -> "list[Entry]":
    """Follow runs until none of them is running, those that begin meanwhile too."""
    from dnn_cli.report.watching import outcome_lines, progress_line, runs_view

    followed: dict[Path, Followed] = {}
    new: list[Followed] = []

    def show() -> "RenderableType":
        latest = list(followed.values())[: max(3, console.height - 4)]
        return runs_view([one.entry for one in latest], [one.epochs for one in latest], console.width)

    def say() -> Iterator[str]:
        for one in new:
            if one.is_running:
                yield progress_line(one.entry, one.rows, one.epochs, one.since)
            else:
                yield outcome_lines(one.entry)[0]

    quiet_since = -GRACE  # what is over already is not waited for
    with shown(console, show, say) as update:
        while True:
            new = [one for one in followed.values() if one.look()]
            for run in find():
                if run.directory not in followed:
                    followed[run.directory] = Followed(run)
                    new.append(followed[run.directory])
            update()
            if any(one.is_running for one in followed.values()):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= GRACE:
                break
            time.sleep(interval)
    return [one.entry for one in followed.values()]


@contextmanager
def shown(
    console: "Console", show: "Callable[[], RenderableType]", say: Callable[[], Iterator[str]]
) -> Iterator[Callable[[], None]]:
    """What updates the screen: a view on a terminal, and elsewhere the lines that are new."""
    if console.is_terminal:
        from rich.live import Live

        with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
            yield lambda: live.update(show(), refresh=True)
    else:

        def update() -> None:
            for line in say():
                console.print(visible(line))
            console.file.flush()

        yield update
