"""The user's own data: the arrays of one part of it."""

from dnn_cli.formats.contents import Arrays, Part
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.spec.data import Data


def read_own(data: Data, part: Part, watch: Watcher = quiet) -> Arrays:
    """A part that the facts of the data tell of, whole and checked.

    Raises:
        OwnDataError: it is not what it should be.
    """
    path = str({"train": data.path, "validation": data.validation_path, "test": data.test_path}[part])
    classes = data.facts.classes if part != "train" else None
    if data.dataset == "csv":
        from dnn_cli.formats.csv_table import read_csv

        return read_csv(path, data.target or data.facts.target, data.task or "auto", classes, data.ignore or ())
    if data.dataset == "image_folder":
        from dnn_cli.formats.image_folder import read_images

        return read_images(path, data.image_size, data.color_mode or "rgb", classes, watch)
    from dnn_cli.formats.npz import read_npz

    return read_npz(str(data.path), data.task or "auto", part, len(data.facts.classes) or None)
