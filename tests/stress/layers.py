"""Check every layer in a small network: engine, resumption and exports.

For each layer, a network with the example of its class is trained. The columns of the printed table are:

engine   the chunked engine and plain fit end with the same bits of weights, without XLA
XLA      the same with XLA, for layers that the execution plan compiles with XLA on a CPU
resume   a training that was interrupted in its second epoch ends with the same bits
keras, savedmodel, onnx, litert   largest difference between outputs of the exported model and of the run

The exit code is 1 if a result is not the one that the class of the layer declares in engine_difference and
export_obstacles. A layer takes about 5 seconds.
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
from dnn_cli.export.export_formats import EXPORT_FORMATS
from dnn_cli.host.output_redirect import redirect_output
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.layer_checks import build_layer_experiment, compare_engines, train_and_resume, try_export

PAGE = PAGES_DIRECTORY / "layer_checks.md"
COLUMNS = ("engine", "XLA", "resume", *EXPORT_FORMATS)
WIDTH = 11

HEADER = """# Checks of layers

Measured bits and exports of every layer.

`python -m tests.stress layers --write` trains a small network with each layer, and writes this page. The tables were
measured with Keras {keras} and TensorFlow {tensorflow} on a CPU.

| column | meaning |
|---|---|
| engine | `dnn`'s engine and plain `fit` end with the same bits of weights, without XLA |
| XLA | the same with XLA; `–` for layers that are trained without XLA on a CPU |
| resume | a training that was interrupted and resumed ends with the same bits |
| keras, savedmodel, onnx, litert | largest difference between outputs of the exported model and of the run |

Layers that only act in training, such as augmentation, are not part of exported models. [Layers](layers.md) has the
arguments of each layer.
"""


@dataclass(frozen=True)
class Cell:
    """Result of one check: its text for the table, and whether the class of the layer declares this result."""

    text: str
    is_expected: bool


def check_equal(difference: str, reason: str) -> Cell:
    """Return the cell for a comparison of bits, in which the class declares the reason of a difference, or ''."""
    if not difference:
        return Cell("equal", not reason)
    return Cell(f"differs: {reason}" if reason else difference, bool(reason))


def check_layer(cls: type[BaseLayer], directory: Path) -> dict[str, Cell]:
    """Train, resume and export a network with the example of a layer, and return the cell of each column."""
    layer = cls(**cls.example)
    experiment = build_layer_experiment([layer], cls.example_shape, directory)
    run, resume_difference = train_and_resume(experiment, directory)
    cells = {"engine": check_equal(compare_engines(experiment, run), cls.engine_difference)}
    if cls.xla_support == "fast" and not layer.has_other_bits_with_xla(cls.example_shape):
        compiled = build_layer_experiment([layer], cls.example_shape, directory, jit=True)
        cells["XLA"] = check_equal(compare_engines(compiled), cls.engine_difference)
    else:
        cells["XLA"] = Cell("–", True)
    cells["resume"] = check_equal(resume_difference, "")
    for name, export_format in EXPORT_FORMATS.items():
        result = try_export(run, export_format, directory)
        if result.difference is not None:
            cells[name] = Cell(f"{result.difference:.0e}" if result.difference else "0", True)
        elif result.is_refused:
            cells[name] = Cell(f"refused: {layer.get_export_obstacle(name) or result.error}", True)
        else:
            cells[name] = Cell(f"fails: {result.error}", False)
        # A declared obstacle must exist: the exported model is tried without the refusal.
        if result.is_refused and cls.export_obstacles.get(name):
            tried = try_export(run, export_format, directory, check_obstacles=False)
            cells[name] = Cell(cells[name].text, tried.difference is None)
    return cells


def select_layers(name: str, family: str) -> list[type[BaseLayer]]:
    """Return the layers of the installed Keras whose type contains a text, of one family or of all families."""
    return [
        cls
        for key, cls in LAYERS_BY_TYPE.items()
        if name.lower() in key.lower() and family in ("", cls.family) and is_in_keras(cls)
    ]


def build_page(rows: dict[str, dict[str, Cell]]) -> str:
    """Return the page with the results of all layers, a table for each family."""
    blocks = [HEADER.format(keras=keras.__version__, tensorflow=tf.__version__)]
    for family in get_args(Family):
        names = [name for name in rows if LAYERS_BY_TYPE[name].family == family]
        if not names:
            continue
        cells = [(f"`{name}`", *(rows[name][column].text for column in COLUMNS)) for name in names]
        table = build_markdown_table(("layer", *COLUMNS), cells)
        blocks.append(f"## {family.capitalize()}\n\n{table}")
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
    print(f"{'layer':28}" + "".join(f"{column:{WIDTH}}" for column in COLUMNS), file=screen, flush=True)
    for cls in select_layers(options.name, options.family):
        started, name = time.perf_counter(), cls.model_fields["type"].default
        with tempfile.TemporaryDirectory() as directory, redirect_output():
            try:
                cells = check_layer(cls, Path(directory))
            except Exception as error:  # one broken layer must not hide the results of the others
                cells = dict.fromkeys(COLUMNS, Cell(f"fails: {type(error).__name__}: {error}".splitlines()[0], False))
        rows[name] = cells
        failed += [f"{name} {column}: {cell.text}" for column, cell in cells.items() if not cell.is_expected]
        texts = (f"{cells[column].text.partition(':')[0]:{WIDTH}}" for column in COLUMNS)
        print(f"{name:28}{''.join(texts)}{time.perf_counter() - started:4.0f} s", file=screen, flush=True)
    print(f"{len(rows)} layers, {len(failed)} unexpected results", *failed, sep="\n", file=screen, flush=True)
    if options.write:
        PAGE.write_text(build_page(rows), encoding="utf-8")
    return int(bool(failed) or not rows)
