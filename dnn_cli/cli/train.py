"""`dnn train`: train the experiments of configs, each into a run directory of its own."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

import typer

from dnn_cli.cli.arguments import AsJson, Configs, Force, RunsDir, Tensorboard, divide, load_all
from dnn_cli.cli.console import notes, print_json
from dnn_cli.cli.many import Gpus, Jobs, On, executor_for
from dnn_cli.errors import UsageError
from dnn_cli.execute.signals import TimeLimit, stoppable
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.execute.many import Executor
    from dnn_cli.execute.task import Ended
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.load import Loaded


class Wanted(NamedTuple):
    """An experiment to train, and the run to go on with, if any."""

    loaded: "Loaded"
    run: "Run | None"
    is_done: bool
    """Whether the run is at its end already."""


def train(
    arguments: Configs,
    engine: Annotated[
        str | None, typer.Option(help="chunked, or keras for plain fit; short for engine=….", metavar="ENGINE")
    ] = None,
    jobs: Jobs = 1,
    on: On = "local",
    gpus: Gpus = 0,
    minutes: Annotated[
        Optional[float],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Option("--minutes", min=0.0, metavar="N", help="Save and end after N minutes; --resume goes on."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest run of the experiment.")] = False,
    force: Force = False,
    tensorboard: Tensorboard = False,
    as_json: AsJson = False,
) -> None:
    """Train networks, each into a run directory of its own."""
    configs, overrides = divide(arguments)
    if force and not resume:
        raise UsageError("--force is for --resume", "a new run needs none")
    if tensorboard:
        from dnn_cli.report.tensorboard import check_installed

        check_installed()
    if engine is not None:
        overrides.append(f"engine={engine}")

    from dnn_cli.cli.progress import open_screen

    finished: list[tuple[Run, Record]] = []
    lost = False
    try:
        with open_screen() as screen, stoppable(screen.leave) as signals:
            stopping = TimeLimit(signals, minutes)
            with screen.waiting(f"reading {' '.join(configs)}"):
                loaded = load_all(configs, overrides, to_train=True)

                from dnn_cli.cli.outcome import print_result
                from dnn_cli.cli.resume import is_complete, run_to_resume
                from dnn_cli.report.runs import run_document
                from dnn_cli.report.words import count
                from dnn_cli.runs.selection import Lookup
                from dnn_cli.runs.store import Store

                store, before = Store(runs_dir), Lookup(runs_dir)
                begun = [run_to_resume(one, before, force=force) if resume else None for one in loaded]
                for one, run in zip(loaded, begun, strict=True):
                    if resume and run is None and any(entry.name == one.experiment.name for entry in before.entries()):
                        screen.show(f"no run of {one.experiment.name} has this config: a new run begins")
                wanted = [
                    Wanted(one, run, run is not None and not force and is_complete(run, one))
                    for one, run in zip(loaded, begun, strict=True)
                ]
                left = sum(not one.is_done for one in wanted)
            if left > 1 and (jobs != 1 or gpus or on != "local"):
                to_train = [one.loaded.experiment for one in wanted if not one.is_done]
                with executor_for(on, jobs, gpus, to_train, screen) as executor:
                    options = {"force": force, "tensorboard": tensorboard}
                    ended = train_beside(wanted, store, executor, screen, stopping, **options)
                lost = any(one.record is None for one in ended)
                results = with_records(wanted, ended)
            else:
                results = train_in_turn(wanted, store, screen, stopping, force=force, tensorboard=tensorboard)
            for one, run, record in results:
                finished.append((run, record))
                if not as_json:
                    print_result(run, record, one, store)
    finally:
        if as_json and finished:  # also where a later run could not even begin
            print_json({"runs": [run_document(run, record) for run, record in finished]})
    if tensorboard and finished and not as_json:
        notes().print(visible(shlex.join(["tensorboard", "--logdir", str(runs_dir)]) + " shows the logs"))
    is_stopped = [record.reason == stopping.reason != "" for _, record in finished]
    if (left := sum(is_stopped) + len(wanted) - len(finished)) and stopping.is_over and not as_json:
        notes().print(f"{count(left, 'run')} not at the end; the same command with --resume goes on")
    ends = zip(finished, is_stopped, strict=True)
    if lost or any(record.status != "completed" and not stopped for (_, record), stopped in ends):
        raise typer.Exit(1)


def train_in_turn(
    wanted: Sequence[Wanted], store: "Store", screen: "Screen", stopping: TimeLimit, *, force: bool, tensorboard: bool
) -> "Iterator[tuple[Loaded, Run, Record]]":
    """Train one experiment after the other in this process, until the time is over."""
    from dnn_cli.execute.work import train_further, train_new
    from dnn_cli.runs.run import Run
    from dnn_cli.training.endings import Interrupted

    for loaded, run, is_done in wanted:
        if is_done and run is not None:
            yield loaded, run, run.read_record()
        elif not stopping.is_over:
            try:
                if run is None:
                    trained = train_new(loaded, store, screen, stopping, tensorboard=tensorboard)
                else:
                    trained = run, train_further(run, loaded, screen, stopping, force=force, tensorboard=tensorboard)
            except Interrupted as error:
                if str(error) != stopping.reason or screen.log is None:
                    raise
                trained = Run(screen.log.parent), Run(screen.log.parent).read_record()
            yield loaded, *trained


def train_beside(
    wanted: Sequence[Wanted], store: "Store", executor: "Executor", screen: "Screen", stopping: TimeLimit,
    *, force: bool, tensorboard: bool,
) -> "list[Ended]":  # fmt: skip
    """Train what is not done yet in other processes, and show how it goes; how each training ended."""
    from dnn_cli.cli.board import board
    from dnn_cli.execute.many import Queue, train_all
    from dnn_cli.execute.task import Task
    from dnn_cli.training.programs import network_key

    store.check_writable()
    root = store.root.absolute()
    tasks = [
        Task(
            number,
            loaded,
            root,
            network_key(loaded.experiment),
            None if run is None else run.directory.absolute(),
            force=force,
            tensorboard=tensorboard,
        )
        for number, (loaded, run, is_done) in enumerate(wanted)
        if not is_done
    ]
    labels = {task.number: task.loaded.experiment.name for task in tasks}
    try:
        with board(screen, labels, len(tasks)) as shown, stopping.gentle():
            ended = train_all(Queue(tasks), executor, shown, stopping)
    except SystemExit:
        screen.show("interrupted; dnn train --resume goes on")
        raise
    for one in ended:
        if one.record is None:
            notes().print(visible(f"dnn: {labels[one.number]}: {one.why}"))
    return ended


def with_records(wanted: Sequence[Wanted], ended: "Sequence[Ended]") -> "Iterator[tuple[Loaded, Run, Record]]":
    """The runs that there are, in the order in which they were wanted."""
    from dnn_cli.runs.run import Run

    now = {one.number: one for one in ended}
    for number, (loaded, run, is_done) in enumerate(wanted):
        if is_done and run is not None:
            yield loaded, run, run.read_record()
        elif (one := now.get(number)) is not None and one.run is not None and one.record is not None:
            yield loaded, Run(one.run), one.record
