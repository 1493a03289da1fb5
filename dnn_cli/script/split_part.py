"""Parts of a script that split the loaded examples, standardize inputs and encode targets."""

from typing import Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.script.python_code import Call, Literal, build_call, format_statement, format_value
from dnn_cli.script.script_parts import ScriptPart
from dnn_cli.script.set_names import ALL, TEST, TRAIN, VALIDATION, SetNames, SplitPlan, list_array_names

_SPLITTER_IMPORT = "from sklearn.model_selection import {}"
_ROWS_PER_BLOCK = 4096
"""Number of training examples with which the engine updates mean and deviation at once."""


def build_split_part(experiment: Experiment, plan: SplitPlan) -> ScriptPart | None:
    """Build the part that splits off the test set and the validation set; `None` if the data needs no split."""
    data = experiment.data
    if not plan.splits_test and not plan.splits_validation and not data.reporting_half:
        return None
    sets = [*(["a test set"] if plan.splits_test else []), *(["a validation set"] if plan.splits_validation else [])]
    title = f"Split off {' and '.join(sets)}." if sets else "Divide the validation set into two halves."
    if data.folds and plan.splits_validation:
        title = f"Split the examples: fold {data.used_fold} of {data.folds} is the validation set (cross-validation)."
    if data.stratify:
        title = f"{title[:-1]}, with equal shares of the classes."
    lines, imports = _split_indices(experiment, plan) if plan.uses_indices else _split_arrays(experiment, plan)
    return ScriptPart(title, ("\n".join(lines),), tuple(imports))


def _split_arrays(experiment: Experiment, plan: SplitPlan) -> tuple[list[str], list[str]]:
    """Return the lines that split arrays with scikit-learn's `train_test_split`, and their imports."""
    data, names, lines = experiment.data, plan.loaded, []
    steps = [(plan.splits_test, TEST, data.test_size), (plan.splits_validation, VALIDATION, data.validation_size)]
    used = [step for step in steps if step[0]]
    for number, (_, split_off, size) in enumerate(used):
        remaining = TRAIN if number == len(used) - 1 else SetNames("_train_full")
        kinds = ["inputs", "targets", *(["weights"] if data.weight else [])]
        results = ", ".join(f"{getattr(remaining, kind)}, {getattr(split_off, kind)}" for kind in kinds)
        call = _build_split_call([getattr(names, kind) for kind in kinds], size, experiment, names.targets)
        lines += format_statement(f"{results} = ", call)
        names = remaining
    return lines, [_SPLITTER_IMPORT.format("train_test_split")]


def _build_split_call(arrays: list[str], size: float, experiment: Experiment, targets: str) -> Call:
    """Build a call of `train_test_split`."""
    keywords: dict[str, Any] = {"test_size": size, "random_state": experiment.data.split_seed}
    if experiment.data.stratify:
        keywords["stratify"] = Literal(targets)
    return build_call("train_test_split", *map(Literal, arrays), **keywords)


def _split_indices(experiment: Experiment, plan: SplitPlan) -> tuple[list[str], list[str]]:
    """Return the lines that split the indices of the examples and then select arrays, and their imports."""
    data, lines, imports = experiment.data, [], ["import numpy as np"]
    indices, targets = "np.arange(len(X))", "y"
    if plan.splits_test:
        lines += format_statement("train, test = ", _build_split_call([indices], data.test_size, experiment, targets))
        indices, targets = "train", "y[train]"
        imports.append(_SPLITTER_IMPORT.format("train_test_split"))
    if plan.splits_validation and data.folds:
        splitter = "StratifiedKFold" if data.stratify else "KFold"
        call = build_call(splitter, data.folds, shuffle=True, random_state=data.split_seed)
        lines += format_statement("folds = ", call)
        if indices != "train":
            lines.append(f"train = {indices}")
        split = f"folds.split(train, {targets})" if data.stratify else "folds.split(train)"
        lines.append(f"in_train, in_valid = list({split})[{data.used_fold - 1}]")
        lines.append("train, valid = train[in_train], train[in_valid]")
        imports.append(_SPLITTER_IMPORT.format(splitter))
    elif plan.splits_validation:
        call = _build_split_call([indices], data.validation_size, experiment, targets)
        lines += format_statement("train, valid = ", call)
        imports.append(_SPLITTER_IMPORT.format("train_test_split"))
    if data.reporting_half:
        half_lines, half_import = _split_halves(experiment, plan)
        lines += half_lines
        imports.append(half_import)
    return lines, imports


def _split_halves(experiment: Experiment, plan: SplitPlan) -> tuple[list[str], str]:
    """Return the lines that keep the tuning half of the validation set, and the import of their splitter."""
    data = experiment.data
    is_classification = data.info.is_classification
    splitter = "StratifiedKFold" if is_classification else "KFold"
    comment = "# One half of the validation set is for reporting alone; the other half is kept."
    halves = build_call(splitter, 2, shuffle=True, random_state=data.split_seed)
    if plan.has_own_validation:
        arguments = "X_valid, y_valid" if is_classification else "X_valid"
        keep = [f"{name} = {name}[tuning]" for name in list_array_names(VALIDATION, data)]
    else:
        arguments = "valid, y[valid]" if is_classification else "valid"
        keep = ["valid = valid[tuning]"]
    return [
        comment,
        *format_statement("halves = ", halves),
        f"_, tuning = next(halves.split({arguments}))",
        *keep,
    ], _SPLITTER_IMPORT.format(splitter)


def build_selection_part(experiment: Experiment, plan: SplitPlan) -> ScriptPart | None:
    """Build the part that standardizes the inputs, encodes the targets and selects the examples of each set.

    The part is `None` if arrays are split and class numbers are the targets.
    """
    data, lines, imports = experiment.data, [], ["import numpy as np"]
    title = "Encode the targets." if not plan.uses_indices else "Select the examples of each set."
    encoded_sets = plan.loaded_sets if plan.uses_indices else plan.final_sets
    encoding = [line for names in encoded_sets for line in _encode_targets(names, experiment)]
    if data.standardize:
        title = "Standardize the inputs: mean 0 and standard deviation 1 in the training set."
        lines += _standardize_inputs(experiment, plan)
        imports.append("from sklearn.preprocessing import StandardScaler")
    lines += encoding
    if plan.loaded == ALL and plan.uses_indices:
        chosen = {"train": TRAIN, **({"valid": VALIDATION} if plan.splits_validation else {})}
        chosen |= {"test": TEST} if plan.splits_test else {}
        for kind in ("inputs", "targets", *(("weights",) if data.weight else ())):
            left = ", ".join(getattr(names, kind) for names in chosen.values())
            lines.append(f"{left} = {', '.join(f'{getattr(ALL, kind)}[{index}]' for index in chosen)}")
    return ScriptPart(title, ("\n".join(lines),), tuple(imports)) if lines else None


def _encode_targets(names: SetNames, experiment: Experiment) -> list[str]:
    """Return the line that gives the class numbers of a set the form of the loss; no line for class numbers."""
    targets = names.targets
    if experiment.target_encoding == "one_hot":
        return [f'{targets} = np.eye({len(experiment.data.info.classes)}, dtype="float32")[{targets}]']
    if experiment.target_encoding == "binary":
        return [f'{targets} = {targets}.astype("float32").reshape(-1, 1)']
    return []


def _standardize_inputs(experiment: Experiment, plan: SplitPlan) -> list[str]:
    """Return the lines that fit a StandardScaler to the training set and scale all inputs."""
    inputs, data = plan.loaded.inputs, experiment.data
    is_flat = len(data.input_shape) == 1
    flatten = "" if is_flat else ".reshape(len(rows), -1)"
    # Without a split, all loaded examples are training examples.
    lines = [] if plan.loaded == ALL else [f"train = np.arange(len({inputs}))"]
    if data.training_examples > _ROWS_PER_BLOCK or not data.has_exact_counts or not is_flat:
        lines += [
            "scaler = StandardScaler()",
            f"for start in range(0, len(train), {_ROWS_PER_BLOCK}):  # in the order of the run",
            f"    rows = np.sort(train[start : start + {_ROWS_PER_BLOCK}])",
            f'    scaler.partial_fit({inputs}[rows]{flatten}.astype("float64"))',
        ]
    else:
        lines.append(f'scaler = StandardScaler().fit({inputs}[np.sort(train)].astype("float64"))')
    mean, deviation = 'scaler.mean_.astype("float32")', 'scaler.scale_.astype("float32")'
    if not is_flat:
        shape = f".reshape({format_value(data.input_shape)})"
        lines += [f"mean = {mean}{shape}", f"deviation = {deviation}{shape}"]
        mean, deviation = "mean", "deviation"
    return [*lines, *(f"{names.inputs} = ({names.inputs} - {mean}) / {deviation}" for names in plan.loaded_sets)]


def build_target_part(experiment: Experiment) -> ScriptPart | None:
    """Build the part that measures the targets of a regression; `None` without `data.standardize_target`."""
    data = experiment.data
    if not data.standardize_target:
        return None
    index = "" if data.info.targets > 1 else "[0]"
    lines = [
        'target_scaler = StandardScaler().fit(y_train.astype("float64"))',
        f'target_mean = target_scaler.mean_.astype("float32").tolist(){index}',
        f'target_deviation = target_scaler.scale_.astype("float32").tolist(){index}',
    ]
    imports = ("from sklearn.preprocessing import StandardScaler",)
    return ScriptPart("Measure mean and deviation of the training targets.", ("\n".join(lines),), imports)
