"""Findings from the states of the layers: gradients, dead units, saturated outputs, and changes of weights."""

import math
from collections.abc import Callable, Collection, Iterator
from statistics import median

from dnn_cli.config.activations import RELU_ACTIVATIONS, SATURATION_RANGES
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import list_layer_names
from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding, Suggestion
from dnn_cli.runs.diagnostics_csv import LayerState

_VANISHING_RATIO = 0.01
"""Gradients count as vanishing if the first layer's gradient is less than this share of the last layer's gradient.

A sigmoid passes at most a quarter of a gradient, so that four sigmoid layers fall below this share. With six relu
layers, the share was 0.2 to 0.6."""

_EXPLODING_RATIO = 1 / _VANISHING_RATIO

_MIN_DEAD_SHARE = 0.4
"""A layer is reported if at least this share of its units is dead: relu units that are 0 for every example.

Layers of good networks had up to 0.2. Narrow untrained layers have some dead units by chance."""

_MIN_SATURATED_SHARE = 0.75
"""A layer is reported if at least this share of its outputs is saturated: within 5% of the activation's limits.

A sigmoid layer of a good network had 0.43."""

_MIN_WEIGHT_CHANGE = 0.01
"""Weights count as hardly changing if the fastest kernel changes by less than this share of its size per epoch.

For comparison: Adagrad at a hundredth of the necessary learning rate changed kernels by 0.015 in the slowest epoch."""

_MAX_WEIGHT_CHANGE = 1.0
"""A relative change of a kernel in one epoch is reported if it exceeds this value, from the third epoch on.

Such a change replaces all weights."""

_MAX_EARLY_WEIGHT_CHANGE = 3.0
"""Limit that replaces `_MAX_WEIGHT_CHANGE` in the first two epochs, in which changes of good networks are not reported.

The kernels of good networks change by up to their own size in these epochs."""

_MIN_DEAD_UNITS = 3
"""Smallest number of dead units that is reported. Fewer can be dead by chance in a narrow layer."""

_MOSTLY_DEAD_SHARE = 0.7
"""A layer with at least this share of dead units has the severity `trouble`, even if the network is good."""

_GLOROT_UNIFORM = "glorot_uniform"
_LayerCondition = Callable[[BaseLayer], object]


def find_gradient_problems(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if gradients vanish or explode on the way from the last layer to the first."""
    ratios = {
        epoch: ratio
        for epoch in list_measured_epochs(evidence)
        if (ratio := compute_gradient_ratio(evidence, epoch)) is not None
    }
    if not ratios:
        return
    usual = median(ratios.values())
    epoch = max(ratios)
    first, *_, last = _list_gradient_states(evidence, epoch)
    figures = {"ratio": ratios[epoch], "first": first.gradient or 0.0, "last": last.gradient or 0.0}
    sizes = f"{first.gradient:.2g} and {last.gradient:.2g} {f'after epoch {epoch}' if epoch else 'before training'}"
    if usual < _VANISHING_RATIO:
        part = f"1/{float(f'{1 / ratios[epoch]:.2g}'):,.0f} of that" if ratios[epoch] else "0 times that"
        observation = f"the gradient of {first.layer} is {part} of {last.layer} ({sizes})"
        since = min(epoch for epoch, ratio in ratios.items() if ratio < _VANISHING_RATIO)
        saturating = any(layer.applied_activation in SATURATION_RANGES for layer in evidence.experiment.model.stack)
        meaning = (
            "Each layer passes back only a fraction of its gradient, so the first layers hardly learn."
            if saturating
            else "Little of the gradient reaches the first layers, so they hardly learn."
        )
        yield Finding("vanishing_gradient", "trouble", "the gradient vanishes", observation, meaning, since, figures,
                      _suggest_relu_layers(evidence))  # fmt: skip
    elif usual > _EXPLODING_RATIO:
        observation = f"the gradient of {first.layer} is {ratios[epoch]:,.0f} times that of {last.layer} ({sizes})"
        since = min(epoch for epoch, ratio in ratios.items() if ratio > _EXPLODING_RATIO)
        meaning = "Each layer passes back a larger gradient than it receives, so one step can undo many others."
        yield Finding("exploding_gradient", "trouble", "the gradient explodes", observation, meaning, since, figures,
                      suggestions.suggest_training(evidence, "optimizer.clipnorm=1"))  # fmt: skip


def _suggest_relu_layers(evidence: Evidence) -> tuple[Suggestion, ...]:
    """Return suggestions that preserve gradients: relu, and relu with suitable initial weights."""
    relu = suggestions.build_layer_overrides(
        evidence, _build_activation_condition(SATURATION_RANGES), "activation", "relu"
    )
    activations = (*SATURATION_RANGES, *RELU_ACTIVATIONS)
    start = suggestions.build_layer_overrides(
        evidence,
        lambda x: x.kernel_initializer_type is not None and x.applied_activation in activations,
        "kernel_initializer",
        "he_normal",
    )
    return (*suggestions.suggest_training(evidence, *relu), *suggestions.suggest_training(evidence, *relu, *start))


def find_dead_units(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if many relu units of a layer are 0 for every example."""
    worst = find_worst_layer(evidence, "dead")
    if (
        worst is None
        or (worst.dead or 0.0) < _MIN_DEAD_SHARE
        or (worst.dead or 0.0) * _count_layer_units(evidence, worst.layer) < _MIN_DEAD_UNITS
    ):
        return
    since, at_first = _find_first_epoch(evidence, worst.layer, "dead", _MIN_DEAD_SHARE)
    observation = (
        f"{worst.dead:.0%} of the units of {worst.layer} are 0 for all {worst.examples} measured training examples"
    )
    meaning = "A relu unit that is 0 for every example gets no gradient and stays 0. " + (
        "The usual causes are the initial weights or unscaled inputs."
        if at_first
        else "The usual cause is a step that is too large."
    )
    leaky = suggestions.suggest_training(evidence, *_build_leaky_overrides(evidence))
    slower = () if at_first else suggestions.suggest_lower_rate(evidence)[:1]
    is_spared = evidence.is_good and (worst.dead or 0.0) < _MOSTLY_DEAD_SHARE
    yield Finding("dead_relu", "advice" if is_spared else "trouble", "relu units are dead", observation, meaning, since,
                  {"dead": worst.dead or 0.0}, (*slower, *leaky))  # fmt: skip


def _count_layer_units(evidence: Evidence, name: str) -> float:
    """Return the number of units or filters of the layer with a name; infinite where the number is unknown."""
    stack = evidence.experiment.model.stack
    layer = dict(zip(list_layer_names(stack), stack, strict=True)).get(name)
    return float(getattr(layer, "units", None) or getattr(layer, "filters", None) or math.inf)


def find_saturated_outputs(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if most outputs of a layer are near their limits."""
    worst = find_worst_layer(evidence, "saturated")
    if worst is None or (worst.saturated or 0.0) < _MIN_SATURATED_SHARE:
        return
    since, at_first = _find_first_epoch(evidence, worst.layer, "saturated", _MIN_SATURATED_SHARE)
    observation = f"{worst.saturated:.0%} of the outputs of {worst.layer} are within 5% of the limits of its activation"
    meaning = (
        "Near its limits an activation is almost flat: its slope is less than a fifth of the largest slope. Earlier "
        "layers then get small gradients."
    )
    relu = suggestions.suggest_training(
        evidence,
        *suggestions.build_layer_overrides(
            evidence, _build_activation_condition(SATURATION_RANGES), "activation", "relu"
        ),
    )
    other = () if at_first and _build_initializer_overrides(evidence) else suggestions.suggest_lower_rate(evidence)[:1]
    first = suggestions.suggest_training(evidence, *_build_initializer_overrides(evidence)) if at_first else ()
    yield Finding("saturation", "trouble", "outputs are saturated", observation, meaning, since,
                  {"saturated": worst.saturated or 0.0}, (*first, *relu, *other))  # fmt: skip


_MIN_FACTOR = 10.0
"""Messages write a larger relative change as a factor such as `12 times`, because long percentages are hard to read."""


def _build_initializer_overrides(evidence: Evidence) -> tuple[str, ...]:
    """Return overrides that give layers with saturating activations Keras's default initializer."""
    return suggestions.build_layer_overrides(
        evidence,
        lambda x: (
            x.applied_activation in SATURATION_RANGES and x.kernel_initializer_type not in (None, _GLOROT_UNIFORM)
        ),
        "kernel_initializer",
        _GLOROT_UNIFORM,
    )


def find_wrong_step_sizes(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if weights change too little or too much in an epoch."""
    weight_changes = {
        (state.epoch, state.layer): pace
        for state in evidence.layer_states
        if (pace := _compute_weight_change(state)) is not None
    }
    if not weight_changes:
        return
    fastest = max(weight_changes, key=weight_changes.__getitem__)
    if weight_changes[fastest] < _MIN_WEIGHT_CHANGE and not evidence.is_decayed:
        observation = (
            f"no layer changed by more than {100 * weight_changes[fastest]:.2g}% of its size per epoch"
            f"{_format_total_change(evidence)}"
        )
        meaning = "The steps are too small for the network to learn. A larger learning rate causes larger steps."
        yield Finding(
            "barely_moving",
            "trouble",
            "the weights hardly change",
            observation,
            meaning,
            1,
            {"pace": weight_changes[fastest]},
            suggestions.suggest_higher_rate(evidence),
        )
    settled = {key: pace for key, pace in weight_changes.items() if key[0] > 2 and _get_change_start(evidence, key) > 0}
    early = {key: pace for key, pace in weight_changes.items() if key not in settled} if not evidence.is_good else {}
    for changes, limit in ((settled, _MAX_WEIGHT_CHANGE), (early, _MAX_EARLY_WEIGHT_CHANGE)):
        if changes and changes[fastest := max(changes, key=changes.__getitem__)] > limit:
            epoch, layer = fastest
            pace = changes[fastest]
            size = f"{pace:.3g} times" if pace > _MIN_FACTOR else f"{pace:.0%} of"
            observation = f"in epoch {epoch}, the weights of {layer} changed by {size} their norm"
            meaning = "Such large steps miss good weights. The learning rate is too large."
            yield Finding("thrown_about", "trouble", "the weights change too much", observation, meaning, epoch,
                          {"pace": changes[fastest]}, suggestions.suggest_lower_rate(evidence))  # fmt: skip
            return


def _format_total_change(evidence: Evidence) -> str:
    """Return the largest change of weights since epoch 0 as text; empty if the change was not measured."""
    totals = [
        state.moved
        for epoch in list_measured_epochs(evidence)[-1:]
        for state in evidence.states_by_epoch[epoch]
        if state.moved is not None
    ]
    return f"; the largest change since epoch 0 is {max(totals):.2%}" if totals else ""


def list_measured_epochs(evidence: Evidence) -> list[int]:
    """Return the measured epochs, in ascending order; 0 means the initial weights."""
    return list(evidence.states_by_epoch)


def _list_gradient_states(evidence: Evidence, epoch: int) -> list[LayerState]:
    """Return the states of the layers with a gradient after an epoch, from the first layer to the last."""
    return [state for state in evidence.states_by_epoch.get(epoch, ()) if state.gradient is not None]


def compute_gradient_ratio(evidence: Evidence, epoch: int) -> float | None:
    """Return the ratio of the first layer's gradient to that of the last layer; `None` for fewer than two gradients."""
    states = _list_gradient_states(evidence, epoch)
    if len(states) < 2 or not states[-1].gradient or states[0].gradient is None:
        return None
    return states[0].gradient / states[-1].gradient


def find_worst_layer(evidence: Evidence, share: str) -> LayerState | None:
    """Return the state of the layer with the largest share at the last measurement; `None` without such shares.

    Args:
        evidence: The evidence about the run.
        share: The field of the layer state: `dead` or `saturated`.
    """
    last = [
        state
        for epoch in list_measured_epochs(evidence)[-1:]
        for state in evidence.states_by_epoch[epoch]
        if getattr(state, share) is not None
    ]
    return max(last, key=lambda state: float(getattr(state, share)), default=None)


def _find_first_epoch(evidence: Evidence, layer: str, share: str, min_share: float) -> tuple[int, bool]:
    """Return the first epoch from which a layer's share never fell below a limit, and whether this epoch is 0.

    Epoch 0 means the initial weights.

    Args:
        evidence: The evidence about the run.
        layer: The name of the layer.
        share: The field of the layer state: `dead` or `saturated`.
        min_share: The limit.
    """
    shares = [(state.epoch, getattr(state, share) or 0.0) for state in evidence.layer_states if state.layer == layer]
    since = shares[-1][0]
    for epoch, value in reversed(shares):
        if value < min_share:
            break
        since = epoch
    return since, since == 0


def _compute_weight_change(state: LayerState) -> float | None:
    """Return the relative change of a kernel per epoch, since the previous measurement; `None` if not measured."""
    if state.update is None or state.since is None or state.epoch <= state.since:
        return None
    return state.update / (state.epoch - state.since)


def _get_change_start(evidence: Evidence, key: tuple[int, str]) -> int:
    """Return the epoch of the previous measurement, with which a measurement of a layer was compared.

    Args:
        evidence: The evidence about the run.
        key: The epoch of the measurement, and the name of the layer.
    """
    epoch, layer = key
    return next((state.since or 0 for state in evidence.states_by_epoch[epoch] if state.layer == layer), 0)


def _build_leaky_overrides(evidence: Evidence) -> tuple[str, ...]:
    """Return overrides that give relu layers a small slope for negative inputs."""
    values = {"activation": "leaky_relu", "layer.activation": "leaky_relu", "negative_slope": "0.2"}
    return tuple(
        override
        for key, value in values.items()
        for override in suggestions.build_layer_overrides(evidence, _build_relu_condition(key), key, value)
    )


def _build_relu_condition(key: str) -> _LayerCondition:
    """Return a condition that is true for relu layers whose activation is changed by a key, such as `activation`."""
    return lambda layer: (
        layer.applied_activation in RELU_ACTIVATIONS
        and (layer.activation_key == key or (layer.activation_key is None and key in type(layer).model_fields))
    )


def _build_activation_condition(names: Collection[str]) -> _LayerCondition:
    """Return a condition that is true for layers whose activation is one of `names`."""
    return lambda layer: layer.applied_activation in names
