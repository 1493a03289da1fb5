"""Locations of examples in the user's files: lines of tables, names of images, indices of arrays."""

import os
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import TABLE_KINDS, USER_DATA_KINDS
from dnn_cli.formats.dataset_contents import SplitName


@dataclass(frozen=True)
class ExampleLocations:
    """Locations of the examples of a file. `lines` is set for a table and `names` for images."""

    file: str
    """Name of the file, or of the arrays of a split."""

    count: int
    lines: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def format_location(self, index: int) -> str:
        """Return the location of an example as text: `rows.csv:17`, `photos/cat/1.png`, or `train[17]`."""
        if self.lines:
            return f"{self.file}:{self.lines[index]}"
        return f"{self.file}/{self.names[index]}" if self.names else f"{self.file}[{index}]"

    def build_document(self, index: int) -> dict[str, Any]:
        """Build the JSON document of the location of an example."""
        document: dict[str, Any] = {"location": self.format_location(index), "index": index}
        return {**document, "line": self.lines[index]} if self.lines else document


def list_file_locations(data: Data) -> list[ExampleLocations]:
    """Return the locations of the examples of each file, in the order of `AllExamples`.

    Raises:
        UserDataError: a file cannot be read.
    """
    info = data.info
    counts: dict[SplitName, int] = {
        "train": info.examples - info.validation_examples,
        "validation": info.validation_examples,
        "test": info.test_examples,
    }
    return [_list_locations(data, split, count) for split, count in counts.items() if count]


def _list_locations(data: Data, split: SplitName, count: int) -> ExampleLocations:
    """Return the locations of the examples of one file.

    Args:
        data: The data of an experiment.
        split: The split that the file is for. Other splits can be split off from the training file.
        count: The number of examples in the file.
    """
    if data.dataset not in USER_DATA_KINDS:
        return ExampleLocations(split if data.info.test_examples else data.dataset, count)
    if data.dataset == "npz":
        return ExampleLocations(split, count)
    path = str(data.get_split_path(split))
    classes = data.info.classes if split != "train" else None
    if data.dataset in TABLE_KINDS:
        from dnn_cli.formats.csv_table import list_csv_lines

        lines = list_csv_lines(path, replace(data.csv_options, target=data.info.target), classes)
        return ExampleLocations(os.path.basename(path), count, lines=lines)
    name = os.path.basename(path.rstrip("/"))
    if data.dataset == "image_folder":
        from dnn_cli.formats.image_directory import list_image_names

        return ExampleLocations(name, count, names=list_image_names(path, data.image_options, data.info.classes))
    return ExampleLocations(name, count)


def find_location(locations: list[ExampleLocations], number: int) -> tuple[ExampleLocations, int]:
    """Return the file of an example and its index in this file, by its number in `AllExamples`."""
    for file in locations:
        if number < file.count:
            return file, number
        number -= file.count
    raise IndexError(number)
