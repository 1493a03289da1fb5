"""Code of scripts that loads the user's own images from a directory with a directory for each class."""

from collections.abc import Sequence
from pathlib import Path

from dnn_cli.config.data import Data
from dnn_cli.errors import UsageError
from dnn_cli.formats.dataset_contents import SplitName
from dnn_cli.formats.image_directory import list_image_names
from dnn_cli.formats.image_file import DRAFT_FACTOR, ORIENTATION_TAG, SWAPPED_ORIENTATIONS
from dnn_cli.script.python_code import build_expression, format_path, format_statement, format_value
from dnn_cli.script.set_names import TEST, VALIDATION, LoadingCode, SetNames, SplitPlan


def build_image_code(data: Data, plan: SplitPlan) -> LoadingCode:
    """Build the code that loads the images of each set with Pillow.

    Raises:
        UsageError: the images need a conversion that a script does not have.
        UserDataError: a directory is missing or invalid.
    """
    if data.skip_damaged:
        raise UsageError("data.skip_damaged: a script does not leave out damaged images", "remove the damaged images")
    splits: list[tuple[SplitName, SetNames]] = [("train", plan.loaded), ("validation", VALIDATION), ("test", TEST)]
    directories = {names: str(data.get_split_path(split)) for split, names in splits if names in plan.loaded_sets}
    paths = [path for directory in directories.values() for path in _list_paths(data, directory)]
    _check_images(paths, data)
    lines = format_statement("classes = ", build_expression(list(data.info.classes)))
    for names, directory in directories.items():
        lines.append(f"{names.inputs}, {names.targets} = read_images({format_path(directory)})")
    imports = ("import numpy as np", "from pathlib import Path", "from PIL import Image, ImageOps")
    return LoadingCode((_build_reader(data, paths), "\n".join(lines)), imports)


def _build_reader(data: Data, paths: Sequence[Path]) -> str:
    """Build the function of the script that reads the images of a directory."""
    suffixes = sorted({path.suffix for path in paths})
    pattern = f"*/*{suffixes[0]}" if len(suffixes) == 1 else "*/*"
    lines = [
        "def read_images(directory):",
        "    images, numbers = [], []",
        f"    for path in sorted(Path(directory).glob({format_value(pattern)})):",
        "        image = Image.open(path)",
    ]
    mode = "L" if data.color_mode == "grayscale" else "RGB"
    conversion = f"ImageOps.exif_transpose(image).convert({format_value(mode)})"
    if data.image_size is not None:
        height, width = data.image_size
        if data.reading_rules > 1:
            size = (DRAFT_FACTOR * width, DRAFT_FACTOR * height)
            lines.append(f"        image.draft(None, {format_value(size)})  # decode a large JPEG at a reduced size")
        lines.append(f"        image = {conversion}")
        lines.append(f"        image = image.resize({format_value((width, height))}, Image.Resampling.BILINEAR)")
    else:
        lines.append(f"        image = {conversion}")
    return "\n".join(
        [
            *lines,
            "        images.append(np.asarray(image))",
            "        numbers.append(classes.index(path.parent.name))",
            "    return np.array(images), np.array(numbers)",
        ]
    )


def _list_paths(data: Data, directory: str) -> list[Path]:
    """Return the paths of the images of a directory, in the order of the run.

    Raises:
        UsageError: the directory has files that a script would read and the run does not.
        UserDataError: the directory is missing or invalid.
    """
    names = list_image_names(directory, data.image_options, data.info.classes)
    paths = [Path(directory, name) for name in names]
    suffixes = {path.suffix for path in paths}
    listed = sorted(Path(directory).glob(f"*/*{suffixes.pop()}" if len(suffixes) == 1 else "*/*"))
    if listed != paths:
        other = next(iter({*listed} ^ {*paths}), Path(directory))
        raise UsageError(
            f"{directory}: a script reads all files in the directories of classes, but the run does not read {other}",
            "remove the files that are not images of a class",
        )
    return paths


def _check_images(paths: Sequence[Path], data: Data) -> None:
    """Check that all images can be converted as in a script. Only their headers are read.

    Raises:
        UsageError: an image has transparent pixels or 16 bits, or is turned and resized.
    """
    from PIL import Image

    is_square = data.image_size is None or data.image_size[0] == data.image_size[1]
    for path in paths:
        with Image.open(path) as image:
            reason = ""
            if image.has_transparency_data or image.mode.startswith("I;16"):
                reason = "transparent pixels, or 16 bits for each number"
            elif not is_square and image.getexif().get(ORIENTATION_TAG, 1) in SWAPPED_ORIENTATIONS:
                reason = "an EXIF orientation that exchanges height and width"
        if reason:
            raise UsageError(
                f"{path} has {reason}, which a script does not convert as the run does",
                "save the images upright as RGB or grey images with 8 bits",
            )
