"""Command `dnn watch`: the progress of trainings in other processes, read from their run directories."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_runs
from dnn_cli.cli.console import can_print_text, get_notes_console, get_output_console
from dnn_cli.cli.options import RunsDirOption
from dnn_cli.cli.run_selection import resolve_network_run
from dnn_cli.errors import ConfigError, RunError, UsageError
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.address_prefixes import GROUP_PREFIXES

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from dnn_cli.runs.evaluations import Scores
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.run_info import RunInfo

_MAX_EARLIER_EPOCHS = 10
"""Largest number of past epochs that `dnn watch` prints at its start.

The limit applies if the output is not a terminal.
"""

_SWEEP_GRACE_SECONDS = 3.0
"""Number of seconds that `dnn watch` waits for another run after the last running run has ended.

The pause between two runs of a sweep is shorter, so that `dnn watch` does not end during a sweep.
"""


def watch(
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="A run by id, name, directory, @1, sweep:ID or study:ID. Default: all runs that are being trained.",
        ),
    ] = None,
    interval: Annotated[
        float, typer.Option("--interval", metavar="SECONDS", min=0.1, max=3600, help="Seconds between two updates.")
    ] = 0.5,
    wait: Annotated[
        bool, typer.Option("--wait", help="If no run is being trained, wait until a training starts.")
    ] = False,
    runs_dir: RunsDirOption = Path("runs"),
) -> None:
    """Show the progress of trainings in other terminals."""
    if wait and address is None:
        _wait_for_training(runs_dir, interval)
    follow, find = _resolve_followed_runs(address, runs_dir)
    console = get_output_console()
    run_infos = follow(find, interval, console)
    if any(run_info.record is None or run_info.record.status != "completed" for run_info in run_infos):
        raise typer.Exit(1)


def _wait_for_training(runs_dir: Path, interval: float) -> None:
    """Wait until a run in the runs directory is being trained.

    `interval` is the time between two checks, in seconds.
    """
    from dnn_cli.runs.store import Store

    while not any(run_info.record and run_info.record.status == "running" for run_info in Store(runs_dir).list_runs()):
        time.sleep(interval)


_FindRuns = Callable[[], "list[Run]"]


def _resolve_followed_runs(
    address: str | None, runs_dir: Path
) -> "tuple[Callable[[_FindRuns, float, Console], list[RunInfo]], _FindRuns]":
    """Resolve an address to the followed runs: the runs whose progress `dnn watch` prints.

    An address names one run, or the runs of a sweep or study. Without an address, all runs that are being trained are
    followed, or the latest run if no run is being trained.

    Returns:
        Two functions. The first function, `_follow_run` or `_follow_runs`, prints the progress. The second function
        returns the followed runs; the caller passes the second function to the first.

    Raises:
        UsageError: no run has the address, or the runs directory has no runs.
    """
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    if address is not None and address.startswith(GROUP_PREFIXES):
        store.find_all(address)
        return _follow_runs, lambda: store.find_all(address)
    if address is not None:
        run = resolve_network_run(store, address)
        return _follow_run, lambda: [run]
    all_runs = store.list_runs()
    running_runs = [run_info.run for run_info in all_runs if run_info.record and run_info.record.status == "running"]
    if not all_runs:
        raise UsageError(f"no runs in {runs_dir}", "dnn train creates one")
    if len(running_runs) > 1:
        seen_runs = dict.fromkeys(running_runs)

        def find_running_runs() -> "list[Run]":
            running_now = (
                run_info.run
                for run_info in store.list_runs()
                if run_info.record and run_info.record.status == "running"
            )
            seen_runs.update(dict.fromkeys(running_now))
            return list(seen_runs)

        return _follow_runs, find_running_runs
    # A baseline has no epochs to follow.
    networks = [run_info.run for run_info in all_runs if not (run_info.record and run_info.record.is_baseline)]
    if not networks:
        raise UsageError(f"{runs_dir} has only baselines, which have no epochs", "dnn train trains a network")
    if not running_runs:
        get_notes_console().print("no run is being trained, so this is the latest run; --wait waits for a training")
    run = running_runs[0] if running_runs else networks[0]
    return _follow_run, lambda: [run]


class _WatchedRun:
    """Run that another process trains. The method `refresh` reads the files of the run again if they have changed."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.key: object = None
        self.changed_at = 0.0
        self.epochs: int | None = None
        self.rows: list[Scores] = []
        self.refresh()

    def refresh(self) -> bool:
        """Read the files of the run if the files have changed, and return whether they have changed."""
        from dnn_cli.runs.lock import read_lock_state
        from dnn_cli.runs.run import ANNOTATIONS_FILE, CONFIG_FILE, MAX_QUIET_SECONDS, METRICS_FILE, RECORD_FILE
        from dnn_cli.runs.run_index import build_status_key
        from dnn_cli.runs.run_info import read_run_info

        # The quiet time decides whether the run is running where the state of its lock is unknown.
        is_quiet = self.run.compute_quiet_seconds() > MAX_QUIET_SECONDS
        key = (
            build_status_key(self.run, RECORD_FILE, METRICS_FILE, ANNOTATIONS_FILE, CONFIG_FILE),
            read_lock_state(self.run.log),
            is_quiet,
        )
        if key == self.key:
            return False
        self.key = key
        self.run_info = read_run_info(self.run)
        try:
            self.rows = self.run.read_metrics()
        except RunError:
            self.rows = []
        self.changed_at = _get_last_change_time(self.run)
        self.epochs = _read_planned_epochs(self.run)
        return True

    @property
    def is_running(self) -> bool:
        """Whether a process is training the run."""
        return self.run_info.record is not None and self.run_info.record.status == "running"

    @property
    def seconds_since_change(self) -> float:
        """Seconds since the last epoch of the run ended, or since the run started if no epoch has ended."""
        return max(0.0, time.time() - self.changed_at)


def _get_last_change_time(run: "Run") -> float:
    """Return the time at which the last epoch of a run ended, or at which the run started.

    The time is taken from the run's files, in seconds since 1970. If the files cannot be read, the time is the current
    time.
    """
    for path in (run.metrics, run.config):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return time.time()


def _read_planned_epochs(run: "Run") -> int | None:
    """Return the number of epochs in the config of a run, or `None` if the config is invalid."""
    from dnn_cli.config.loading import load_resolved_experiment

    try:
        return load_resolved_experiment(str(run.config)).epochs
    except ConfigError:
        return None


def _follow_run(find: _FindRuns, interval: float, console: "Console") -> "list[RunInfo]":
    """Print the progress of a single run until it ends, and return the run in a list.

    Args:
        find: A function that returns the run in a list.
        interval: The time between updates, in seconds.
        console: The console for the progress.
    """
    from dnn_cli.report.runs_table import list_fitting_scores
    from dnn_cli.report.watch_view import format_ended_run_lines, format_epoch_lines, format_run_view

    watched_run = _WatchedRun(find()[0])

    def build_view() -> "RenderableType":
        from rich.text import Text

        width, height = console.width, console.height
        colour = console.color_system is not None
        view_arguments = watched_run.run_info, watched_run.rows, watched_run.epochs, watched_run.seconds_since_change
        return Text.from_ansi(
            format_run_view(*view_arguments, width=width, height=height, colour=colour, unicode=can_print_text("⣿│┤"))
        )

    printed_epochs = max(0, len(watched_run.rows) - _MAX_EARLIER_EPOCHS)
    has_printed_header = False

    def iter_new_lines() -> Iterator[str]:
        nonlocal printed_epochs, has_printed_header
        if new_rows := watched_run.rows[printed_epochs:]:
            names = list_fitting_scores(watched_run.rows[0], console.width)
            lines = format_epoch_lines(new_rows, names, watched_run.epochs or len(watched_run.rows))
            yield from lines[has_printed_header:]
            has_printed_header = True
        printed_epochs = len(watched_run.rows)

    with _open_live_view(console, build_view, iter_new_lines) as update:
        while update() or watched_run.is_running:
            time.sleep(interval)
            watched_run.refresh()
    for line in format_ended_run_lines(watched_run.run_info):
        console.print(replace_control_chars(line))
    return [watched_run.run_info]


def _follow_runs(find: _FindRuns, interval: float, console: "Console") -> "list[RunInfo]":
    """Print the progress of several runs until all have ended, and return them.

    Args:
        find: A function that returns the runs to follow. At each update, the function is called again, so that new runs
            are followed as well.
        interval: The time between updates, in seconds.
        console: The console for the progress.
    """
    from dnn_cli.report.watch_view import build_watched_runs_table, format_ended_run_lines, format_progress_line

    watched_runs: dict[Path, _WatchedRun] = {}
    new_runs: list[_WatchedRun] = []

    def build_view() -> "RenderableType":
        latest = list(watched_runs.values())[: max(3, console.height - 4)]
        return build_watched_runs_table(
            [watched_run.run_info for watched_run in latest],
            [watched_run.epochs for watched_run in latest],
            console.width,
        )

    def iter_new_lines() -> Iterator[str]:
        for watched_run in new_runs:
            if watched_run.is_running:
                yield format_progress_line(
                    watched_run.run_info, watched_run.rows, watched_run.epochs, watched_run.seconds_since_change
                )
            else:
                yield format_ended_run_lines(watched_run.run_info)[0]

    # Runs that have already ended need no grace time.
    quiet_since = -_SWEEP_GRACE_SECONDS
    with _open_live_view(console, build_view, iter_new_lines) as update:
        while True:
            new_runs = [watched_run for watched_run in watched_runs.values() if watched_run.refresh()]
            for run in find():
                if run.directory not in watched_runs:
                    watched_runs[run.directory] = _WatchedRun(run)
                    new_runs.append(watched_runs[run.directory])
            update()
            if any(watched_run.is_running for watched_run in watched_runs.values()):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= _SWEEP_GRACE_SECONDS:
                break
            time.sleep(interval)
    return [watched_run.run_info for watched_run in watched_runs.values()]


@contextmanager
def _open_live_view(
    console: "Console", build_view: "Callable[[], RenderableType]", iter_new_lines: Callable[[], Iterator[str]]
) -> Iterator[Callable[[], None]]:
    """Yield a function that the caller calls to update the output.

    On a terminal, the function draws the view of `build_view` again. Otherwise, the function prints the lines of
    `iter_new_lines`.
    """
    if console.is_terminal:
        from rich.live import Live

        with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
            yield lambda: live.update(build_view(), refresh=True)
    else:

        def print_new_lines() -> None:
            for line in iter_new_lines():
                console.print(replace_control_chars(line))
            console.file.flush()

        yield print_new_lines
