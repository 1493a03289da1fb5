"""Findings from the states of the layers: gradients, dead units, saturated outputs, and changes of the weights."""

import math
from collections.abc import Callable, Iterator
from statistics import median

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding, Remedy
from dnn_cli.runs.diagnostics import LayerState
from dnn_cli.spec.layers import Activation, Kernel, Layer
from dnn_cli.spec.lint import SATURATING
from dnn_cli.spec.stack import layer_names

VANISHING = 0.01
"""The first layer's gradient divided by the last one's. A sigmoid passes at most a quarter of a gradient, so four of
them fall below this value; six relu layers kept 0.2 to 0.6."""

EXPLODING = 1 / VANISHING

DEAD = 0.4
"""The share of a layer's units. Layers of good networks had up to 0.2; a narrow new layer has some by chance."""

SATURATED = 0.75
"""The share of a layer's outputs. A sigmoid layer of a good network had 0.43."""

BARELY = 0.01
"""The change of a kernel in an epoch, as a share of it. Adagrad at a hundredth of the rate that it needs moved its
kernels by 0.015 in its slowest epoch."""

THROWN = 1.0
"""The same, from the third epoch on: after it nothing is left of the weights before."""

THROWN_AT_FIRST = 3.0
"""The same in the first epochs of a network that learned nothing, as good ones change by up to their own size there."""

FEWEST_DEAD = 3
"""Dead units of a layer below which a narrow layer has them by chance."""

MOSTLY_DEAD = 0.7
"""Dead units of a layer from which the network has lost most of it, even if what is left does well."""

RELU = ("relu", "relu6")
GLOROT = "glorot_uniform"
Wanted = Callable[[Layer], object]


def vanishing_gradient(facts: Facts) -> Iterator[Finding]:
    """Yield gradients that get smaller from the last layer to the first, or larger."""
    ratios = {epoch: ratio for epoch in epochs(facts) if (ratio := first_to_last(facts, epoch)) is not None}
    if not ratios:
        return
    usual = median(ratios.values())
    epoch = max(ratios)
    first, *_, last = kernels(facts, epoch)
    figures = {"ratio": ratios[epoch], "first": first.gradient or 0.0, "last": last.gradient or 0.0}
    sizes = f"{first.gradient:.2g} against {last.gradient:.2g} after epoch {epoch}" if epoch else "at the beginning"
    if usual < VANISHING:
        part = f"1/{float(f'{1 / ratios[epoch]:.2g}'):,.0f} of that" if ratios[epoch] else "nothing of that"
        seen = f"the gradient in {first.layer} is {part} in {last.layer}: {sizes}"
        since = min(epoch for epoch, ratio in ratios.items() if ratio < VANISHING)
        saturating = any(activation(layer) in SATURATING for layer in facts.experiment.model.stack)
        meaning = (
            "Each layer passes back only a fraction of its gradient, so the first layers hardly learn."
            if saturating
            else "Little of the gradient reaches the first layers, so they hardly learn."
        )
        yield Finding("vanishing_gradient", "trouble", "the gradient vanishes", seen, meaning, since, figures,
                      open_layers(facts))  # fmt: skip
    elif usual > EXPLODING:
        seen = f"the gradient in {first.layer} is {ratios[epoch]:,.0f} times that in {last.layer}: {sizes}"
        since = min(epoch for epoch, ratio in ratios.items() if ratio > EXPLODING)
        meaning = "Each layer passes back more than it gets, so one step can undo many."
        yield Finding("exploding_gradient", "trouble", "the gradient explodes", seen, meaning, since, figures,
                      remedies.training(facts, "optimizer.clipnorm=1"))  # fmt: skip


def open_layers(facts: Facts) -> tuple[Remedy, ...]:
    """Return what lets the gradient through: relu, and initial weights of a size that suits it."""
    relu = remedies.in_layers(facts, having(SATURATING), "activation", "relu")
    wanted = (*SATURATING, *RELU)
    start = remedies.in_layers(facts, lambda x: isinstance(x, Kernel) and x.activation in wanted,
                               "kernel_initializer", "he_normal")  # fmt: skip
    return (*remedies.training(facts, *relu), *remedies.training(facts, *relu, *start))


def dead_units(facts: Facts) -> Iterator[Finding]:
    """Yield layers of relu many of whose units are 0 for every example."""
    worst = worst_of(facts, "dead")
    if worst is None or (worst.dead or 0.0) < DEAD or (worst.dead or 0.0) * units_of(facts, worst.layer) < FEWEST_DEAD:
        return
    since, at_first = since_when(facts, worst.layer, "dead", DEAD)
    seen = f"{worst.dead:.0%} of the units of {worst.layer} are 0 for all {worst.examples} training examples measured"
    meaning = "A relu unit that is 0 for every example gets no gradient and stays 0. " + (
        "The initial weights or unscaled inputs do it." if at_first else "A step that is too large does it."
    )
    leaky = remedies.training(facts, *remedies.in_layers(facts, having(RELU), "activation", "leaky_relu"))
    slower = () if at_first else remedies.slower(facts)[:1]
    spared = facts.is_good and (worst.dead or 0.0) < MOSTLY_DEAD
    yield Finding("dead_relu", "advice" if spared else "trouble", "relu units are dead", seen, meaning, since,
                  {"dead": worst.dead or 0.0}, (*slower, *leaky))  # fmt: skip


def units_of(facts: Facts, name: str) -> float:
    """Return the number of units or filters of the layer with a name; infinite where it is not known."""
    stack = facts.experiment.model.stack
    layer = dict(zip(layer_names(stack), stack, strict=True)).get(name)
    return float(getattr(layer, "units", None) or getattr(layer, "filters", None) or math.inf)


def saturated_outputs(facts: Facts) -> Iterator[Finding]:
    """Yield layers most of whose outputs are near their limits."""
    worst = worst_of(facts, "saturated")
    if worst is None or (worst.saturated or 0.0) < SATURATED:
        return
    since, at_first = since_when(facts, worst.layer, "saturated", SATURATED)
    seen = f"{worst.saturated:.0%} of the outputs of {worst.layer} are within 5% of their limits"
    meaning = "Near its limits an activation is flat: it passes less than a fifth of the gradient it can pass."
    relu = remedies.training(facts, *remedies.in_layers(facts, having(SATURATING), "activation", "relu"))
    other = () if at_first and usual_start(facts) else remedies.slower(facts)[:1]
    first = remedies.training(facts, *usual_start(facts)) if at_first else ()
    yield Finding("saturation", "trouble", "outputs are saturated", seen, meaning, since,
                  {"saturated": worst.saturated or 0.0}, (*first, *relu, *other))  # fmt: skip


TIMES = 10.0
"""The ratio from which on a change is given as a factor: percentages of five digits are hard to read."""


def usual_start(facts: Facts) -> tuple[str, ...]:
    """Return Keras's own initial weights for the layers that saturate, where they have others."""
    return remedies.in_layers(
        facts,
        lambda x: isinstance(x, Kernel) and x.activation in SATURATING and x.kernel_initializer.type != GLOROT,
        "kernel_initializer",
        GLOROT,
    )


def steps(facts: Facts) -> Iterator[Finding]:
    """Yield weights that barely move, or that are thrown about."""
    moved = {(state.epoch, state.layer): pace for state in facts.states if (pace := pace_of(state)) is not None}
    if not moved:
        return
    fastest = max(moved, key=moved.__getitem__)
    if moved[fastest] < BARELY and not facts.is_decayed:
        seen = f"in no measured epoch any by more than {100 * moved[fastest]:.2g}% of its size{total_text(facts)}"
        meaning = "The steps are too small to get anywhere; a larger learning rate takes larger ones."
        yield Finding("barely_moving", "trouble", "the weights barely move", seen, meaning, 1,
                      {"pace": moved[fastest]}, remedies.faster(facts))  # fmt: skip
    settled = {key: pace for key, pace in moved.items() if key[0] > 2 and since_of(facts, key) > 0}
    early = {key: pace for key, pace in moved.items() if key not in settled} if not facts.is_good else {}
    for found, limit in ((settled, THROWN), (early, THROWN_AT_FIRST)):
        if found and found[fastest := max(found, key=found.__getitem__)] > limit:
            epoch, layer = fastest
            pace = found[fastest]
            size = f"{pace:.3g} times" if pace > TIMES else f"{pace:.0%} of"
            seen = f"those of {layer} changed by {size} their size in epoch {epoch}"
            meaning = "After such an epoch nothing is left of the weights before; the learning rate is too large."
            yield Finding("thrown_about", "trouble", "the weights are thrown about", seen, meaning, epoch,
                          {"pace": found[fastest]}, remedies.slower(facts))  # fmt: skip
            return


def total_text(facts: Facts) -> str:
    """Return how far the weights have moved in all, in words; nothing where that was not measured."""
    totals = [state.moved for epoch in epochs(facts)[-1:] for state in facts.looks[epoch] if state.moved is not None]
    return f"; since epoch 0 by {max(totals):.2%} at most" if totals else ""


def epochs(facts: Facts) -> list[int]:
    """Return the measured epochs."""
    return list(facts.looks)


def kernels(facts: Facts, epoch: int) -> list[LayerState]:
    """Return the layers with a gradient after an epoch, from the input to the output."""
    return [state for state in facts.looks.get(epoch, ()) if state.gradient is not None]


def first_to_last(facts: Facts, epoch: int) -> float | None:
    """Return the first layer's gradient as a multiple of the last one's; `None` where there are not two."""
    found = kernels(facts, epoch)
    if len(found) < 2 or not found[-1].gradient or found[0].gradient is None:
        return None
    return found[0].gradient / found[-1].gradient


def worst_of(facts: Facts, share: str) -> LayerState | None:
    """Return the layer with the largest share at the last measurement, if any has it."""
    last = [state for epoch in epochs(facts)[-1:] for state in facts.looks[epoch] if getattr(state, share) is not None]
    return max(last, key=lambda state: float(getattr(state, share)), default=None)


def since_when(facts: Facts, layer: str, share: str, least: float) -> tuple[int, bool]:
    """Return the epoch from which on a layer's share is at least this, and whether the initial weights have it."""
    looks = [(state.epoch, getattr(state, share) or 0.0) for state in facts.states if state.layer == layer]
    since = looks[-1][0]
    for epoch, value in reversed(looks):
        if value < least:
            break
        since = epoch
    return since, since == 0


def pace_of(state: LayerState) -> float | None:
    """Return the change of a kernel in an epoch, as a share of it."""
    if state.update is None or state.since is None or state.epoch <= state.since:
        return None
    return state.update / (state.epoch - state.since)


def since_of(facts: Facts, key: tuple[int, str]) -> int:
    """Return the epoch from which the change of a layer counts."""
    epoch, layer = key
    return next((state.since or 0 for state in facts.looks[epoch] if state.layer == layer), 0)


def activation(layer: Layer) -> str | None:
    """Return a layer's activation, if it has one."""
    return layer.activation if isinstance(layer, Kernel | Activation) else None


def having(names: tuple[str, ...]) -> Wanted:
    """Return a condition for layers with one of some activations."""
    return lambda layer: activation(layer) in names
