"""Export arguments of layers, activations and tasks in every format, and compare the outputs.

The runtime of each format computes the outputs, with and without scaling. All cases take about ten
minutes. Failures are listed at the end, and the exit code is then 1.
"""

import argparse
import os
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import dnn_cli
from dnn_cli.config.activations import ActivationName
from dnn_cli.data.run_context import load_run_context
from dnn_cli.errors import DnnError
from dnn_cli.export.export import export_model
from dnn_cli.export.export_formats import EXPORT_FORMATS, ExportFormat
from dnn_cli.host.output_redirect import redirect_output
from dnn_cli.runs.run import Run

SOFTMAX = "{type: Dense, units: 10, activation: softmax}"

CITIES = ("서울", "New York, NY", "[UNK]", "missing", "other", "a=b")
COLUMNS = (
    '"도시 = city": category, "size (m²)": number, size_m: {type: number, missing: mean}, Size_M: boolean, '
    'when: {type: date, format: "%d %b %Y %I:%M %p"}, day: date'
)
"""Types of columns whose names are not names of tensors."""


def build_table() -> str:
    """Build a table with every type of column, gaps, and rare categories."""
    lines = ["도시 = city,size (m²),size_m,Size_M,when,day,price,sold"]
    for at in range(240):
        city = f'"{CITIES[at * at % 11 % 6]}"' if at % 23 else "?"
        moment = datetime(2023, 1, 1, at % 24, at % 60) + timedelta(days=at * 7 % 400)
        when = moment.strftime("%d %b %Y %I:%M %p") if at % 19 else ""
        size = "" if at % 13 == 5 else f"{20 + at * 37 % 100}.5"
        cells = [city, size, f"{at % 9}", ("yes", "no", "")[at % 3], when, moment.date().isoformat()]
        lines.append(",".join([*cells, f"{at * 31 % 500}", ("no", "yes")[at * 7 % 2]]))
    return "\n".join([*lines, ""])


def build_image_config(*layers: str) -> str:
    """Build a config that reads digits as images and ends in ten classes."""
    return build_config("{type: Reshape, target_shape: [8, 8, 1]}", *layers, "Flatten", SOFTMAX)


def build_config(*layers: str, data: str = "dataset: digits", more: str = "") -> str:
    """Build a config with these layers."""
    lines = "".join(f"    - {layer}\n" for layer in layers)
    return f"name: case\ndata: {{{data}}}\nmodel:\n  layers:\n{lines}{more}"


LAYERS = {
    "Conv2D same, strides 2": "{type: Conv2D, filters: 4, kernel_size: 3, strides: 2, padding: same}",
    "Conv2D dilated": "{type: Conv2D, filters: 4, kernel_size: 3, dilation_rate: 2}",
    "MaxPooling2D same": "{type: MaxPooling2D, pool_size: 3, padding: same}",
    "AveragePooling2D same": "{type: AveragePooling2D, pool_size: 3, padding: same}",
    "GlobalAveragePooling2D keepdims": "{type: GlobalAveragePooling2D, keepdims: true}",
    "BatchNormalization axis 1": "{type: BatchNormalization, axis: 1}",
    "LayerNormalization axes": "{type: LayerNormalization, axis: [1, 2]}",
    "Rescaling": "{type: Rescaling, scale: 2.0, offset: -1.0}",
}
"""One layer each, on (8, 8, 1), with other arguments than the examples that `layers` exports."""

CASES = {
    **{name: build_image_config(layer) for name, layer in LAYERS.items()},
    "Conv2D in groups": build_image_config(
        "{type: Conv2D, filters: 4, kernel_size: 1}", "{type: Conv2D, filters: 4, kernel_size: 3, groups: 2}"
    ),
    "Dense on images": build_image_config("{type: Dense, units: 3}"),
    "GlobalAveragePooling2D": build_config(
        "{type: Reshape, target_shape: [8, 8, 1]}",
        "{type: Conv2D, filters: 10, kernel_size: 3}",
        "GlobalAveragePooling2D",
        "{type: Activation, activation: softmax}",
    ),
    "RandomFlip before BatchNormalization": build_image_config(
        "RandomFlip", "BatchNormalization", "{type: Conv2D, filters: 4, kernel_size: 3}"
    ),
    **{
        f"activation {name}": build_config("Flatten", f"{{type: Dense, units: 16, activation: {name}}}", SOFTMAX)
        for name in get_args(ActivationName)
        if name != "glu"
    },
    "activation glu": build_config(
        "Flatten",
        "{type: Dense, units: 20, activation: glu}",
        more="loss: {type: sparse_categorical_crossentropy, from_logits: true}\n",
    ),
    "logits": build_config(
        "Flatten", "{type: Dense, units: 10}", more="loss: {type: sparse_categorical_crossentropy, from_logits: true}\n"
    ),
    "standardized images": build_config("Flatten", SOFTMAX, data="dataset: digits, standardize: true"),
    "standardized, three axes": build_config("Flatten", SOFTMAX, data="dataset: digits, standardize: true").replace(
        "    - Flatten\n", "    - {type: Reshape, target_shape: [4, 4, 4]}\n    - Flatten\n"
    ),
    "flattened": build_config("{type: Dense, units: 8}", SOFTMAX, data="dataset: digits, flatten: true"),
    "sigmoid unit": build_config(
        "{type: Dense, units: 1, activation: sigmoid}",
        data="dataset: breast_cancer",
        more="loss: binary_crossentropy\n",
    ),
    "standardized table": build_config(
        "{type: Dense, units: 1, activation: sigmoid}",
        data="dataset: breast_cancer, standardize: true",
        more="loss: binary_crossentropy\n",
    ),
    "regression": build_config(
        "{type: Dense, units: 8, activation: relu}",
        "{type: Dense, units: 1}",
        "{type: Rescaling, scale: 77.0, offset: 150.0}",
        data="dataset: diabetes",
        more="loss: mse\nmetrics: [mae]\n",
    ),
    "names in Korean": build_config(
        "{type: Flatten, name: 펼치기}",
        "{type: Dense, units: 8, name: 은닉층}",
        "{type: Dense, units: 10, activation: softmax, name: 출력층}",
    ).replace("model:\n", "model:\n  name: 패션 모델\n"),
    "names that are taken": build_config(
        "{type: Flatten, name: inputs}", "{type: Dense, units: 8, name: scaling}", SOFTMAX
    ),
    "typed table": build_config(
        "{type: Dense, units: 8, activation: relu}",
        "{type: Dense, units: 1, activation: sigmoid}",
        data=f"dataset: csv, path: table.csv, target: sold, ignore: [price], columns: {{{COLUMNS}}}",
        more="loss: binary_crossentropy\n",
    ),
    "typed table, regression": build_config(
        "{type: Dense, units: 8, activation: relu}",
        "{type: Dense, units: 1}",
        data=f"dataset: csv, path: table.csv, target: price, ignore: [sold], columns: {{{COLUMNS}}}",
        more="loss: mse\nmetrics: [mae]\n",
    ),
    "16 bits": build_config("Flatten", "{type: Dense, units: 8}", SOFTMAX, more="mixed_precision: true\n"),
    "engine keras": build_config("Flatten", SOFTMAX, more="engine: keras\n"),
}


def compare_export(run: Run, export_format: ExportFormat, directory: Path, *, scaling: bool) -> str:
    """Export a run and return the largest difference of the outputs, or the error."""
    try:
        path = directory / f"{export_format.name}{scaling}{export_format.suffix}"
        record = run.read_record()
        checked = export_model(run.model, record, load_run_context(run, record), export_format, path, scaling=scaling)
    except DnnError as error:
        return f"FAILS: {error.message}"
    rows = "" if checked.rows_difference is None else f", cells {checked.rows_difference:.1e}"
    return f"{checked.difference:.1e}{rows}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", help="part of the names of the cases to try (default: all)")


def run(options: argparse.Namespace) -> int:
    """Train and export the cases, print one line for each, and list the failures."""
    failed: list[str] = []
    screen = os.fdopen(os.dup(1), "w")
    for name, text in CASES.items():
        if options.name not in name:
            continue
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as directory, redirect_output():
            config = Path(directory) / "case.yaml"
            config.write_text(text, encoding="utf-8")
            (config.parent / "table.csv").write_text(build_table(), encoding="utf-8")
            # The compilation of each network by XLA would take longer than its exports.
            trained = dnn_cli.load(str(config), "jit=false", "diagnostics=false").train(directory)
            run, results = Run(trained.directory), {}
            for export_format in EXPORT_FORMATS.values():
                for scaling in (True, False):
                    results[f"{export_format.name}{'' if scaling else ' unscaled'}"] = compare_export(
                        run, export_format, Path(directory), scaling=scaling
                    )
        failed += [
            f"{name}: {export_format}: {result}"
            for export_format, result in results.items()
            if result.startswith("FAILS")
        ]
        text_line = "  ".join(f"{export_format} {result}" for export_format, result in results.items())
        print(f"{name} ({time.perf_counter() - started:.0f} s): {text_line}", file=screen, flush=True)
    print(f"{len(failed)} failed", *failed, sep="\n", file=screen)
    return int(bool(failed))
