"""`dnn export`: a trained network for Keras, TensorFlow, ONNX or LiteRT, checked in that runtime."""

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
from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import print_json, results
from dnn_cli.cli.trained_run import Best, find_model
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.training.export import Checked


class Format(str, Enum):
    """What a network can be exported to."""

    keras = "keras"
    savedmodel = "savedmodel"
    onnx = "onnx"
    litert = "litert"


ENDINGS = {Format.keras: ".keras", Format.savedmodel: "_savedmodel", Format.onnx: ".onnx", Format.litert: ".tflite"}
"""Of the names of what is written; the first and the last two must be there."""

NEEDED = {Format.onnx: ("onnx", "tf2onnx", "onnxruntime"), Format.litert: ("ai_edge_litert",)}
"""Modules that come with an extra of the format's name."""


def export(
    address: Annotated[str, typer.Argument(metavar="RUN", help="A completed run.")],
    form: Annotated[Format, typer.Option("--format", help="What to write.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="Where; by default the name of the run, here.")
    ] = None,
    without_scaling: Annotated[
        bool, typer.Option("--without-scaling", help="Take inputs that are scaled already.")
    ] = False,
    best: Best = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Export a trained network, and compare its predictions with the run's.

    Unless it is told otherwise, the network scales its inputs itself: it takes pixels and numbers as the data has them.
    """
    from dnn_cli.cli.progress import open_screen
    from dnn_cli.spec.names import slug

    check_installed(form)
    run, record, model = find_model(address, runs_dir, best=best)
    path = output or Path(slug(record.name) + ENDINGS[form])
    sidecar = path.parent / f"{path.name}.json"
    check_place(path, sidecar, form, force=force)
    with open_screen() as screen, appearing(path, sidecar) as (hidden, hidden_sidecar):
        from dnn_cli.data.known import known_of
        from dnn_cli.report.exported import input_text, interface, output_text
        from dnn_cli.training.noise import divert_output
        from dnn_cli.training.start import starting_tensorflow

        with screen.progress(1, 1) as progress, divert_output(), starting_tensorflow() as wait:
            progress("starting TensorFlow")
            known = known_of(run, record, progress)
            wait()
            from dnn_cli.training.export import export as work

            checked = work(model.path, record, known, form.value, hidden, scaling=not without_scaling, watch=progress)
        faces = interface(known.experiment, known.inputs, scaling=not without_scaling)
        document = {
            "run": record.id, "name": record.name, "format": form.value, "model": model.document(), **faces,
            "checked": asdict(checked),
            "versions": {**record.versions, "dnn": dnn_cli.__version__},
        }  # fmt: skip
        text = json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2, allow_nan=False)
        hidden_sidecar.write_text(text + "\n", encoding="utf-8")
    if as_json:
        print_json({**document, "path": os.fspath(path), "sidecar": os.fspath(sidecar)})
        return
    out = results()
    for line in (
        f"{path}  {size_text(path)}, {record.name} {record.id} as {form.value}",
        f"  input    {input_text(known.experiment, known.inputs, scaling=not without_scaling)}",
        f"  output   {output_text(known.experiment)}",
        f"  weights  {model.file}: {model.text()}",
        *check_lines(checked),
        f"  details  {sidecar}",
    ):
        out.print(visible(line))


def check_installed(form: Format) -> None:
    """Refuse a format whose packages are not there, before anything takes time.

    Raises:
        UsageError: so it is; names the extra.
    """
    missing = [module for module in NEEDED.get(form, ()) if find_spec(module) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"{form.value} needs {', '.join(missing)}, which {are} not installed", f"pip install -e '.[{form.value}]'"
        )


def check_place(path: Path, sidecar: Path, form: Format, *, force: bool) -> None:
    """Refuse a place that is taken, or where nothing can be written, before anything takes time.

    Raises:
        UsageError: it is one.
    """
    ending = ENDINGS[form]
    if not path.name:
        raise UsageError(f"-o {path} names no file", f"-o network{ending}")
    if form is not Format.savedmodel and path.suffix != ending:
        raise UsageError(
            f"{path} does not end in {ending}, by which {form.value} is known", f"-o {path.with_suffix(ending)}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent}", "make it, or name another with -o")
    for taken in (path, sidecar):
        if not os.path.lexists(taken):
            continue
        if not force:
            raise UsageError(f"{taken} is there already", "--force replaces it, -o PATH writes elsewhere")
        is_directory = taken.is_dir() and not taken.is_symlink()
        ours = taken is path and form is Format.savedmodel and (taken / "saved_model.pb").is_file()
        if is_directory != ours and (is_directory or (taken is path and form is Format.savedmodel)):
            raise UsageError(f"{taken} is not an export, and is not replaced", "-o PATH writes elsewhere")


@contextmanager
def appearing(path: Path, sidecar: Path) -> Iterator[tuple[Path, Path]]:
    """Two places to write to, which become `path` and `sidecar` once the block ends well; else nothing is left.

    Raises:
        RunError: the directory cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        new, old = folder / "new", folder / "old"
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
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def check_lines(checked: "Checked") -> Iterator[str]:
    """How the export was checked."""
    same = "" if checked.output <= 1 else f" in outputs up to {checked.output:.3g}"
    if checked.same_class is not None:
        all_same = checked.same_class == checked.examples
        same += ", the same class for all" if all_same else f", the same class for {checked.same_class:,}"
    yield f"  checked  in {checked.runtime} on {checked.source}:"
    yield f"           largest difference {checked.difference:.1e}{same}"
    if checked.in_16_bits is not None:
        yield f"           it computes in 32 bits; the run did in 16, and differs by up to {checked.in_16_bits:.1e}"


def size_text(path: Path) -> str:
    """How much was written."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    return f"{size / 1e3:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"
