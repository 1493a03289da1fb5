"""Parts of a script that build and compile the model: layers, learning rate, loss, optimizer and metrics."""

from collections.abc import Sequence

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import find_free_name, list_layer_names, to_keras_names
from dnn_cli.config.metrics import Metric
from dnn_cli.config.schedules import Warmup
from dnn_cli.script.keras_calls import build_keras_argument, build_keras_call
from dnn_cli.script.layer_groups import REPETITION, LayerGroup, list_layer_groups
from dnn_cli.script.python_code import Call, Expression, Items, Literal, build_call, format_statement, format_value
from dnn_cli.script.script_parts import ScriptPart
from dnn_cli.script.training_settings import TrainingSettings

_STANDARDIZED_LOSS = "standardized_loss"
"""Name of the function that computes the loss of standardized targets."""

_MAX_LAYERS_IN_LINE = 2
"""Maximum number of layers of a group that are written into one line, if they fit."""

_LOSS_FUNCTION = """\
def {name}(y_true, y_pred):
    y_true = (y_true - target_mean) / target_deviation
    y_pred = (y_pred - target_mean) / target_deviation
    return loss.call(y_true, y_pred)"""


def build_model_part(experiment: Experiment, settings: TrainingSettings) -> ScriptPart:
    """Build the part with the layers of the model, one on each line, and the seed of their initial weights."""
    groups = list_layer_groups(experiment, settings.precision)
    groups[0] = LayerGroup((build_call("keras.Input", shape=experiment.data.input_shape), *groups[0].layers))
    if experiment.data.standardize_target:
        name = find_free_name("target_scaling", to_keras_names(list_layer_names(experiment.model.stack)))
        arguments = (Literal("target_deviation"), Literal("target_mean"))
        scaling = build_call("keras.layers.Rescaling", *arguments, name=name)
        groups.append(LayerGroup((scaling,)))
    (name,) = to_keras_names([experiment.model.name])
    keywords = {} if name == "sequential" else {"name": name}
    lines = [f"keras.utils.set_random_seed({experiment.seed})"]
    lines += _format_layers(groups)
    lines += format_statement("model = ", build_call("keras.Sequential", Literal("layers"), **keywords))
    title = "Build the model. The seed determines the initial weights of its layers."
    return ScriptPart(title, ("\n".join(lines),), ("import keras",))


def _format_layers(groups: Sequence[LayerGroup]) -> list[str]:
    """Return the lines that collect the layers of a network in a list, with a loop for each repeated block."""
    lines: list[str] = []
    for group in groups:
        layers = Items(group.layers, is_expanded=len(group.layers) > _MAX_LAYERS_IN_LINE)
        if group.repeat == 1:
            lines += format_statement("layers += " if lines else "layers = ", layers)
        else:
            lines.append(f"for {REPETITION} in range(1, {group.repeat + 1}):")
            lines += format_statement("layers += ", layers, indent=1)
    return lines


def build_compile_parts(experiment: Experiment, settings: TrainingSettings) -> list[ScriptPart]:
    """Build the parts that define a warm-up of the learning rate and a loss of standardized targets, and compile."""
    parts: list[ScriptPart] = []
    if isinstance(warmup := experiment.optimizer.learning_rate, Warmup):
        parts.append(_build_warmup_part(warmup))
    loss: Expression = build_keras_argument(experiment.loss)
    if experiment.data.standardize_target:
        parts.append(_build_loss_part(experiment))
        loss = Literal(_STANDARDIZED_LOSS)
    keywords = [("loss", loss), ("optimizer", build_keras_argument(experiment.optimizer))]
    if experiment.metrics:
        name = "metrics" if experiment.data.weight is None else "weighted_metrics"
        metrics = tuple(_build_metric(experiment, metric) for metric in experiment.metrics)
        keywords.append((name, Items(metrics)))
    if settings.jit or settings.is_gpu or experiment.device == "cpu":
        # By default, Keras uses XLA where a GPU is present.
        keywords.append(("jit_compile", Literal(format_value(settings.jit))))
    lines = format_statement("", Call("model.compile", (), tuple(keywords)))
    if experiment.optimizer.starts_from_weights:
        lines.append("model.optimizer.build(model.trainable_variables)")
    parts.append(ScriptPart(_describe_compilation(settings), tuple(lines), ("import keras",)))
    return parts


def _describe_compilation(settings: TrainingSettings) -> str:
    """Return the title of the part that compiles the model."""
    title = "Choose the loss, the optimizer and the metrics."
    return f"{title} XLA compiles the training steps." if settings.jit else title


def _build_metric(experiment: Experiment, metric: Metric) -> Expression:
    """Build a metric. The accuracy of a single logit has the threshold 0, the probability 0.5."""
    if metric.type == "accuracy" and experiment.target_encoding == "binary" and experiment.loss.takes_logits:
        return build_call("keras.metrics.BinaryAccuracy", name="accuracy", threshold=0.0)
    return build_keras_argument(metric)


def _build_warmup_part(warmup: Warmup) -> ScriptPart:
    """Build the part that defines the schedule of a warm-up, with the operations of the engine."""
    steps, start = warmup.warmup_steps, warmup.start_factor
    if isinstance(warmup.learning_rate, float):
        setup, rate, kind = [], format_value(warmup.learning_rate), "stays constant"
    else:
        setup = format_statement("decay = ", build_keras_call(warmup.learning_rate))
        rate, kind = f"decay(keras.ops.maximum(step - {steps}, 0))", f"follows {warmup.learning_rate.type}"
    factor = f"{format_value(start)} + {format_value(1 - start)} * share" if start else "share"
    definition = [
        "class Warmup(keras.optimizers.schedules.LearningRateSchedule):",
        "    def __call__(self, step):",
        "        step = keras.ops.convert_to_tensor(step)",
        f'        share = keras.ops.cast(step, "float32") / {max(steps, 1)}',
        f"        factor = keras.ops.where(step < {steps}, {factor}, 1.0)",
        f"        return {rate} * factor",
    ]
    title = f"Warm up the learning rate for {steps:,} steps. It then {kind}."
    blocks = [*(["\n".join(setup)] if setup else []), "\n".join(definition)]
    return ScriptPart(title, tuple(blocks), ("import keras",))


def _build_loss_part(experiment: Experiment) -> ScriptPart:
    """Build the part that defines the loss of standardized targets."""
    assignment = "\n".join(format_statement("loss = ", build_keras_call(experiment.loss)))
    variables = [f"{name} = tf.Variable({name}, trainable=False)" for name in ("target_mean", "target_deviation")]
    return ScriptPart(
        "Compute the loss on the scale of the standardized target.",
        ("\n".join([assignment, *variables]), _LOSS_FUNCTION.format(name=_STANDARDIZED_LOSS)),
        ("import keras", "import tensorflow as tf"),
    )
