"""Command `dnn ensemble`: scores of the mean prediction of several runs, its gain, and its export as one model."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import build_fixed_completer, complete_metrics, complete_runs
from dnn_cli.cli.console import (
    can_print_text,
    get_notes_console,
    get_output_console,
    has_limited_width,
    print_json,
    print_rich_table,
    write_result,
)
from dnn_cli.cli.ensemble_files import check_ensemble_path, check_members, write_ensemble
from dnn_cli.cli.options import AllowCodeOption, HeldOutSplit, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.run_selection import print_study_selections
from dnn_cli.errors import UsageError
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.compare.ensemble_members import MemberSet
    from dnn_cli.compare.ensemble_scores import EnsembleResult, MemberChoice
    from dnn_cli.execution.test_reads import ReadOrigin

_CURVE_SIZE = (80, 12)
"""Largest width of the curve in terminal characters, and its height in lines."""


def ensemble(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID, at least two.",
        ),
    ],
    best: Annotated[
        int | None,
        typer.Option(
            "--best",
            metavar="N",
            min=1,
            help="Use only the best N runs, chosen on one half of the validation set and scored on the other.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            metavar="METRIC",
            autocompletion=complete_metrics,
            help="Score of the choice and of the curve. Default: the score that most runs monitor.",
        ),
    ] = None,
    split: Annotated[
        HeldOutSplit,
        typer.Option(
            metavar="SPLIT",
            autocompletion=build_fixed_completer("validation", "test"),
            help="Split of the scores: validation or test. Reads of the test set are recorded.",
        ),
    ] = HeldOutSplit.validation,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Export the ensemble as one .keras file."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace existing files, and read the test set beyond data.test_reads.")
    ] = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Score the mean prediction of several runs, and export it.

    The command prints the scores of the ensemble, of its mean and best member, and the gain with a 95% interval. The
    runs need equal data, split, loss and metrics; their networks may differ.

    With --best, the runs with the best scores form the ensemble. With --split test, the choice uses the whole
    validation set.
    """
    from dnn_cli.compare.ensemble_members import read_members
    from dnn_cli.runs.query.selection import CachedStore, select_runs

    code_directory = get_code_directory(allow=allow_code)
    if output is None and force and split is not HeldOutSplit.test:
        raise UsageError("--force needs -o or --split test", "add -o ensemble.keras, or omit --force")
    if output is not None:
        check_ensemble_path(output, force=force)
    runs = select_runs(CachedStore(runs_dir), addresses, None, reported=True)
    print_study_selections(addresses, None)
    member_set = read_members(runs)
    for label, reason in member_set.left_out:
        print_line(get_notes_console(), f"left out: {label} {reason}")
    if output is not None:
        check_members(member_set.members, code_directory)
    origin = _build_origin(addresses, best, metric, output, force=force) if split is HeldOutSplit.test else None
    choice, result = _score(member_set, best, metric, origin, code_directory)
    exported = None if output is None else write_ensemble(choice.members, output, code_directory)
    if as_json:
        from dnn_cli.report.ensemble_view import build_ensemble_document

        document = build_ensemble_document(member_set, choice, result, split.value)
        print_json({**document, "export": exported.to_document() if exported else None})
        return
    _print_ensemble(member_set, choice, result, split.value)
    for line in exported.lines if exported else ():
        print_line(get_output_console(), line)


def _build_origin(
    addresses: list[str], best: int | None, metric: str | None, output: Path | None, *, force: bool
) -> "ReadOrigin":
    """Return the origin of the test reads of an ensemble.

    Args:
        addresses: The addresses of the runs, as the user typed them.
        best: The number of chosen runs; `None` uses all runs.
        metric: The name of the score that the user typed; `None` for the default.
        output: The path of the exported ensemble; `None` without an export.
        force: Whether the command has `--force`.
    """
    from dnn_cli.execution.test_reads import ReadOrigin

    options = [("--best", best), ("--metric", metric), ("--split", "test"), ("-o", output)]
    words = [word for option, value in options if value is not None for word in (option, str(value))]
    return ReadOrigin("dnn ensemble", shlex.join(["dnn", "ensemble", *addresses, *words, "--force"]), force)


def _score(
    member_set: "MemberSet",
    best: int | None,
    metric_name: str | None,
    origin: "ReadOrigin | None",
    code_directory: str | None,
) -> "tuple[MemberChoice, EnsembleResult]":
    """Choose the members, and compute the scores of the ensemble.

    Args:
        member_set: The runs.
        best: The number of chosen runs; `None` uses all runs.
        metric_name: The name of the score that the user typed; `None` for the default.
        origin: The command that reads the test set; `None` for scores on the validation set.
        code_directory: The directory of custom layers; `None` without permission to run their code.

    Raises:
        UsageError: the choice is impossible, the runs lack the score, or the data has no test set.
        DataError: data is needed and cannot be read.
    """
    import numpy as np

    from dnn_cli.compare.ensemble_scores import (
        choose_best_members,
        divide_examples,
        list_all_members,
        score_ensemble,
        select_metric,
    )

    metric = select_metric(member_set, metric_name)
    if member_set.experiment.data.weight is not None:
        from dnn_cli.execution.ensemble_evaluation import add_validation_weights

        member_set = add_validation_weights(member_set)
    positions = np.arange(len(member_set.indices))
    choice = list_all_members(member_set, metric)
    if best is not None:
        chosen, positions = (positions, positions) if origin else divide_examples(member_set)
        choice = choose_best_members(member_set, metric, best, chosen)
    if origin is None:
        quantities = [member.quantities[positions] for member in choice.candidates]
        return choice, score_ensemble(member_set.examples.select(positions), quantities, choice)
    from dnn_cli.execution.ensemble_evaluation import evaluate_on_test_set
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen:
        test = evaluate_on_test_set(member_set, choice.members, screen, origin, code_directory)
    return choice, score_ensemble(test.examples, test.quantities, choice)


def _print_ensemble(member_set: "MemberSet", choice: "MemberChoice", result: "EnsembleResult", split: str) -> None:
    """Print the scores, the members and the curve of an ensemble."""
    from dnn_cli.report import ensemble_view as view

    out = get_output_console()
    print_line(out, view.format_ensemble_headline(member_set, choice, result, split))
    out.print()
    print_rich_table(out, view.build_score_cells(choice, result).build_fitting_table(out.width))
    for line in view.format_score_notes(choice, result, split):
        print_line(out, line)
    out.print()
    print_rich_table(out, view.build_member_cells(choice, result).build_fitting_table(out.width))
    if note := view.format_member_note(choice):
        out.print(note)
    width, height = _CURVE_SIZE
    curve = view.draw_gain_curve(
        choice, result, width=min(width, out.width) if has_limited_width(out) else width, height=height,
        colour=out.is_terminal, unicode=can_print_text("⣿│┤"),
    )  # fmt: skip
    if curve:
        out.print()
        write_result(curve)
