"""Command `dnn export`: a saved model in a format of Keras, TensorFlow, ONNX or LiteRT.

The command compares the predictions of the exported model with those of the run.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import dnn_cli
from dnn_cli.cli.console import get_output_console, print_json
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import BestOption, resolve_saved_model
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.export.export import ExportCheck


class FormatName(str, Enum):
    """Name of an export format."""

    keras = "keras"
    savedmodel = "savedmodel"
    onnx = "onnx"
    litert = "litert"


_FORMAT_SUFFIXES = {
    FormatName.keras: ".keras",
    FormatName.savedmodel: "_savedmodel",
    FormatName.onnx: ".onnx",
    FormatName.litert: ".tflite",
}
"""Suffix of the default export path for each format.

A path of `--output` must also have this suffix. The only exception is `savedmodel`, for which any path is accepted.
"""

_REQUIRED_MODULES = {FormatName.onnx: ("onnx", "tf2onnx", "onnxruntime"), FormatName.litert: ("ai_edge_litert",)}
"""Python modules that a format requires in addition to TensorFlow.

The pip extra with the name of the format installs these modules.
"""


def export(
    address: Annotated[
        str, typer.Argument(metavar="RUN", help="A completed run by id, name, directory, @1 or best:METRIC.")
    ],
    format_name: Annotated[
        FormatName,
        typer.Option(
            "--format", metavar="FORMAT", help="Format of the exported model: keras, savedmodel, onnx or litert."
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
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Export a network to other formats, and compare predictions.

    By default, the exported model includes the scaling of its inputs: it accepts the pixels and numbers of the data.
    """
    from dnn_cli.cli.progress import open_screen
    from dnn_cli.config.identifiers import make_slug

    check_packages_installed(format_name)
    run, record, model = resolve_saved_model(address, runs_dir, best=best)
    path = output or Path(make_slug(record.name) + _FORMAT_SUFFIXES[format_name])
    sidecar = path.parent / f"{path.name}.json"
    _check_export_path(path, sidecar, format_name, force=force)
    with open_screen() as screen, _replace_atomically(path, sidecar) as (temporary_path, temporary_sidecar):
        from dnn_cli.data.run_context import load_run_context
        from dnn_cli.host.output_redirect import redirect_output
        from dnn_cli.report.export_summary import (
            build_interface_document,
            format_exported_input,
            format_exported_output,
        )
        from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

        with screen.open_progress(1, 1) as progress, redirect_output(), import_tensorflow_in_background() as wait:
            progress("starting TensorFlow")
            run_context = load_run_context(run, record, progress)
            wait()
            from dnn_cli.export.export import export_model as work

            export_check = work(
                model.path,
                record,
                run_context,
                format_name.value,
                temporary_path,
                scaling=not without_scaling,
                report_progress=progress,
            )
        interface_document = build_interface_document(
            run_context.experiment, run_context.input_profile, scaling=not without_scaling
        )
        document = {
            "run": record.id,
            "name": record.name,
            "format": format_name.value,
            "model": model.to_document(),
            **interface_document,
            "checked": asdict(export_check),
            "versions": {**record.versions, "dnn": dnn_cli.__version__},
        }
        text = json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2, allow_nan=False)
        temporary_sidecar.write_text(text + "\n", encoding="utf-8")
    if as_json:
        print_json({**document, "path": os.fspath(path), "sidecar": os.fspath(sidecar)})
        return
    out = get_output_console()
    for line in (
        f"{path}  {_format_export_size(path)}, {record.name} {record.id} as {format_name.value}",
        "  input    "
        f"{format_exported_input(run_context.experiment, run_context.input_profile, scaling=not without_scaling)}",
        f"  output   {format_exported_output(run_context.experiment)}",
        f"  weights  {model.file_name}: {model.format_epoch()}",
        *_iter_check_lines(export_check),
        f"  details  {sidecar}",
    ):
        out.print(replace_control_chars(line))


def check_packages_installed(format_name: FormatName) -> None:
    """Check that the Python modules of a format are installed.

    The check precedes the export, which takes time.

    Raises:
        UsageError: a module is missing. The hint is the `pip` command that installs the module.
    """
    missing = [module for module in _REQUIRED_MODULES.get(format_name, ()) if find_spec(module) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"{format_name.value} needs {', '.join(missing)}, which {verb} not installed",
            f"pip install -e '.[{format_name.value}]'",
        )


def _check_export_path(path: Path, sidecar: Path, format_name: FormatName, *, force: bool) -> None:
    """Check that an exported model can be written to a path. The check precedes the export, which takes time.

    Args:
        path: The path of the exported model.
        sidecar: The path of the JSON file that describes the input and output of the exported model.
        format_name: The format of the exported model.
        force: Whether existing files of an earlier export are replaced.

    Raises:
        UsageError: the suffix is wrong, the directory is missing, or a path exists already. With `force`, an existing
            export is accepted.
    """
    suffix = _FORMAT_SUFFIXES[format_name]
    if not path.name:
        raise UsageError(f"-o {path} is not the path of a file", f"use -o network{suffix}")
    if format_name is not FormatName.savedmodel and path.suffix != suffix:
        raise UsageError(
            f"{path} does not end in {suffix}, the suffix of {format_name.value}",
            f"use -o {path.with_suffix(suffix)}",
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} does not exist", "create the directory, or choose another path with -o")
    for existing_path in (path, sidecar):
        if not os.path.lexists(existing_path):
            continue
        if not force:
            raise UsageError(
                f"{existing_path} already exists", "use --force to replace it, or choose another path with -o"
            )
        is_directory = existing_path.is_dir() and not existing_path.is_symlink()
        is_saved_model = (
            existing_path is path
            and format_name is FormatName.savedmodel
            and (existing_path / "saved_model.pb").is_file()
        )
        if is_directory != is_saved_model and (
            is_directory or (existing_path is path and format_name is FormatName.savedmodel)
        ):
            raise UsageError(f"{existing_path} is not an export and is not replaced", "choose another path with -o")


@contextmanager
def _replace_atomically(path: Path, sidecar: Path) -> Iterator[tuple[Path, Path]]:
    """Yield temporary paths for an exported model and its sidecar, the JSON file that describes the model.

    When the block ends without an error, the new files replace `path` and `sidecar`. After an error, the temporary
    files are deleted and an old export stays.

    Raises:
        RunError: a file cannot be written.
    """
    try:
        temporary_directory = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        new, old = temporary_directory / "new", temporary_directory / "old"
        try:
            new.mkdir()
            yield new / path.name, new / sidecar.name
            if path.is_dir() and not path.is_symlink():
                path.rename(old)
            (new / path.name).replace(path)
            (new / sidecar.name).replace(sidecar)
        except BaseException:
            if old.exists() and not path.exists():
                old.rename(path)
            raise
        finally:
            shutil.rmtree(temporary_directory, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def _iter_check_lines(export_check: "ExportCheck") -> Iterator[str]:
    """Yield lines that report how closely the outputs of an exported model match those of the saved model."""
    same = "" if export_check.output <= 1 else f" in outputs up to {export_check.output:.3g}"
    if export_check.same_class is not None:
        all_same = export_check.same_class == export_check.examples
        same += f", the same class for {'all' if all_same else f'{export_check.same_class:,}'} examples"
    yield f"  checked  in {export_check.runtime} on {export_check.source}:"
    yield f"           largest difference {export_check.difference:.1e}{same}"
    if export_check.in_16_bits is not None:
        yield (
            f"           it computes in 32 bits, and the run in 16; they differ by up to {export_check.in_16_bits:.1e}"
        )


def _format_export_size(path: Path) -> str:
    """Return the size of an exported file or directory as text, in kB or MB."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    return f"{size / 1e3:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"
