"""Take typed tables from a file to an export, and compare scores with scikit-learn and Keras.

Each table goes through `dnn new`, `train --folds`, `compare`, `predict` of a raw row and `export`, as a user types
them. A pipeline of scikit-learn and plain Keras is trained on the same folds. Its scores must be equal within noise:
the interval of the mean difference over folds, by the corrected t-test, must contain 0. One process; about 4 minutes.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from dnn_cli.compare.t_tests import run_paired_t_test
from tests.helpers.example_tables import EXAMPLE_TABLES, ExampleTable

FOLDS, UNITS, BATCH_SIZE = 5, 100, 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("tables", nargs="*", default=list(EXAMPLE_TABLES), help="names of tables (default: all)")
    parser.add_argument("--epochs", type=int, default=30, help="epochs of each training (default: 30)")


def run(options: argparse.Namespace) -> int:
    """Try each table, print the scores, and return 1 if a command fails or a score differs."""
    start, failures = time.monotonic(), 0
    print(f"{'table':<12}{'inputs':>7}{'dnn':>10}{'pipeline':>10}   95% interval of the difference")
    for name in options.tables:
        with tempfile.TemporaryDirectory() as directory:
            failures += _try_table(name, EXAMPLE_TABLES[name], Path(directory), options.epochs)
    print(f"{len(options.tables)} tables in {time.monotonic() - start:.0f} s, {failures} failures")
    return int(failures > 0)


def _try_table(name: str, table: ExampleTable, directory: Path, epochs: int) -> int:
    """Take a table through all commands, and return the number of failures."""
    path = table.write(directory / f"{name}.csv")
    config = directory / f"{name}.yaml"
    _run_dnn(directory, "new", str(config), "--data", str(path), "--target", table.target, "--hidden", str(UNITS))
    overrides = (f"epochs={epochs}", "data.test_size=0", "data.stratify=false", "diagnostics=false")
    _run_dnn(directory, "train", str(config), "--folds", str(FOLDS), *overrides)
    comparison = json.loads(_run_dnn(directory, "compare", "--json"))
    (group,) = comparison["groups"]
    ours = [fold["mean"] for fold in sorted(group["folds"], key=lambda fold: fold["fold"])]
    _predict_raw_row(directory, path, table)
    _run_dnn(directory, "export", "@1", "--format", "savedmodel", "-o", str(directory / "saved"))
    theirs = _score_pipeline(config, path, table, epochs, overrides)
    difference = np.subtract(ours, theirs)
    # Nadeau and Bengio (2003): the folds share training examples.
    _, intervals = run_paired_t_test(difference[None], 1e-12, overlap=1 / (FOLDS - 1))
    interval = intervals[0]
    is_equal = interval[0] <= 0 <= interval[1]
    print(
        f"{name:<12}{_count_inputs(config):>7}{np.mean(ours):>10.4g}{np.mean(theirs):>10.4g}"
        f"   {interval[0]:.4g} to {interval[1]:.4g}{'' if is_equal else '  DIFFERENT'}",
        flush=True,
    )
    return int(not is_equal)


def _run_dnn(directory: Path, *arguments: str) -> str:
    """Run a command of `dnn` in a directory, and return its output.

    Raises:
        RuntimeError: the command fails.
    """
    environment = {**os.environ, "DNN_RUNS_DIR": str(directory / "runs")}
    done = subprocess.run(
        [sys.executable, "-m", "dnn_cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"dnn {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def _predict_raw_row(directory: Path, path: Path, table: ExampleTable) -> None:
    """Predict a row as it is in the file, without its target and with an empty cell."""
    with path.open(encoding="utf-8") as file:
        (header, row, *_) = csv.reader(file, delimiter=table.delimiter)
    cells = {name: cell for name, cell in zip(header, row, strict=True) if name.strip() != table.target}
    if table.delimiter == ",":
        cells[next(name for name in cells if name.strip() in ("Age", "temp", "bmi", "LotArea", "tenure", "age"))] = ""
    raw = directory / "row.csv"
    with raw.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(cells), list(cells.values())])
    document = json.loads(_run_dnn(directory, "predict", "@1", str(raw), "--json"))
    assert len(document["predictions"]) == 1


def _count_inputs(config: Path) -> int:
    """Return the number of inputs of a config's network."""
    from dnn_cli.config.loading import load_experiment

    return load_experiment(str(config)).experiment.data.input_shape[0]


def _score_pipeline(
    config: Path, path: Path, table: ExampleTable, epochs: int, overrides: tuple[str, ...]
) -> list[float]:
    """Train a pipeline of scikit-learn with plain Keras on each fold, and return its validation scores."""
    import keras
    from sklearn.model_selection import KFold

    from dnn_cli.config.loading import load_experiment

    data = load_experiment(str(config), overrides).experiment.data
    rows, targets = _read_columns(path, table, data)
    scores = []
    for train, validation in KFold(FOLDS, shuffle=True, random_state=data.split_seed).split(rows):
        keras.utils.set_random_seed(42)
        transformer = _build_transformer(data)
        inputs = transformer.fit_transform(rows[train]).astype(np.float32)
        scale = (targets[train].mean(), targets[train].std()) if table.is_regression else (0.0, 1.0)
        outputs = 1 if table.is_regression or data.info.classes == () else len(data.info.classes)
        activation = None if table.is_regression else "sigmoid" if outputs == 2 else "softmax"
        loss = {None: "mse", "sigmoid": "binary_crossentropy", "softmax": "sparse_categorical_crossentropy"}[activation]
        model = keras.Sequential(
            [
                keras.layers.Dense(UNITS, activation="relu"),
                keras.layers.Dense(1 if outputs == 2 else outputs, activation=activation),
            ]
        )
        model.compile("adam", loss)
        model.fit(inputs, (targets[train] - scale[0]) / scale[1], batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
        predicted = model.predict(transformer.transform(rows[validation]).astype(np.float32), verbose=0)
        if table.is_regression:
            scores.append(float(np.abs(predicted[:, 0] * scale[1] + scale[0] - targets[validation]).mean()))
        else:
            classes = predicted[:, 0] > 0.5 if outputs == 2 else predicted.argmax(1)
            scores.append(float((classes == targets[validation]).mean()))
    return scores


def _read_columns(path: Path, table: ExampleTable, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Read the input columns as objects, with `None` or NaN for missing cells, and the targets as numbers."""
    with path.open(encoding="utf-8") as file:
        header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file, delimiter=table.delimiter)]
    columns = []
    for name, column_type in _list_types(data):
        cells = [row[header.index(name)] for row in rows]
        is_missing = [cell in ("", "?", "NA") for cell in cells]
        if column_type == "date":
            moments = [datetime.fromisoformat(cell) for cell in cells]
            columns += [[moment.year for moment in moments], [moment.month for moment in moments]]
            columns += [[moment.weekday() for moment in moments], [moment.timestamp() / 86_400 for moment in moments]]
            columns.append([moment.hour for moment in moments])
        elif column_type == "number":
            columns.append([np.nan if gap else float(cell) for cell, gap in zip(cells, is_missing, strict=True)])
        else:
            columns.append(["missing" if gap else cell for cell, gap in zip(cells, is_missing, strict=True)])
    texts = [row[header.index(table.target)] for row in rows]
    numbers = [float(text) if table.is_regression else data.info.classes.index(text) for text in texts]
    return np.array(columns, object).T, np.array(numbers)


def _list_types(data: Any) -> list[tuple[str, str]]:
    """List the names and types of the input columns."""
    if data.columns is None:
        return [(name, "number") for name in data.info.features]
    return [(column.name, column.type) for column in data.info.columns]


def _build_transformer(data: Any) -> Any:
    """Build the usual transformer of scikit-learn for the columns of a table."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, texts, position = [], [], 0
    for _, column_type in _list_types(data):
        width = 5 if column_type == "date" else 1
        (numbers if column_type in ("number", "date") else texts).extend(range(position, position + width))
        position += width
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, drop=None, sparse_output=False)
    scaler = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return ColumnTransformer([("numbers", scaler, numbers), ("texts", encoder, texts)])
