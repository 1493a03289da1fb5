"""Command `dnn reproduce`: a completed run trained again, and a comparison of both runs bit by bit."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_run_then_keys
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import AllowCodeOption, JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import parse_run_and_overrides, resolve_network_run
from dnn_cli.errors import UsageError
from dnn_cli.execution.signals import handle_stop_signals
from dnn_cli.report.text import replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.compare.reproduction import ReproductionResult
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run


def reproduce(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|KEY=VALUE",
            autocompletion=complete_run_then_keys,
            help="A completed run, then data.path=… for moved data.",
        ),
    ],
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Train a completed run again; check that all bits are equal."""
    address, overrides = parse_run_and_overrides(arguments, "reproduce")

    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen, handle_stop_signals(screen.restore_terminal) as stop_request:
        from dnn_cli.runs.store import Store

        store = Store(runs_dir)
        original_run = resolve_network_run(store, address)
        with screen.show_waiting(f"reading {address}"):
            from dnn_cli.compare.reproduction import compare_reproduction, read_completed_result
            from dnn_cli.config.loading import load_experiment

            _check_same_experiment(original_run, overrides)
            record = original_run.read_record()
            _check_reproducible(original_run, record)
            loaded = load_experiment(str(original_run.config), overrides, to_train=True, allow_code=allow_code)
            # A damaged run is reported before the training takes time.
            read_completed_result(original_run)

            from dnn_cli.execution.fitting import complete_training
            from dnn_cli.execution.run_training import start_new_run
        training = start_new_run(loaded, store, screen, stop_request, reproduces=record.id, lanes=record.lanes)
        new_run, _ = complete_training(training)
        reproduction = compare_reproduction(original_run, new_run)
    _print_reproduction(reproduction, as_json=as_json)
    if not reproduction.is_identical:
        raise typer.Exit(1)


def _check_same_experiment(run: "Run", overrides: Sequence[str]) -> None:
    """Check that overrides change only the paths of data, so that the training is the same as that of the run.

    Raises:
        UsageError: an override changes another key.
    """
    from dnn_cli.config.digests import DATA_PATH_KEYS

    disallowed = [word for word in overrides if word.partition("=")[0] not in DATA_PATH_KEYS]
    if disallowed:
        raise UsageError(
            f"{disallowed[0]} changes the experiment; reproduce accepts only overrides of {', '.join(DATA_PATH_KEYS)}",
            f"{_build_train_command(run, *overrides)} trains the changed experiment",
        )


def _check_reproducible(run: "Run", record: "Record") -> None:
    """Check that a run is completed and that its config alone determines its outcome.

    Raises:
        UsageError: the run is not completed, or a resume with `--force` changed its config. The hint suggests an
            alternative.
    """
    if record.status != "completed":
        hints = {
            "running": "wait for the end of the training",
            "interrupted": f"{shlex.join(['dnn', 'resume', os.path.relpath(run.directory)])} completes the run",
        }
        raise UsageError(
            f"run {record.id} is {record.status}, and only a completed run can be reproduced",
            hints.get(record.status, f"{_build_train_command(run)} trains the config again"),
        )
    forced = [change for resume in record.resumed for change in resume.forced]
    if forced:
        raise UsageError(
            f"run {record.id} was resumed with changes ({forced[0]}), so its config.yaml alone does not reproduce it",
            f"{_build_train_command(run)} trains this config.yaml from the beginning",
        )


def _build_train_command(run: "Run", *overrides: str) -> str:
    """Return the command that trains the config of a run as a new run."""
    return shlex.join(["dnn", "train", os.path.relpath(run.config), *overrides])


def _print_reproduction(reproduction: "ReproductionResult", *, as_json: bool) -> None:
    """Print whether the runs are identical, the directory of the new run, and the differences."""
    from dnn_cli.report import reproduction_view as words

    if as_json:
        print_json(words.build_reproduction_document(reproduction))
        return
    out, introduction = get_output_console(), words.format_differences_intro(reproduction)
    for line in words.format_reproduction_result(reproduction):
        print_line(out, line)
    out.print(replace_control_chars(f"  path  {os.path.relpath(reproduction.run.directory)}"))
    if introduction:
        out.print(introduction)
    if reproduction.differences:
        print_rich_table(out, words.build_differences_table(reproduction))
