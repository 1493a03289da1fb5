"""Part of a script that loads the data of an experiment and gives it the types and the scale of the run."""

import math
from collections.abc import Callable, Iterator

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.config.experiment import Experiment
from dnn_cli.script.python_code import LINE_LENGTH, format_value
from dnn_cli.script.script_parts import ScriptPart
from dnn_cli.script.set_names import TEST, LoadingCode, SplitPlan, list_array_names
from dnn_cli.script.user_arrays import build_array_code
from dnn_cli.script.user_images import build_image_code
from dnn_cli.script.user_tables import build_table_code


def build_loading_part(experiment: Experiment, plan: SplitPlan) -> ScriptPart:
    """Build the part that loads the examples.

    Raises:
        UsageError: a script cannot load data of this kind.
        UserDataError: a file of the user's data is missing or invalid.
    """
    data = experiment.data
    blocks, imports = _LOADERS.get(data.dataset, _load_dataset)(data, plan)
    divisor = 1.0 if data.standardize else experiment.input_divisor
    title = f"Load the data: {_describe_data(data)}."
    if divisor != 1:
        title += " Scale the inputs to 0–1." if divisor > 1 else f" Divide the inputs by {divisor:g}."
    conversion = "\n".join(_convert_arrays(experiment, plan, divisor))
    return ScriptPart(title, (*blocks, conversion), tuple(imports))


def _describe_data(data: Data) -> str:
    """Return a text with the name, the shape and the classes of the data."""
    info = data.info
    task = f"{len(info.classes)} classes" if info.is_classification else "a regression"
    return f"{data.title}, {info.sizes_text}, {task}"


def _load_dataset(data: Data, plan: SplitPlan) -> LoadingCode:
    """Return the code that loads a built-in dataset from Keras or scikit-learn."""
    names, dataset = plan.loaded, DATASETS[data.dataset]
    if not isinstance(dataset, EmbeddedDataset):
        arrays, test = (", ".join(list_array_names(each, data)) for each in (names, TEST))
        loading = f"{data.dataset} = keras.datasets.{data.dataset}.load_data()"
        return LoadingCode((f"{loading}\n({arrays}), ({test}) = {data.dataset}",), ("import keras",))
    call, targets = f"sklearn.datasets.{dataset.loader}", f"{names.inputs}, {names.targets}"
    if len(dataset.input_shape) > 1:
        loading = f"{data.dataset} = {call}()\n{targets} = {data.dataset}.images, {data.dataset}.target"
    else:
        loading = f"{targets} = {call}(return_X_y=True)"
    return LoadingCode((loading,), ("import sklearn.datasets",))


_LOADERS: dict[str, Callable[[Data, SplitPlan], LoadingCode]] = {
    "csv": build_table_code,
    "npz": build_array_code,
    "image_folder": build_image_code,
}
"""Functions that build the code that loads the user's own files, by kind."""


def _convert_arrays(experiment: Experiment, plan: SplitPlan, divisor: float) -> Iterator[str]:
    """Yield the lines that give inputs and targets their types, divide the inputs, and flatten images."""
    info = experiment.data.info
    number = int(divisor) if float(divisor).is_integer() else divisor
    scale = "" if divisor == 1 else f" / {format_value(number)}"
    flatten = f".reshape(-1, {math.prod(info.input_shape)})" if experiment.data.input_shape != info.input_shape else ""
    # The bits of XLA's programs depend on the type of the targets.
    targets = '.astype("int32")' if info.is_classification else f'.astype("float32").reshape(-1, {info.targets})'
    for names in plan.loaded_sets:
        inputs, numbers = f'{names.inputs}.astype("float32"){flatten}{scale}', f"{names.targets}{targets}"
        line = f"{names.inputs}, {names.targets} = {inputs}, {numbers}"
        yield from (
            [line] if len(line) <= LINE_LENGTH else [f"{names.inputs} = {inputs}", f"{names.targets} = {numbers}"]
        )
