"""Random data files whose content is known, and an independent check for values that are lost in silence.

The writer of a file keeps the values that it has written. The check compares them with the examples that `dnn` reads:
each row, column, array and image is read with its values, or a remark names it, or the file is refused.
"""

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from dnn_cli.config.data import Data
from dnn_cli.data.data_remarks import list_data_remarks
from dnn_cli.data.examples import Examples, load_examples
from dnn_cli.errors import DnnError
from tests.helpers.mutated_bytes import mutate_bytes
from tests.helpers.typed_table_checks import try_typed_table

_WORD_PAIRS = [("True", "False"), ("TRUE", "FALSE"), ("true", "false"), ("yes", "no"), ("t", "f")]
_TYPED_SHARE = 0.2
_MUTATED_SHARE = 0.3
"""Share of files in which random bytes are changed. Their content is unknown: they must only give no traceback."""


@dataclass(frozen=True)
class DataFile:
    """A written file or directory, the keys of `data` for it, and the check of the examples that `dnn` reads."""

    keys: dict[str, Any]
    find_loss: Callable[[Data, Examples, str], str]
    """Function that takes the data, its examples and all remarks as one text, and returns what was lost; empty if
    nothing was lost."""

    mutable: tuple[Path, ...] = ()
    """Files in which bytes may be changed."""


def try_data_file(number: int, directory: Path) -> tuple[str, str, str]:
    """Write the data file with a number, and read it.

    Return its kind, the result (`read`, `refused` or `mutated`), and what is wrong; empty if nothing is wrong.
    """
    random = Random(number)
    if random.random() < _TYPED_SHARE:
        return ("typed", *try_typed_table(random, directory))
    kind, write = random.choices(
        [("table", _write_table), ("arrays", _write_arrays), ("images", _write_images)], [14, 5, 1]
    )[0]
    file = write(random, directory)
    is_mutated = bool(file.mutable) and random.random() < _MUTATED_SHARE
    if is_mutated:
        mutate_bytes(random, random.choice(file.mutable))
    try:
        data = Data.model_validate(file.keys)
        data = data.with_decisions()
        examples = load_examples(data)
        remarks = " | ".join(map(str, list_data_remarks(data, examples)))
    except DnnError as error:
        is_located = str(directory) in error.message
        return kind, "mutated" if is_mutated else "refused", "" if is_located else f"no path in: {error.message}"
    # Any other exception is a defect of a reader.
    except Exception as error:
        return kind, "read", f"{type(error).__name__}: {error}"
    if is_mutated:
        return kind, "mutated", ""
    return kind, "read", file.find_loss(data, examples, remarks) or _find_unstable_reading(data, examples)


def _find_unstable_reading(data: Data, examples: Examples) -> str:
    """Return how a second reading with all decisions as keys differs; empty if it does not differ."""
    again = Data.model_validate(data.model_dump())
    repeated = load_examples(again)
    if again.info.classes != data.info.classes or again.info.pixel_max != data.info.pixel_max:
        return "a second reading has other classes or another scale"
    return "" if repeated.digest == examples.digest else "a second reading has other examples"


@dataclass
class _Column:
    """A column of a table: its name, the written cells, and the numbers that they mean; `None` for words."""

    name: str
    cells: list[str]
    numbers: list[float] | None = None
    role: str = "input"
    missing: list[int] = field(default_factory=list)
    """Rows whose cell is a missing value."""


def _build_input_column(random: Random, name: str, rows: int, separator: str) -> _Column:
    """Build a column of floats, whole numbers, pixels or words for true and false."""
    kind = random.choice(["float", "integer", "pixel", "words", "amount" if separator else "float"])
    if kind == "words":
        pair = random.choice(_WORD_PAIRS)
        values = [random.randrange(2) for _ in range(rows)]
        return _Column(name, [pair[1 - value] for value in values], [float(value) for value in values])
    if kind == "amount":
        values = [random.randrange(1000, 10**6) for _ in range(rows)]
        return _Column(name, [f"{value:,}".replace(",", separator) for value in values], [float(v) for v in values])
    if kind == "float":
        cells = [f"{random.uniform(-9, 9):.3f}" for _ in range(rows)]
    else:
        cells = [str(random.randrange(256 if kind == "pixel" else 90)) for _ in range(rows)]
    return _Column(name, cells, [float(cell) for cell in cells])


def _build_target_column(random: Random, name: str, rows: int) -> _Column:
    """Build a column of classes or of measurements, in which a few targets may be missing."""
    kind = random.choice(["words", "classes", "signs", "measurements", "prices"])
    if kind == "words":
        column = _Column(name, [random.choice(["ant", "bee", "cat"]) for _ in range(rows)])
    else:
        choices: dict[str, Callable[[], str]] = {
            "classes": lambda: str(random.choice([1, 2, 5])),
            "signs": lambda: random.choice(["-1", "1"]),
            "measurements": lambda: f"{random.uniform(0, 9):.2f}",
            "prices": lambda: str(random.randrange(100, 90_000)),
        }
        cells = [choices[kind]() for _ in range(rows)]
        column = _Column(name, cells, [float(cell) for cell in cells])
    column.role = "target"
    if random.random() < 0.2:
        column.missing = random.sample(range(rows), 1 + rows // 20)
        for row in column.missing:
            column.cells[row] = random.choice(["NA", "N/A", "?", "-", "None", ""])
    return column


def _write_table(random: Random, directory: Path) -> DataFile:
    """Write a table in a random dialect."""
    rows, delimiter = random.randrange(6, 60), random.choice([",", ",", ";", "\t", "|"])
    separator = random.choice(["", "", "'"])
    names = random.sample(["a", "b b", "나이", "größe", "x,y", "Id2", "q"], random.randrange(1, 5))
    columns = [_build_input_column(random, name, rows, separator) for name in names]
    target = _build_target_column(random, "goal", rows)
    keys: dict[str, Any] = {"dataset": "csv", "target": "goal"}
    columns.insert(random.choice([0, len(columns)]), target)
    if separator:
        keys["thousands"] = separator
    if random.random() < 0.2:
        weights = [str(random.randrange(1, 9)) for _ in range(rows)]
        columns.append(_Column("importance", weights, [float(w) for w in weights], "weight"))
        keys["weight"] = "importance"
    if random.random() < 0.2:
        columns.append(_Column("notes", [random.choice(["good", "", "x y"]) for _ in range(rows)], None, "ignored"))
        keys["ignore"] = ["notes"]
    if random.random() < 0.2:
        columns.insert(0, _Column("", [str(row) for row in range(rows)], [float(row) for row in range(rows)]))
    if target.missing and random.random() < 0.7:
        keys["drop_unlabelled"] = True
    header = random.random() < 0.9
    if not header:
        keys["header"] = False
        for position, column in enumerate(columns, 1):
            column.name = str(position)
        keys |= {key: next(c.name for c in columns if c.role == key) for key in ("target", "weight") if key in keys}
        keys |= {"ignore": [c.name for c in columns if c.role == "ignored"]} if "ignore" in keys else {}
    path = directory / "table.csv"
    path.write_bytes(_encode_table(random, columns, delimiter, header=header))
    if random.random() < 0.1:
        path = directory / "table.csv.gz"
        path.write_bytes(gzip.compress((directory / "table.csv").read_bytes()))
    keys["path"] = str(path)

    def find_loss(data: Data, examples: Examples, remarks: str) -> str:
        return _find_table_loss(columns, data, examples, remarks)

    return DataFile(keys, find_loss, (path,))


def _encode_table(random: Random, columns: Sequence[_Column], delimiter: str, *, header: bool) -> bytes:
    """Return the bytes of a table with random quotes, line ends, blank lines, comments and encoding."""
    stream = io.StringIO()
    line_end = random.choice(["\n", "\n", "\r\n", "\r"])
    trailing = random.choice(["", "", "", "all", "header", "rows"])
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=line_end, quoting=random.choice([0, 0, 1]))
    if random.random() < 0.1:
        stream.write(f"sep={delimiter}{line_end}")
    if random.random() < 0.1:
        stream.write(f"# made by a machine{line_end}")
    if header:
        writer.writerow([*(column.name for column in columns), *([""] if trailing in ("all", "header") else [])])
    for row in zip(*(column.cells for column in columns), strict=True):
        writer.writerow([*row, *([""] if trailing in ("all", "rows") else [])])
        if random.random() < 0.02:
            stream.write(line_end)
    text = stream.getvalue()
    encoding = random.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp949", "cp1252"])
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode()


def _find_table_loss(columns: Sequence[_Column], data: Data, examples: Examples, remarks: str) -> str:
    """Return which row or column of a table was lost or changed; empty if none was."""
    target = next(column for column in columns if column.role == "target")
    used_rows = [row for row in range(len(target.cells)) if row not in target.missing or not data.drop_unlabelled]
    if len(examples) != len(used_rows):
        return f"{len(examples)} examples instead of {len(used_rows)}"
    if len(used_rows) < len(target.cells) and str(len(target.cells) - len(used_rows)) not in remarks:
        return f"no remark counts the dropped rows: {remarks}"
    for position, column in enumerate(columns, 1):
        if column.role == "input" and column.name in data.info.features:
            read = examples.inputs[:, data.info.features.index(column.name)]
            written = [column.numbers[row] for row in used_rows] if column.numbers else []
            if not np.array_equal(read, np.float32(written)):
                return f"column {column.name!r} has other values"
        elif column.role == "input" and (column.name or f"column {position}") not in remarks:
            return f"column {column.name!r} is left out without a remark: {remarks}"
    weight = next((column for column in columns if column.role == "weight"), None)
    if weight is not None and (
        examples.weights is None or [float(weight.cells[row]) for row in used_rows] != examples.weights.tolist()
    ):
        return "the weights have other values"
    return _find_target_loss([target.cells[row] for row in used_rows], data, examples)


def _find_target_loss(labels: Iterable[Any], data: Data, examples: Examples) -> str:
    """Return whether targets have other values than the labels that were written; empty if they are equal."""
    if data.info.classes:
        read = [data.info.classes[number] for number in examples.targets.tolist()]
        written = [_normalize_label(label) for label in labels]
        return "" if [_normalize_label(name) for name in read] == written else f"the classes are {set(read)}"
    written = np.float32([float(label) for label in labels])
    return "" if np.array_equal(examples.targets[:, 0], written) else "the targets have other values"


def _normalize_label(label: Any) -> str:
    """Return a label as text: a whole number without a decimal point, other labels unchanged."""
    try:
        number = float(str(label))
    except ValueError:
        return str(label)
    return str(int(number)) if number.is_integer() else str(label)


_X_NAMES = ("x_train", "X_train", "train_images", "train_x", "x", "X", "train_data")
_Y_NAMES = {
    "x_train": "y_train", "X_train": "y_train", "train_images": "train_labels", "train_x": "train_y", "x": "y",
    "X": "y", "train_data": "train_labels",
}  # fmt: skip
_VALIDATION_NAMES = (
    ("x_val", "y_val"), ("X_valid", "y_valid"), ("valid_X", "valid_y"), ("val_images", "val_labels"),
    ("x_dev", "y_dev"),
)  # fmt: skip


def _write_arrays(random: Random, directory: Path) -> DataFile:
    """Write arrays of random names, types and ranges as an .npz file."""
    generator = np.random.default_rng(random.randrange(2**32))
    count, validation_count = random.randrange(20, 60), 0
    shape = random.choice([(5,), (4, 4), (6, 6, 3), (6, 6, 1)])
    high = random.choice([2, 5, 17, 256])
    dtype = random.choice([np.uint8, np.int64, np.float32, np.float64, np.bool_ if high == 2 else np.int16])

    def draw_inputs(size: int) -> Any:
        values = generator.integers(0, high, (size, *shape))
        values.flat[0] = high - 1
        return values.astype(dtype)

    labels = random.choice([[0, 1, 2], [1, 2, 3], [-1, 1], [0.0, 1.0], ["ant", "bee"], [3, 7, 100], [True, False]])
    x_name = random.choice(_X_NAMES)
    arrays = {x_name: draw_inputs(count), _Y_NAMES[x_name]: generator.choice(labels, count)}
    written = list(arrays.values())
    if random.random() < 0.4:
        validation_count = random.randrange(5, 15)
        x_validation, y_validation = random.choice(_VALIDATION_NAMES)
        arrays |= {
            x_validation: draw_inputs(validation_count),
            y_validation: generator.choice(labels, validation_count),
        }
    extras = random.sample(["ids", "meta", "feature_names"], random.randrange(3))
    arrays |= {name: np.arange(random.randrange(1, 9)) for name in extras}
    path = directory / "arrays.npz"
    (np.savez_compressed if random.random() < 0.3 else np.savez)(path, **arrays)

    def find_loss(data: Data, examples: Examples, remarks: str) -> str:
        return _find_array_loss(written, validation_count, extras, data, examples, remarks)

    return DataFile({"dataset": "npz", "path": str(path)}, find_loss, (path,))


def _find_array_loss(
    written: Sequence[Any], validation_count: int, extras: Sequence[str], data: Data, examples: Examples, remarks: str
) -> str:
    """Return which array was lost or changed; empty if none was."""
    inputs, labels = written
    if data.info.validation_examples != validation_count:
        return f"{data.info.validation_examples} validation examples instead of {validation_count}"
    if len(examples) != len(inputs) + validation_count:
        return f"{len(examples)} examples instead of {len(inputs) + validation_count}"
    if not np.array_equal(examples.inputs[: len(inputs)].astype(np.float64), inputs.astype(np.float64)):
        return "the inputs have other values"
    if data.info.pixel_max != 1 and f"{data.info.pixel_max:g}" not in remarks:
        return f"no remark on the division by {data.info.pixel_max:g}: {remarks}"
    if missing := [name for name in extras if name not in remarks]:
        return f"no remark on the array {missing[0]}: {remarks}"
    return _find_target_loss(labels.tolist(), data, examples[: len(inputs)])


_IMAGE_ENDINGS = {".png": "PNG", ".PNG": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".gif": "GIF", ".webp": "WEBP"}


def _write_images(random: Random, directory: Path) -> DataFile:
    """Write directories of images of one colour each, and other files."""
    root = directory / f"photos{random.randrange(10**9)}"
    colours: list[int] = []
    files: list[Path] = []
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        for number in range(random.randrange(2, 5)):
            ending = random.choice(list(_IMAGE_ENDINGS))
            colour = random.randrange(256)
            path = root / name / f"{number}{ending}"
            options = {"lossless": True} if ending == ".webp" else {}
            Image.new("RGB", (6, 5), (colour,) * 3).save(path, _IMAGE_ENDINGS[ending], **options)
            colours.append(colour)
            files.append(path)
        for ignored in random.sample(["Thumbs.db", ".DS_Store", "._0.png"], random.randrange(3)):
            (root / name / ignored).write_bytes(b"\0\1")
    endings = random.sample([".heic", ".tga", ".txt"], random.randrange(3))
    for ending in endings:
        (root / "ant" / f"other{ending}").write_bytes(b"data")

    def find_loss(data: Data, examples: Examples, remarks: str) -> str:
        if sorted(examples.inputs.reshape(len(examples), -1).mean(1).round().tolist()) != sorted(map(float, colours)):
            return "the images have other colours"
        missing = [ending for ending in endings if ending not in remarks]
        return f"no remark on files with the ending {missing[0]}: {remarks}" if missing else ""

    return DataFile({"dataset": "image_folder", "path": str(root)}, find_loss, tuple(files))
