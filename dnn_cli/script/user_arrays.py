"""Code of scripts that loads the user's own arrays from an .npz file."""

from dnn_cli.config.data import Data
from dnn_cli.errors import UsageError
from dnn_cli.formats.array_names import find_array_pair
from dnn_cli.formats.array_source import ArraySource, open_array_source
from dnn_cli.formats.dataset_contents import SplitName
from dnn_cli.script.python_code import format_path, format_value
from dnn_cli.script.set_names import TEST, VALIDATION, LoadingCode, SetNames, SplitPlan


def build_array_code(data: Data, plan: SplitPlan) -> LoadingCode:
    """Build the code that loads the arrays of each set.

    Raises:
        UsageError: the arrays are not in an .npz file.
        UserDataError: the file is missing or invalid.
    """
    path = str(data.path)
    if not path.lower().endswith(".npz"):
        raise UsageError("data.path: a script reads arrays from an .npz file", "save the arrays with numpy.savez")
    splits: list[tuple[SplitName, SetNames]] = [("train", plan.loaded), ("validation", VALIDATION), ("test", TEST)]
    lines = [f"arrays = np.load({format_path(path)})"]
    with open_array_source(path) as source:
        for split, names in splits:
            if names in plan.loaded_sets:
                lines += _load_split(data, source, split, names)
    return LoadingCode(("\n".join(lines),), ("import numpy as np",))


def _load_split(data: Data, source: ArraySource, split: SplitName, names: SetNames) -> list[str]:
    """Return the lines that load the inputs and targets of one split."""
    pair = find_array_pair(source.path, source.names, split, data.reading_rules)
    if pair is None:
        return []
    inputs, targets = (f"arrays[{format_value(name)}]" for name in pair)
    if data.channels == "first":
        inputs = f"np.moveaxis({inputs}, 1, -1)"
    lines = [f"{names.inputs}, {names.targets} = {inputs}, {targets}"]
    if not data.info.is_classification:
        return lines
    header = source.read_header(pair[1])
    is_one_hot = len(header.shape) == 2 and header.shape[1] > 1
    if is_one_hot:
        return [*lines, f"{names.targets} = {names.targets}.argmax(axis=1)"]
    if len(header.shape) == 2:
        lines.append(f"{names.targets} = {names.targets}[:, 0]")
    return [*lines, *number_classes(data, split, names)]


def number_classes(data: Data, split: SplitName, names: SetNames) -> list[str]:
    """Return the line that replaces texts and other values of classes by class numbers.

    The training examples determine the classes. Targets that already are class numbers from 0 need no line.
    """
    if data.info.classes == tuple(map(str, range(len(data.info.classes)))):
        return []
    if split == "train":
        return [f"classes, {names.targets} = np.unique({names.targets}, return_inverse=True)"]
    return [f"{names.targets} = np.searchsorted(classes, {names.targets})"]
