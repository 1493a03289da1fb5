"""Check every layer in a small network: engine, resumption and exports.

For each layer, a network with the example of its class is trained. The columns of the printed table are:

engine   the chunked engine and plain fit, with the same validation, end with the same bits of weights, without XLA
XLA      the same with XLA, for layers that the execution plan compiles with XLA on a CPU
resume   a training that was interrupted in its second epoch ends with the same bits
keras, savedmodel, onnx, litert   largest difference between outputs of the exported model and of the run, or refused

The exit code is 1 if bits differ, or if a format refuses a layer that it could hold, or fails. Refusals are declared in
export_obstacles of the class. A layer takes about 5 seconds.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import keras
import tensorflow as tf

from dnn_cli.cli.documentation import PAGES_DIRECTORY
from dnn_cli.cli.markdown_table import build_markdown_table
from dnn_cli.config.layer_base import BaseLayer, Family
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.export.export_formats import EXPORT_FORMATS, ExportFormat
from dnn_cli.host.output_redirect import redirect_output
from dnn_cli.runs.run import Run
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.layer_checks import build_layer_experiment, compare_engines, train_and_resume, try_export

PAGE = PAGES_DIRECTORY / "layer_checks.md"
COLUMNS = ("engine", "XLA", "resume", *EXPORT_FORMATS)
WIDTH = 11

HEADER = """# Checks of layers

Measured bits and exports of every layer.

`python -m tests.stress layers --write` trains a small network with each layer, and writes this page. The tables were
measured with Keras {keras} and TensorFlow {tensorflow} on a CPU.

The {count} layers of a config are all here. The other {left_out} layers of Keras are left out:
[Layers](layers.md#layers-that-are-left-out) has the reasons.

| column | meaning |
|---|---|
| engine | `dnn`'s engine and plain `fit`, with the same validation, end with the same bits of weights, without XLA |
| XLA | the same with XLA; `–` for layers that are trained without XLA on a CPU |
| resume | a training that was interrupted and resumed ends with the same bits |
| keras, savedmodel, onnx, litert | largest difference between outputs of the exported model and of the run; `refused` \
with the reason below the table |

Layers that only act in training, such as augmentation, are not part of exported models. [Layers](layers.md) has the
arguments of each layer.
"""


@dataclass(frozen=True)
class Cell:
    """Result of one check: a short text for the table, whether the class declares this result, and the reason."""

    text: str
    is_expected: bool
    reason: str = ""


def check_equal(difference: str) -> Cell:
    """Return the cell for a comparison of bits."""
    return Cell("differs", False, difference) if difference else Cell("equal", True)


def check_export(run: Run, layer: BaseLayer, export_format: ExportFormat, directory: Path) -> Cell:
    """Export a run in a format, and return the cell of the format.

    A declared obstacle must exist: a model that is refused is also written without the refusal.
    """
    result = try_export(run, export_format, directory)
    if result.difference is not None:
        return Cell(f"{result.difference:.0e}" if result.difference else "0", True)
    if not result.is_refused:
        return Cell("fails", False, result.error)
    obstacle = find_obstacle(layer, export_format.name)
    tried = try_export(run, export_format, directory, check_obstacles=False)
    if tried.difference is not None:
        return Cell("refused", False, f"needs no refusal: {obstacle}")
    return Cell("refused", True, obstacle)


def find_obstacle(layer: BaseLayer, format_name: str) -> str:
    """Return why a format cannot hold a layer; for the layers within the layer, with their types."""
    for part in layer.iter_layers():
        if reason := part.get_export_obstacle(format_name):
            return reason if part is layer else f"{part.type}: {reason}"
    return ""


def check_layer(cls: type[BaseLayer], directory: Path) -> dict[str, Cell]:
    """Train, resume and export a network with the example of a layer, and return the cell of each column."""
    layer = cls(**cls.example)
    experiment = build_layer_experiment([layer], cls.example_shape, directory)
    run, resume_difference = train_and_resume(experiment, directory)
    cells = {"engine": check_equal(compare_engines(experiment, run))}
    is_compiled = all(part.get_xla_support() == "fast" for part in layer.iter_layers())
    if is_compiled and not layer.has_other_bits_with_xla(cls.example_shape):
        compiled = build_layer_experiment([layer], cls.example_shape, directory, jit=True)
        cells["XLA"] = check_equal(compare_engines(compiled))
    else:
        cells["XLA"] = Cell("–", True)
    cells["resume"] = check_equal(resume_difference)
    for name, export_format in EXPORT_FORMATS.items():
        cells[name] = check_export(run, layer, export_format, directory)
    return cells


def select_layers(name: str, family: str) -> list[type[BaseLayer]]:
    """Return the layers of the installed Keras whose type contains a text, of one family or of all families."""
    return [
        cls
        for key, cls in LAYERS_BY_TYPE.items()
        if name.lower() in key.lower() and family in ("", cls.family) and is_in_keras(cls)
    ]


def list_notes(rows: dict[str, dict[str, Cell]]) -> list[str]:
    """Return a line for each column and reason, with the layers that have the reason."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, cells in rows.items():
        for column, cell in cells.items():
            if cell.reason:
                names.setdefault((f"{column} {cell.text}", cell.reason), []).append(f"`{name}`")
    return [f"- {topic}: {reason} ({', '.join(layers)})" for (topic, reason), layers in names.items()]


def build_page(rows: dict[str, dict[str, Cell]]) -> str:
    """Return the page with the results of all layers: a table for each family, and the reasons below the table."""
    counts = {"count": len(rows), "left_out": len(LEFT_OUT_LAYERS)}
    blocks = [HEADER.format(keras=keras.__version__, tensorflow=tf.__version__, **counts)]
    for family in get_args(Family):
        family_rows = {name: cells for name, cells in rows.items() if LAYERS_BY_TYPE[name].family == family}
        if not family_rows:
            continue
        texts = [(f"`{name}`", *(cells[column].text for column in COLUMNS)) for name, cells in family_rows.items()]
        table = build_markdown_table(("layer", *COLUMNS), texts)
        notes = "".join(f"{line}\n" for line in list_notes(family_rows))
        blocks.append(f"## {family.capitalize()}\n\n{table}" + (f"\n{notes}" if notes else ""))
    return "\n".join(blocks)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", help="check only layers whose type contains this text")
    parser.add_argument("--family", default="", choices=get_args(Family), help="check only layers of this family")
    parser.add_argument("--write", action="store_true", help=f"write the results of all layers to {PAGE.name}")


def run(options: argparse.Namespace) -> int:
    """Check the layers, print one line for each, and list unexpected results."""
    if options.write and (options.name or options.family):
        print("--write needs the results of all layers: leave out the name and --family")
        return 2
    screen = os.fdopen(os.dup(1), "w")
    rows: dict[str, dict[str, Cell]] = {}
    failed: list[str] = []
    print(f"{'layer':45}" + "".join(f"{column:{WIDTH}}" for column in COLUMNS), file=screen, flush=True)
    for cls in select_layers(options.name, options.family):
        started, name = time.perf_counter(), cls.model_fields["type"].default
        with tempfile.TemporaryDirectory() as directory, redirect_output():
            try:
                cells = check_layer(cls, Path(directory))
            except Exception as error:  # one broken layer must not hide the results of the others
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                cells = dict.fromkeys(COLUMNS, Cell("fails", False, reason))
        rows[name] = cells
        failed += [
            f"{name} {column}: {cell.text} {cell.reason}" for column, cell in cells.items() if not cell.is_expected
        ]
        texts = (f"{cells[column].text:{WIDTH}}" for column in COLUMNS)
        print(f"{name:45}{''.join(texts)}{time.perf_counter() - started:4.0f} s", file=screen, flush=True)
    print(f"{len(rows)} layers, {len(failed)} unexpected results", *failed, sep="\n", file=screen, flush=True)
    if options.write:
        PAGE.write_text(build_page(rows), encoding="utf-8")
    return int(bool(failed) or not rows)
