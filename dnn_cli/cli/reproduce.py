"""`dnn reproduce`: train a completed run again, and tell whether the same came out."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.chosen_run import divide_run, find_run
from dnn_cli.cli.console import print_json, results, show
from dnn_cli.errors import UsageError
from dnn_cli.execute.signals import stoppable
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.compare.reproduction import Reproduction
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run


def reproduce(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="RUN [KEY=VALUE]", help="A run, then data.path=… if its data has moved."),
    ],
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Train a completed run again, and compare the two bit by bit."""
    address, overrides = divide_run(arguments, "reproduce")

    from dnn_cli.cli.progress import open_screen

    with open_screen() as screen, stoppable(screen.leave) as stopping:
        from dnn_cli.runs.store import Store

        store = Store(runs_dir)
        original = find_run(store, address)
        with screen.waiting(f"reading {address}"):
            from dnn_cli.compare.reproduction import judge, read_completed
            from dnn_cli.spec.load import load

            check_same_experiment(original, overrides)
            record = original.read_record()
            check_can_be_reproduced(original, record)
            loaded = load(str(original.config), overrides, to_train=True)
            read_completed(original)  # what is damaged is told before anything takes time

            from dnn_cli.execute.work import train_new
        again, _ = train_new(loaded, store, screen, stopping, reproduces=record.id)
        found = judge(original, again)
    print_reproduction(found, as_json=as_json)
    if not found.identical:
        raise typer.Exit(1)


def check_same_experiment(run: "Run", overrides: Sequence[str]) -> None:
    """Refuse overrides that make another experiment.

    Raises:
        UsageError: one does more than say where the data is now.
    """
    from dnn_cli.spec.differences import PATHS

    others = [word for word in overrides if word.partition("=")[0] not in PATHS]
    if others:
        raise UsageError(
            f"{others[0]} makes another experiment, which reproduces nothing; only {', '.join(PATHS)} may be other",
            f"{train_command(run, *overrides)} trains it",
        )


def check_can_be_reproduced(run: "Run", record: "Record") -> None:
    """Refuse a run that has no outcome, or one that its config does not lead to.

    Raises:
        UsageError: with what to do instead.
    """
    if record.status != "completed":
        hints = {
            "running": "wait for its end",
            "interrupted": f"{shlex.join(['dnn', 'resume', os.path.relpath(run.directory)])} first",
        }
        raise UsageError(
            f"run {record.id} is not completed but {record.status}, and has no outcome to reproduce",
            hints.get(record.status, f"{train_command(run)} trains it anew"),
        )
    forced = [change for resume in record.resumed for change in resume.forced]
    if forced:
        raise UsageError(
            f"run {record.id} was changed on its way ({forced[0]}), so its config.yaml alone does not lead to it",
            f"{train_command(run)} trains what it says, from the beginning",
        )


def train_command(run: "Run", *overrides: str) -> str:
    """What trains a run's config as a new experiment."""
    return shlex.join(["dnn", "train", os.path.relpath(run.config), *overrides])


def print_reproduction(found: "Reproduction", *, as_json: bool) -> None:
    """The verdict on standard output, where the new run is, and what differs."""
    from dnn_cli.report import reproduction as words

    if as_json:
        print_json(words.reproduction_document(found))
        return
    out, introduction = results(), words.introduction(found)
    for line in words.verdict(found):
        out.print(visible(line))
    out.print(visible(f"  run   {os.path.relpath(found.run.directory)}"))
    if introduction:
        out.print(introduction)
    if found.differences:
        show(out, words.differences_table(found))
