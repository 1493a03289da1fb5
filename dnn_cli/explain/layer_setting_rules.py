"""Findings about settings of layers: initial weights, penalties, noise, dropout and BatchNormalization averages."""

from collections.abc import Iterator

from dnn_cli.config.layer_stack import find_output_layer
from dnn_cli.config.layers.dropout import Dropout, GaussianNoise
from dnn_cli.config.layers.normalization import BatchNormalization
from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding

_MAX_INITIAL_SHARE = 0.1
"""Moving averages of BatchNormalization count as inaccurate if at least this share comes from their initial values.

The initial values are mean 0 and variance 1. Each step reduces their share."""

_MIN_ACCURACY_DROP = 0.15
"""Smallest reported decrease of accuracy if BatchNormalization uses moving averages instead of batch statistics."""

_UNSCALED_INITIALIZERS = ("random_normal", "truncated_normal", "random_uniform", "orthogonal", "constant")
"""Initializers that do not scale weights by a layer's number of inputs, so that weights can be too large."""

_MIN_START_LOSS_RATIO = 4.0
"""Initial weights are too large if the initial loss is at least this multiple of the best constant prediction's loss.

Usual initial weights give a ratio of up to 1.5."""

_EQUAL_INITIALIZERS = ("zeros", "ones", "constant")
"""Initializers that give all units of a layer the same weights."""

_MAX_PENALTY_SHARE = 0.5
"""Regularization counts as too strong if its penalties are at least this share of the training loss."""

_MAX_SHRUNK_RATIO = 0.2
"""Penalties count as too strong if weights shrink to at most this share of their initial size.

Without penalties, weights grow during a training."""

_MIN_STRONG_NOISE = 0.8
"""Noise with at least this standard deviation counts as strong. Inputs have a standard deviation of about 1."""

_MAX_ACCURACY_COST = 0.3
"""Dropout or noise is reported if it lowers the training accuracy by more than this value."""

_MIN_STRONG_DROPOUT = 0.7
"""Smallest dropout rate that counts as strong. Usual rates are 0.2 to 0.5."""


def find_large_initial_weights(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if large initial weights cause an initial loss far above that of a constant prediction."""
    initial_loss = next((state.loss for state in evidence.states_by_epoch.get(0, ()) if state.loss is not None), None)
    stack, judgement = evidence.experiment.model.stack, evidence.score_judgement
    unscaled = [x for x in stack if x.kernel_initializer_type in _UNSCALED_INITIALIZERS]
    if (
        initial_loss is None
        or isinstance(judgement, str)
        or not unscaled
        or initial_loss < _MIN_START_LOSS_RATIO * judgement.constant_loss
    ):
        return
    observation = (
        f"before training the loss is {initial_loss:.4g}, and the best constant prediction has "
        f"{judgement.constant_loss:.4g}"
    )
    meaning = (
        f"kernel_initializer {unscaled[0].kernel_initializer_type} does not adapt to the number of inputs of a "
        "layer. The weights are too large here: training must first reduce them."
    )
    paths = dict.fromkeys(
        path
        for layer, path in zip(stack, evidence.experiment.model.layer_paths, strict=True)
        if layer.kernel_initializer_type in _UNSCALED_INITIALIZERS
    )
    overrides = [
        suggestions.build_short_override(evidence, path, "kernel_initializer", "glorot_uniform") for path in paths
    ]
    yield Finding(
        "large_start",
        "trouble",
        "the initial weights are too large",
        observation,
        meaning,
        0,
        {"loss": initial_loss, "constant": judgement.constant_loss},
        suggestions.suggest_training(evidence, *overrides),
    )


def find_inaccurate_averages(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if moving averages of BatchNormalization make the network worse.

    After few steps, the averages still consist of their initial values to a large part.
    """
    layers = [x for _, _, x in evidence.experiment.model.nested_layers if isinstance(x, BatchNormalization)]
    if not layers or not evidence.batches_per_epoch or not evidence.epoch_scores:
        return
    steps = evidence.batches_per_epoch * len(evidence.epoch_scores)
    momentum = max(layer.momentum for layer in layers)
    initial_share = momentum**steps
    training_accuracies = evidence.get_curve(evidence.accuracy_name)[-1:] if evidence.accuracy_name else []
    hits, measured = evidence.hit_counts, evidence.last_measurement
    if initial_share < _MAX_INITIAL_SHARE:
        return
    if training_accuracies and evidence.class_count:
        accuracy_with_averages = measured.correct if measured is not None and measured.correct is not None else None
        accuracy_with_averages = (
            accuracy_with_averages
            if accuracy_with_averages is not None
            else hits.accuracy
            if hits is not None
            else None
        )
        if accuracy_with_averages is None or training_accuracies[0] - accuracy_with_averages < _MIN_ACCURACY_DROP:
            return
        comparison = f"accuracy is {training_accuracies[0]:.2f} in training"
        comparison += (
            f" and {hits.accuracy:.2f} in validation" if hits is not None and hits.split == "validation" else ""
        )
    else:
        loss = evidence.get_curve("loss")
        if measured is None or measured.loss is None or measured.loss < 2 * loss[-1]:
            return
        comparison = (
            f"loss is {loss[-1]:.4g} in training and {measured.loss:.4g} with the averages on training examples"
        )
    observation = (
        f"{comparison}; after {steps} {'step' if steps == 1 else 'steps'} the moving averages of BatchNormalization "
        f"still consist of their initial values by {initial_share:.0%}"
    )
    meaning = (
        "In training, BatchNormalization uses statistics of the batch; afterwards it uses moving averages. A smaller "
        "momentum or more epochs improve the averages."
    )
    paths = dict.fromkeys(
        path
        for _, path, layer in evidence.experiment.model.nested_layers
        if isinstance(layer, BatchNormalization) and layer.momentum > 0.9
    )
    overrides = [suggestions.build_short_override(evidence, path, "momentum", "0.9") for path in paths]
    proposed = (*suggestions.suggest_training(evidence, *overrides), *suggestions.suggest_more_epochs(evidence))
    yield Finding(
        "batch_norm_averages",
        "trouble",
        "the moving averages of BatchNormalization are inaccurate",
        observation,
        meaning,
        None,
        {"steps": float(steps), "left": initial_share},
        proposed,
    )


def find_equal_weights(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if all units of a hidden layer begin with the same weights."""
    stack = evidence.experiment.model.stack
    hidden = stack[: find_output_layer(stack) or 0]
    equal_layers = [x for x in hidden if x.kernel_initializer_type in _EQUAL_INITIALIZERS]
    if not equal_layers or evidence.is_good:
        return
    observation = (
        f"kernel_initializer is {equal_layers[0].kernel_initializer_type} in {len(equal_layers)} hidden "
        f"{'layer' if len(equal_layers) == 1 else 'layers'}"
    )
    meaning = "Units with equal weights get equal gradients and stay equal: the layer acts like a single unit."
    overrides = suggestions.build_layer_overrides(
        evidence,
        lambda x: x.kernel_initializer_type in _EQUAL_INITIALIZERS,
        "kernel_initializer",
        "glorot_uniform",
    )
    yield Finding(
        "equal_weights",
        "trouble",
        "all units of a layer begin with the same weights",
        observation,
        meaning,
        0,
        {},
        suggestions.suggest_training(evidence, *overrides),
    )


def find_strong_penalty(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if a model scores poorly, and regularization or weight decay is too strong.

    Regularization is too strong if it dominates the loss. Both are too strong if they shrink weights to almost
    nothing.
    """
    measured, loss, decay = (
        evidence.last_measurement,
        evidence.get_curve("loss"),
        evidence.experiment.optimizer.weight_decay,
    )
    if not (evidence.has_penalties or decay) or measured is None or measured.loss is None or not loss:
        return
    share = (loss[-1] - measured.loss) / loss[-1] if loss[-1] > 0 and evidence.has_penalties else 0.0
    remaining_share = _compute_min_weight_ratio(evidence)
    if not evidence.is_weak or (share < _MAX_PENALTY_SHARE and remaining_share > _MAX_SHRUNK_RATIO):
        return
    observation = (
        f"penalties are {share:.0%} of the training loss {loss[-1]:.4g}" if share >= _MAX_PENALTY_SHARE else ""
    )
    if remaining_share <= _MAX_SHRUNK_RATIO:
        observation += (
            f"{'; ' if observation else ''}weights have shrunk to {remaining_share:.1%} of their initial size"
        )
    meaning = "The training reduces the weights instead of the prediction errors, so the weights end near 0."
    overrides: list[str] = []
    for key in ("kernel_regularizer", "bias_regularizer", "activity_regularizer"):
        layer_paths = dict.fromkeys(
            path for _, path, layer in evidence.experiment.model.nested_layers if getattr(layer, key, None) is not None
        )
        overrides += [
            suggestions.build_short_override(evidence, path, key, "{type: l2, l2: 1e-5}") for path in layer_paths
        ]
    overrides += ["optimizer.weight_decay=1e-4"] if decay and decay > 1e-4 else []
    yield Finding("strong_penalty", "trouble", "penalties on the weights are too strong", observation, meaning, None,
                  {"share": share}, suggestions.suggest_training(evidence, *overrides))  # fmt: skip


def _compute_min_weight_ratio(evidence: Evidence) -> float:
    """Return the smallest ratio, over all layers, of the weights' size at the last measurement to their initial size.

    The ratio is 1 if the weights were not measured.
    """
    epochs = list(evidence.states_by_epoch)
    if not epochs or epochs[0] != 0:
        return 1.0
    initial = {state.layer: state.weight for state in evidence.states_by_epoch[0]}
    last = evidence.states_by_epoch[epochs[-1]]
    ratios = [x.weight / first for x in last if x.weight is not None and (first := initial.get(x.layer))]
    return min(ratios, default=1.0)


def find_strong_noise(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if noise on the inputs of a layer hides their information."""
    sizes = [layer.stddev for layer in evidence.experiment.model.stack if isinstance(layer, GaussianNoise)]
    if (
        not sizes
        or max(sizes) < _MIN_STRONG_NOISE
        or evidence.accuracy_name is None
        or evidence.training_hit_counts is None
    ):
        return
    training_accuracies = evidence.get_curve(evidence.accuracy_name)
    if not training_accuracies or not (
        evidence.is_weak or evidence.training_hit_counts.accuracy - training_accuracies[-1] > _MAX_ACCURACY_COST
    ):
        return
    observation = (
        f"{evidence.accuracy_name} is {training_accuracies[-1]:.4f} with GaussianNoise of stddev {max(sizes):g}, and "
        f"{evidence.training_hit_counts.accuracy:.4f} without noise"
    )
    meaning = "The noise is larger than the values to which it is added. Usual standard deviations are 0.1 to 0.3."
    overrides = suggestions.build_layer_overrides(
        evidence, lambda x: isinstance(x, GaussianNoise) and x.stddev >= _MIN_STRONG_NOISE, "stddev", "0.1"
    )
    yield Finding(
        "strong_noise",
        "trouble",
        "the noise is too strong",
        observation,
        meaning,
        None,
        {"stddev": max(sizes)},
        suggestions.suggest_training(evidence, *overrides),
    )


def find_strong_dropout(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if a rate of dropout is too high for the network to learn."""
    drops = [layer.rate for layer in evidence.experiment.model.stack if isinstance(layer, Dropout)]
    learned = evidence.training_hit_counts
    if not drops or max(drops) < _MIN_STRONG_DROPOUT or learned is None or evidence.accuracy_name is None:
        return
    training_accuracies = evidence.get_curve(evidence.accuracy_name)
    is_low = learned.accuracy - learned.constant_accuracy < 0.5 * (1 - learned.constant_accuracy)
    if not training_accuracies or not (
        is_low or not evidence.is_good or learned.accuracy - training_accuracies[-1] > _MAX_ACCURACY_COST
    ):
        return
    observation = (
        f"{evidence.accuracy_name} is {training_accuracies[-1]:.4f} with a dropout rate of {max(drops):g}, and "
        f"{learned.accuracy:.4f} without dropout"
    )
    meaning = "Too few units remain in each step for the network to learn. Usual rates are 0.2 to 0.5."
    overrides = suggestions.build_layer_overrides(
        evidence, lambda x: isinstance(x, Dropout) and x.rate >= _MIN_STRONG_DROPOUT, "rate", "0.3"
    )
    yield Finding(
        "strong_dropout",
        "trouble",
        "the dropout rate is too high",
        observation,
        meaning,
        None,
        {"rate": max(drops)},
        suggestions.suggest_training(evidence, *overrides),
    )
