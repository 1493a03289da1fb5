"""The user's own data: the arrays of one part of it."""

from dnn_cli.data.sources import Watcher, quiet
from dnn_cli.errors import OwnDataError
from dnn_cli.formats.contents import Arrays, Part
from dnn_cli.spec.data import Data


def read_own(data: Data, part: Part, watch: Watcher = quiet) -> Arrays | None:
    """One part, `train`, `validation` or `test`, whole and checked; `None` where there is no such part.

    Raises:
        OwnDataError: it is not what it should be.
    """
    facts = data.facts
    path = {"train": data.path, "validation": data.validation_path, "test": data.test_path}[part]
    classes = facts.classes if part != "train" else None
    if data.dataset == "npz":
        from dnn_cli.formats.npz import inspect_npz, read_npz

        if inspect_npz(str(data.path), data.task or "auto", part) is None:
            return None
        return read_npz(str(data.path), data.task or "auto", part, len(facts.classes) or None)
    if path is None:
        return None
    if data.dataset == "csv":
        from dnn_cli.formats.csv_table import read_csv

        return read_csv(path, data.target, data.task or "auto", classes)
    if data.dataset == "image_folder":
        from dnn_cli.formats.image_folder import read_images

        return read_images(path, data.image_size, data.color_mode or "rgb", classes, watch)
    raise OwnDataError(f"{data.dataset} is no data of your own")
