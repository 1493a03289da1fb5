"""Command `dnn explain`: findings about runs, and suggestions."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_layers, complete_runs
from dnn_cli.cli.console import can_print_text, get_output_console, has_limited_width, print_json, write_result
from dnn_cli.cli.options import AllowCodeOption, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.picture_files import check_picture_path
from dnn_cli.cli.run_selection import (
    BestOption,
    print_study_selections,
    resolve_best_model,
    resolve_network_run,
    resolve_saved_model,
)
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.address_prefixes import GROUP_PREFIXES
from dnn_cli.runs.runs_directory import build_runs_dir_option

if TYPE_CHECKING:
    from dnn_cli.explain.findings import Suggestion
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store

_PIPE_WIDTH = 80
"""Width of printed pictures in terminal characters, if the output is not a terminal."""


def explain(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID.",
        ),
    ],
    best: BestOption = False,
    filters: Annotated[
        bool,
        typer.Option("--filters", help="Draw kernels and feature maps of one run, before and after its training."),
    ] = False,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer", metavar="NAME", autocompletion=complete_layers, help="With --filters, the only layer to draw."
        ),
    ] = None,
    example: Annotated[
        int | None,
        typer.Option(
            "--example", metavar="N", min=0, help="With --filters, the validation example, from 0. Default: 0."
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="FILE", help="With --filters, write a .svg, .png or .pdf file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Explain how a run trained, and suggest changes.

    The layers of two runs are printed side by side. With --best, findings about curves and layers still describe the
    whole training. With --filters, the kernels of convolution layers and their feature maps are drawn instead.
    """
    if filters:
        _explain_filters(
            addresses, runs_dir, best, layer, example or 0, output or [], get_code_directory(allow=allow_code),
            force=force, as_json=as_json,
        )  # fmt: skip
        return
    for option, is_set in {
        "--layer": layer is not None, "--example": example is not None, "-o": output, "--force": force,
        "--allow-code": allow_code,
    }.items():  # fmt: skip
        if is_set:
            raise UsageError(f"{option} applies only to --filters", f"add --filters, or omit {option}")
    from dnn_cli.explain.explanation import explain_run as work
    from dnn_cli.report.explanation_view import build_explanation_document, format_explanations
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)

    def format_train_command(run: "Run", suggestion: "Suggestion") -> str:
        words = suggestion.build_command(type(run)(Path(os.path.relpath(run.directory))))
        runs_dir_option = build_runs_dir_option(store.root) if suggestion.verb == "train" else []
        code_options = () if suggestion.verb == "data show" else run.read_raw_record().code_options
        return shlex.join([*words, *code_options, *runs_dir_option])

    print_study_selections(addresses, None)
    runs = [read_run_info(run) for address in addresses for run in _resolve_runs(store, address)]
    explanations = [work(run_info, resolve_best_model(run_info.with_details()) if best else None) for run_info in runs]
    if as_json:
        print_json(
            {"runs": [build_explanation_document(explanation, format_train_command) for explanation in explanations]}
        )
        return
    write_result(
        format_explanations(
            explanations, format_train_command, get_output_console().width, unicode=can_print_text("█▏")
        )
    )


def _explain_filters(
    addresses: list[str], runs_dir: Path, best: bool, layer: str | None, example: int, paths: list[Path],
    code_directory: str | None, *, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Print or write the kernels and feature maps of one run, before and after its training."""
    if len(addresses) != 1:
        raise UsageError("--filters draws one run", "for example: dnn explain @1 --filters")
    if paths and as_json:
        raise UsageError("--json and -o cannot be combined", "use one of them")
    for path in paths:
        check_picture_path(path, force=force)
    run, record, model = resolve_saved_model(addresses[0], runs_dir, best=best)

    from dnn_cli.execution.network_filters import load_network_filters
    from dnn_cli.report.filter_text import build_filters_document, draw_network_filters
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen:
        filters = load_network_filters(run, record, model, layer, example, screen, code_directory)
    if as_json:
        print_json({"id": record.id, "name": record.name, "model": model.to_document(),
                    **build_filters_document(filters)})  # fmt: skip
        return
    out = get_output_console()
    for path in paths:
        from dnn_cli.report.chart_files import write_chart
        from dnn_cli.report.filter_pictures import build_filter_picture

        try:
            write_chart(build_filter_picture(filters), path)
        except RunError as error:
            raise UsageError(error.message, "choose another path") from None
        out.print(replace_control_chars(path), soft_wrap=True)
    if not paths:
        out.print(replace_control_chars(f"{record.name} {record.id}, {model.file_name}, {model.format_epoch()}"))
    for caveat in filters.caveats:
        out.print(replace_control_chars(f"! {caveat}"), soft_wrap=True)
    if paths:
        return
    for line in draw_network_filters(
        filters,
        width=out.width if has_limited_width(out) else _PIPE_WIDTH,
        colour=out.is_terminal and out.color_system is not None,
        unicode=can_print_text("▀░▒▓█×–▁"),
    ):
        if not out.is_terminal:
            line.rstrip()
        out.print(line, soft_wrap=True)


def _resolve_runs(store: "Store", address: str) -> "list[Run]":
    """Return the runs of a sweep, the final runs with tuned settings of a study, or the run with another address."""
    if address.startswith(GROUP_PREFIXES):
        return store.find_all(address, reported=True)
    return [resolve_network_run(store, address)]
