"""Command `dnn export`: a saved model in a format for other programs.

The command compares the predictions of the exported model with those of the run.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import dnn_cli
from dnn_cli.cli.completers import complete_export_formats
from dnn_cli.cli.console import get_output_console, print_json
from dnn_cli.cli.export_files import check_export_path, format_export_size, replace_atomically
from dnn_cli.cli.options import AllowCodeOption, CompletedRunArgument, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.run_selection import BestOption, resolve_saved_model
from dnn_cli.errors import UsageError
from dnn_cli.export.export_formats import EXPORT_FORMATS, ExportFormat
from dnn_cli.export.obstacles import check_export_support
from dnn_cli.export.table_interface import ENCODED_ENDPOINT, ROWS_ENDPOINT, build_rows_document
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.export.export import ExportCheck

_FORMAT_NAMES = list(EXPORT_FORMATS)

_LABEL_INDENT = 11
"""Number of spaces before wrapped parts of a line, so that they are below the text after its label."""


def _parse_format(name: str) -> ExportFormat:
    """Return the export format with a name.

    Raises:
        typer.BadParameter: no format has this name.
    """
    if name not in EXPORT_FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, _FORMAT_NAMES))}.")
    return EXPORT_FORMATS[name]


def export(
    address: CompletedRunArgument,
    export_format: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            metavar="FORMAT",
            autocompletion=complete_export_formats,
            parser=_parse_format,
            help=f"Format of the exported model: {', '.join(_FORMAT_NAMES[:-1])} or {_FORMAT_NAMES[-1]}.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PATH", help="Path of the exported model. Default: the name of the run."
        ),
    ] = None,
    without_scaling: Annotated[
        bool, typer.Option("--without-scaling", help="Export the model without the scaling of its inputs.")
    ] = False,
    best: BestOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Export a network to other formats, and compare predictions.

    By default, the exported model includes the scaling of its inputs: it accepts the pixels and numbers of the data.
    """
    from dnn_cli.config.custom_code import check_code_permission, list_custom_layers
    from dnn_cli.config.identifiers import make_slug
    from dnn_cli.config.loading import load_resolved_experiment
    from dnn_cli.terminal.progress import open_screen

    check_packages_installed(export_format)
    run, record, model = resolve_saved_model(address, runs_dir, best=best)
    fitted, chosen = record.find_temperature(model.file_name), record.find_threshold(model.file_name)
    path = output or Path(make_slug(record.name) + export_format.suffix)
    sidecar = path.parent / f"{path.name}.json"
    check_export_path(path, sidecar, export_format, force=force)
    experiment, code_directory = load_resolved_experiment(str(run.config)), get_code_directory(allow=allow_code)
    check_export_support(experiment, export_format.name)
    check_code_permission(experiment, code_directory)
    with open_screen() as screen, replace_atomically(path, sidecar) as (temporary_path, temporary_sidecar):
        from dnn_cli.data.run_context import load_run_context
        from dnn_cli.execution.preparation import import_layers_of_user
        from dnn_cli.host.output_redirect import redirect_output
        from dnn_cli.report.export_summary import (
            build_interface_document,
            format_exported_adjustment,
            format_exported_columns,
            format_exported_input,
            format_exported_output,
        )
        from dnn_cli.report.prediction_adjustment import build_adjustment_document
        from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

        with screen.open_progress(1, 1) as progress, redirect_output(), import_tensorflow_in_background() as wait:
            progress("starting TensorFlow")
            run_context = load_run_context(run, record, progress)
            wait()
            import_layers_of_user(run_context.experiment, code_directory, screen)
            from dnn_cli.export.export import export_model as work

            export_check = work(
                model.path,
                record,
                run_context,
                export_format,
                temporary_path,
                scaling=not without_scaling,
                temperature=fitted.temperature if fitted else None,
                report_progress=progress,
            )
        interface_document = build_interface_document(
            run_context.experiment, run_context.input_profile, scaling=not without_scaling
        )
        adjustment_document = build_adjustment_document(fitted, chosen)
        interface_document["output"] |= {
            name: value for name, value in adjustment_document.items() if value is not None
        }
        # The other formats hold the operations of the classes instead of their names.
        custom_types = [layer.type for layer in list_custom_layers(experiment) if export_format.name == "keras"]
        encoding = run_context.input_profile.encoding
        rows_document: dict[str, Any] = {}
        if encoding is not None and export_format.takes_cells(encoding, scaling=not without_scaling):
            rows_document = {"rows": build_rows_document(encoding)}
            interface_document["input"]["function"] = ENCODED_ENDPOINT
        document = {
            "run": record.id,
            "name": record.name,
            "format": export_format.name,
            "model": model.to_document(),
            **rows_document,
            **interface_document,
            **({"custom_objects": custom_types} if custom_types else {}),
            "checked": asdict(export_check),
            "versions": {**record.versions, "dnn": dnn_cli.__version__},
        }
        text = json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2, allow_nan=False)
        temporary_sidecar.write_text(text + "\n", encoding="utf-8")
    if as_json:
        print_json({**document, "path": os.fspath(path), "sidecar": os.fspath(sidecar)})
        return
    out = get_output_console()
    columns_text = format_exported_columns(
        run_context.input_profile, ROWS_ENDPOINT if rows_document else None, ENCODED_ENDPOINT
    )
    for line in (
        f"{path}  {format_export_size(path)}, {record.name} {record.id} as {export_format.name}",
        "  input    "
        f"{format_exported_input(run_context.experiment, run_context.input_profile, scaling=not without_scaling)}",
        *([f"  columns  {columns_text}"] if columns_text else []),
        f"  output   {format_exported_output(run_context.experiment)}",
        *([f"  classes  {adjustment_text}"] if (adjustment_text := format_exported_adjustment(fitted, chosen)) else []),
        f"  weights  {model.file_name}: {model.format_epoch()}",
        *(f"  code     loading needs the class {name} in custom_objects" for name in custom_types),
        *_iter_check_lines(export_check),
        f"  details  {sidecar}",
    ):
        print_line(out, line, _LABEL_INDENT)


def check_packages_installed(export_format: ExportFormat) -> None:
    """Check that the Python modules of a format are installed.

    The check precedes the export, which takes time.

    Raises:
        UsageError: a module is missing. The hint is the `pip` command that installs the module.
    """
    missing = [module for module in export_format.modules if find_spec(module) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"{export_format.name} needs {', '.join(missing)}, which {verb} not installed",
            f"pip install -e '.[{export_format.extra}]'",
        )


def _iter_check_lines(export_check: "ExportCheck") -> Iterator[str]:
    """Yield lines that report how closely the outputs of an exported model match those of the saved model."""
    same = "" if export_check.output <= 1 else f" in outputs up to {export_check.output:.3g}"
    if export_check.same_class is not None:
        all_same = export_check.same_class == export_check.examples
        same += f", the same class for {'all' if all_same else f'{export_check.same_class:,}'} examples"
    yield f"  checked  in {export_check.runtime} on {export_check.source}:"
    yield f"           largest difference {export_check.difference:.1e}{same}"
    if export_check.rows is not None:
        rows = f"on {export_check.rows} random rows of cells"
        yield f"           {rows}: largest difference {export_check.rows_difference:.1e}"
    if export_check.in_16_bits is not None:
        yield (
            f"           it computes in 32 bits, and the run in 16; they differ by up to {export_check.in_16_bits:.1e}"
        )
