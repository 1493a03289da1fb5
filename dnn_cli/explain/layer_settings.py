"""Findings about settings of layers that keep a network from learning: initial weights, penalties, noise, averages."""

from collections.abc import Iterator

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding
from dnn_cli.spec.layers import BatchNormalization, Dropout, GaussianNoise, Kernel

LEFT = 0.1
"""The share of their initial values, 0 and 1, from which averages of BatchNormalization mislead."""

LOWER = 0.15
"""The accuracy by which a network is worse with its averages than with those of its batches."""

UNSCALED = ("random_normal", "truncated_normal", "random_uniform", "orthogonal", "constant")
"""Initial weights of a size that the config gives."""

FAR_START = 4.0
"""The multiple of the constant's loss at which networks of usual initial weights never begin: they have up to 1.5."""

ALIKE = ("zeros", "ones", "constant")
"""Initial weights that are the same for all units of a layer."""

MOST = 0.5
"""The share of the training loss above which penalties of layers outweigh the loss itself."""

SHRUNK = 0.2
"""The share of their initial size to which strong penalties shrink weights; without them weights grow."""

LOUD = 0.8
"""A deviation of noise beside inputs of about 1."""

COSTS = 0.3
"""The accuracy that dropout or noise may cost in training."""

DROPS = 0.7
"""A rate of dropout above the usual 0.2 to 0.5."""


def large_start(facts: Facts) -> Iterator[Finding]:
    """Yield initial weights so large that the loss begins far above that of a constant prediction."""
    first = next((state.loss for state in facts.looks.get(0, ()) if state.loss is not None), None)
    stack, judged = facts.experiment.model.stack, facts.judged
    unscaled = [x for x in stack if isinstance(x, Kernel) and x.kernel_initializer.type in UNSCALED]
    if first is None or isinstance(judged, str) or not unscaled or first < FAR_START * judged.constant:
        return
    seen = f"before the first batch the loss is {first:.4g}, and a constant prediction has {judged.constant:.4g}"
    meaning = (
        f"kernel_initializer {unscaled[0].kernel_initializer.type} does not depend on the size of a layer, and these "
        "weights are too large for it: the training first has to undo them."
    )
    paths = dict.fromkeys(
        path
        for layer, path in zip(stack, facts.experiment.model.paths, strict=True)
        if isinstance(layer, Kernel) and layer.kernel_initializer.type in UNSCALED
    )
    change = [remedies.shortest(facts, path, "kernel_initializer", "glorot_uniform") for path in paths]
    yield Finding("large_start", "trouble", "the initial weights are too large", seen, meaning, 0,
                  {"loss": first, "constant": judged.constant}, remedies.training(facts, *change))  # fmt: skip


def batch_norm_averages(facts: Facts) -> Iterator[Finding]:
    """Yield averages of BatchNormalization that have seen too few steps, where the network is worse with them."""
    layers = [x for x in facts.experiment.model.stack if isinstance(x, BatchNormalization)]
    if not layers or not facts.batches or not facts.rows:
        return
    steps = facts.batches * len(facts.rows)
    momentum = max(layer.momentum for layer in layers)
    left = momentum**steps
    inside = facts.curve(facts.accuracy)[-1:] if facts.accuracy else []
    hits, measured = facts.hits, facts.last
    if left < LEFT:
        return
    if inside and facts.classes:
        outside = measured.correct if measured is not None and measured.correct is not None else None
        outside = outside if outside is not None else hits.accuracy if hits is not None else None
        if outside is None or inside[0] - outside < LOWER:
            return
        shown = f"accuracy is {inside[0]:.2f} in training"
        shown += f" and {hits.accuracy:.2f} on validation" if hits is not None and hits.part == "validation" else ""
    else:
        loss = facts.curve("loss")
        if measured is None or measured.loss is None or measured.loss < 2 * loss[-1]:
            return
        shown = f"loss is {loss[-1]:.4g} in training and {measured.loss:.4g} with the averages on training examples"
    seen = f"{shown}: the averages of BatchNormalization have seen {steps} steps and are {left:.0%} initial values"
    meaning = (
        "In training a batch is normalized by itself, later by averages over the steps. A smaller momentum lets them "
        "follow sooner; a longer training does, too."
    )
    paths = dict.fromkeys(
        path
        for layer, path in zip(facts.experiment.model.stack, facts.experiment.model.paths, strict=True)
        if isinstance(layer, BatchNormalization) and layer.momentum > 0.9
    )
    overrides = [remedies.shortest(facts, path, "momentum", "0.9") for path in paths]
    found = (*remedies.training(facts, *overrides), *remedies.longer(facts))
    yield Finding("batch_norm_averages", "trouble", "BatchNormalization's averages have seen few steps", seen, meaning,
                  None, {"steps": float(steps), "left": left}, found)  # fmt: skip


def equal_weights(facts: Facts) -> Iterator[Finding]:
    """Yield hidden layers whose units all begin with the same weights."""
    stack = facts.experiment.model.stack
    output = max((index for index, layer in enumerate(stack) if isinstance(layer, Kernel)), default=0)
    alike = [x for x in stack[:output] if isinstance(x, Kernel) and x.kernel_initializer.type in ALIKE]
    if not alike or facts.is_good:
        return
    seen = f"kernel_initializer is {alike[0].kernel_initializer.type} in {len(alike)} hidden layers"
    meaning = "Units that begin equal get equal gradients and stay equal: the layer is one unit, or none."
    change = remedies.in_layers(
        facts, lambda x: isinstance(x, Kernel) and x.kernel_initializer.type in ALIKE, "kernel_initializer",
        "glorot_uniform",
    )  # fmt: skip
    yield Finding("equal_weights", "trouble", "all units of a layer begin with the same weights", seen, meaning, 0, {},
                  remedies.training(facts, *change))  # fmt: skip


def strong_penalty(facts: Facts) -> Iterator[Finding]:
    """Yield penalties that outweigh the loss, or that shrink the weights, of a network that is not good."""
    measured, loss, decay = facts.last, facts.curve("loss"), facts.experiment.optimizer.weight_decay
    if not (facts.has_penalties or decay) or measured is None or measured.loss is None or not loss:
        return
    share = (loss[-1] - measured.loss) / loss[-1] if loss[-1] > 0 and facts.has_penalties else 0.0
    left = smallest_weights(facts)
    if not facts.is_weak or (share < MOST and left > SHRUNK):
        return
    seen = f"{share:.0%} of the training loss {loss[-1]:.4g} are penalties" if share >= MOST else ""
    if left <= SHRUNK:
        seen += f"{'; ' if seen else ''}weights have shrunk to {left:.1%} of their initial size"
    meaning = "The training makes weights small instead of predictions right: so they end near 0."
    change: list[str] = []
    for key in ("kernel_regularizer", "bias_regularizer", "activity_regularizer"):
        places = dict.fromkeys(
            path
            for layer, path in zip(facts.experiment.model.stack, facts.experiment.model.paths, strict=True)
            if getattr(layer, key, None) is not None
        )
        change += [remedies.shortest(facts, path, key, "{type: l2, l2: 1e-5}") for path in places]
    change += ["optimizer.weight_decay=1e-4"] if decay and decay > 1e-4 else []
    yield Finding("strong_penalty", "trouble", "penalties on the weights are too strong", seen, meaning, None,
                  {"share": share}, remedies.training(facts, *change))  # fmt: skip


def smallest_weights(facts: Facts) -> float:
    """Return the least ratio of a layer's weights at the last measurement to its initial weights."""
    epochs = list(facts.looks)
    if not epochs or epochs[0] != 0:
        return 1.0
    initial = {state.layer: state.weight for state in facts.looks[0]}
    last = facts.looks[epochs[-1]]
    ratios = [x.weight / first for x in last if x.weight is not None and (first := initial.get(x.layer))]
    return min(ratios, default=1.0)


def strong_noise(facts: Facts) -> Iterator[Finding]:
    """Yield noise on the inputs of a layer that hides what they hold."""
    sizes = [layer.stddev for layer in facts.experiment.model.stack if isinstance(layer, GaussianNoise)]
    if not sizes or max(sizes) < LOUD or facts.accuracy is None or facts.learned is None:
        return
    inside = facts.curve(facts.accuracy)
    if not inside or not (facts.is_weak or facts.learned.accuracy - inside[-1] > COSTS):
        return
    seen = (
        f"GaussianNoise of {max(sizes):g}: {facts.accuracy} is {inside[-1]:.4f} with it and "
        f"{facts.learned.accuracy:.4f} without"
    )
    meaning = "The noise is larger than the numbers it is added to; usual deviations are 0.1 to 0.3."
    change = remedies.in_layers(facts, lambda x: isinstance(x, GaussianNoise) and x.stddev >= LOUD, "stddev", "0.1")
    yield Finding("strong_noise", "trouble", "the noise is too strong", seen, meaning, None, {"stddev": max(sizes)},
                  remedies.training(facts, *change))  # fmt: skip


def strong_dropout(facts: Facts) -> Iterator[Finding]:
    """Yield a rate of dropout that leaves too little to learn from."""
    drops = [layer.rate for layer in facts.experiment.model.stack if isinstance(layer, Dropout)]
    learned = facts.learned
    if not drops or max(drops) < DROPS or learned is None or facts.accuracy is None:
        return
    inside = facts.curve(facts.accuracy)
    is_low = learned.accuracy - learned.guess < 0.5 * (1 - learned.guess)
    if not inside or not (is_low or not facts.is_good or learned.accuracy - inside[-1] > COSTS):
        return
    seen = f"dropout of {max(drops):g}: {facts.accuracy} is {inside[-1]:.4f} with it and {learned.accuracy:.4f} without"
    meaning = "So few units are left in each step that the network can hardly learn; usual rates are 0.2 to 0.5."
    change = remedies.in_layers(facts, lambda x: isinstance(x, Dropout) and x.rate >= DROPS, "rate", "0.3")
    yield Finding("strong_dropout", "trouble", "too many units are dropped", seen, meaning, None,
                  {"rate": max(drops)}, remedies.training(facts, *change))  # fmt: skip
