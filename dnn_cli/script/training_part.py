"""Parts of a script that train and evaluate the model: order of the examples, callbacks, fit and evaluation."""

from typing import Any

from dnn_cli.config.callbacks import BaseCallback, ModelCheckpoint, MonitorCallback
from dnn_cli.config.experiment import Experiment, find_class_number
from dnn_cli.script.keras_calls import build_keras_call
from dnn_cli.script.python_code import Call, Items, Literal, build_call, build_expression, format_statement
from dnn_cli.script.script_parts import ScriptPart
from dnn_cli.script.set_names import ALL, TEST, TRAIN, VALIDATION, SplitPlan, list_array_names

_KNOWN_DIRECTIONS = ("loss", "accuracy")
"""Scores for which Keras itself knows whether higher is better."""


def build_order_part(experiment: Experiment) -> ScriptPart:
    """Build the part that defines the batches of all epochs, in the order of the run."""
    names = list_array_names(TRAIN, experiment.data)
    seed = [experiment.seed, Literal("epoch")]
    order = build_call("tf.random.experimental.stateless_shuffle", Literal(f"range(len({TRAIN.inputs}))"), seed)
    function = [
        "def shuffle(epoch):",
        *format_statement("order = ", order, indent=1),
        f"    examples = {', '.join(f'tf.gather({name}, order)' for name in names)}",
        f"    return tf.data.Dataset.from_tensor_slices(examples).batch({experiment.batch_size})",
    ]
    lines = [
        f"{', '.join(names)} = {', '.join(f'tf.constant({name})' for name in names)}",
        f"training_set = tf.data.Dataset.range({experiment.epochs}).flat_map(shuffle)",
    ]
    title = "Shuffle the training set in each epoch, in the order of the run."
    return ScriptPart(title, ("\n".join(function), "\n".join(lines)), ("import tensorflow as tf",))


def build_fit_part(experiment: Experiment, plan: SplitPlan) -> ScriptPart:
    """Build the part that trains the model."""
    imports: list[str] = []
    arguments: dict[str, Any] = {
        "epochs": experiment.epochs,
        "steps_per_epoch": Literal(f"(len(X_train) + {experiment.batch_size - 1}) // {experiment.batch_size}"),
    }
    if plan.has_validation:
        arguments["validation_data"] = Items(
            tuple(map(Literal, list_array_names(VALIDATION, experiment.data))), is_list=False
        )
        if experiment.batch_size != 32:
            arguments["validation_batch_size"] = experiment.batch_size
    if experiment.class_weight is not None:
        arguments["class_weight"] = Literal("class_weight")
    if experiment.callbacks:
        arguments["callbacks"] = Items(tuple(map(_build_callback, experiment.callbacks)))
        imports.append("import keras")
    arguments["shuffle"] = False
    lines = format_statement("", build_call("model.fit", Literal("training_set"), **arguments))
    return ScriptPart(_describe_training(experiment), ("\n".join(lines),), tuple(imports))


def _describe_training(experiment: Experiment) -> str:
    """Return the title of the part that trains the model."""
    if experiment.early_stopping is not None:
        return "Train the model with early stopping."
    return "Train the model."


def _build_callback(callback: BaseCallback) -> Call:
    """Build the call of a callback. `mode` is written for scores whose direction Keras may not know."""
    arguments = callback.list_keras_arguments()
    extra: dict[str, Any] = {}
    call = build_keras_call(callback)
    keywords = dict(call.keywords)
    if isinstance(callback, MonitorCallback):
        if callback.monitor.removeprefix("val_") in _KNOWN_DIRECTIONS:
            del keywords["mode"]
        if callback.monitor == "val_loss":
            del keywords["monitor"]
    if isinstance(callback, ModelCheckpoint):
        extra = {"save_best_only": build_expression(True)}
        return Call(call.function, (build_expression("best.keras"),), tuple({**keywords, **extra}.items()))
    order = [name for name in ("monitor", "mode", *arguments) if name in keywords]
    return Call(call.function, call.positional, tuple((name, keywords[name]) for name in dict.fromkeys(order)))


def build_class_weight_part(experiment: Experiment, plan: SplitPlan) -> ScriptPart | None:
    """Build the part that defines the weights of the classes in the loss; `None` for equal weights."""
    configured, classes = experiment.class_weight, experiment.data.info.classes
    if configured is None:
        return None
    if isinstance(configured, dict):
        weights = {find_class_number(name, classes): weight for name, weight in configured.items()}
        # On a CPU, TensorFlow refuses a class without a weight.
        others = "" if len(weights) == len(classes) else f"dict.fromkeys(range({len(classes)}), 1.0) | "
        lines = format_statement(f"class_weight = {others}", build_expression(weights))
        return ScriptPart("Weigh the classes in the loss.", ("\n".join(lines),))
    targets = "y[train]" if plan.uses_indices and plan.loaded == ALL else TRAIN.targets
    lines = [
        f'weights = compute_class_weight("balanced", classes=np.unique({targets}), y={targets})',
        f"class_weight = dict(zip(np.unique({targets}), weights.tolist()))",
    ]
    imports = ("import numpy as np", "from sklearn.utils.class_weight import compute_class_weight")
    return ScriptPart("Weigh the classes, so that all classes count equally in the loss.", ("\n".join(lines),), imports)


def build_evaluation_part(experiment: Experiment, plan: SplitPlan) -> ScriptPart:
    """Build the part that evaluates the model: on the test set if there is one, else on the validation set."""
    if plan.has_test:
        names, title = TEST, "Evaluate the model on the test set: once, after all choices are made."
    elif plan.has_validation:
        names, title = VALIDATION, "Evaluate the model on the validation set."
    else:
        names, title = TRAIN, "Evaluate the model on the training set, because there is no other set."
    arrays = list_array_names(names, experiment.data)
    keywords = {"sample_weight": Literal(arrays[2])} if experiment.data.weight else {}
    lines = format_statement("", build_call("model.evaluate", *map(Literal, arrays[:2]), **keywords))
    return ScriptPart(title, ("\n".join(lines),))
