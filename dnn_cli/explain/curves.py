"""Findings from the curves of a training: losses and scores, epoch by epoch."""

import math
from collections.abc import Iterator
from dataclasses import replace

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding, Remedy, Weight
from dnn_cli.runs.input_size import far_input
from dnn_cli.runs.target_size import far_targets
from dnn_cli.spec.layers import Dense

LOST = 0.05
"""A validation loss this much above its lowest value shows over-fitting: the criterion GL with α = 5% of Prechelt,
“Early Stopping – But When?” (1998)."""

AT_THE_END = 2
"""Epochs that a judgement of the end is about, as one alone goes up and down."""

STILL = 0.01
"""A loss that falls by this share an epoch is still falling. Networks that had learned what they could fell by less
than a quarter of it; those of five epochs that had not, by 2% to 7%."""

FLAT = 0.005
"""A loss that falls by a smaller share an epoch is flat."""

ALIKE = 1.1
"""A validation loss up to this multiple of the training loss is as good on new examples."""

PERFECT = 0.99
"""A training accuracy from which nothing is left to learn."""

WORSE = 0.1
"""A training loss rises if it goes up by this share of its whole fall and by half of that of itself. As a mean over an
epoch it goes up a little by chance, the more the fewer batches there are."""

MUCH_WORSE = 0.3
"""The same share where the network is good in the end, so that it has recovered."""

PATIENT = 2
"""A smaller patience ends a training at the first epoch that is worse by chance."""

NEARLY_ALL = 0.9
"""The share of the mistakes of the commonest class from which on a narrow layer holds enough."""

LOWERED = 0.01
"""The share of the first learning rate below which weights hardly move."""

GAP = 0.02
"""The least difference of a validation and a training accuracy to speak of."""

SURE = 3.0
"""Standard errors of such a difference."""


def ending(facts: Facts) -> Iterator[Finding]:
    """Yield why a training did not come to its end."""
    record = facts.record
    if record.status == "diverged":
        far = far_input(facts.experiment, facts.inputs) if facts.inputs else None
        meaning = "The usual cause is a learning rate that is too large: every step overshoots further than the last."
        if far is not None and far.size > 1:
            meaning = "Inputs this large make every step too large, so that each overshoots further than the last."
        first = remedies.standardized(facts) if far is not None and far.size > 1 else ()
        seen = [record.reason or "numbers were no longer finite", *([far.seen] if first and far else [])]
        targets = far_targets(facts.experiment, facts.inputs.labels) if facts.inputs else None
        if targets is not None:
            seen.append(targets.seen)
            meaning = f"Errors and steps as large as these numbers overshoot: {targets.remedy}. {meaning}"
        yield Finding(
            "divergence", "trouble", "it diverged", "; ".join(seen),
            meaning, record.epochs + 1, remedies=(*first, *remedies.slower(facts)),
        )  # fmt: skip
    elif record.status in ("failed", "interrupted"):
        yield Finding(
            record.status, "trouble", f"it {'failed' if record.status == 'failed' else 'was interrupted'}",
            record.reason or "the reason is not recorded", "All other findings are about the epochs before.",
            record.epochs + 1, remedies=(Remedy("resume"),) if record.status == "interrupted" else (),
        )  # fmt: skip


def thrown_back(facts: Facts) -> Iterator[Finding]:
    """Yield a training loss that rises."""
    loss = facts.curve("loss")
    for epoch in range(1, len(loss)):
        before = min(loss[:epoch])
        rise = loss[epoch] - before
        least = WORSE if facts.is_weak else MUCH_WORSE
        if rise > least * (loss[0] - before) and rise > WORSE / 2 * abs(before):
            yield Finding(
                "unstable", "advice", "the training loss rose",
                f"it went from {before:.4g} up to {loss[epoch]:.4g}",
                "The steps are too large to settle; a smaller learning rate gets lower.",
                epoch + 1, {"before": before, "after": loss[epoch]}, remedies.slower(facts, 1 / 3),
            )  # fmt: skip
            return


def over_fitting(facts: Facts) -> Iterator[Finding]:
    """Yield a validation loss that rises while the training loss goes on falling."""
    loss, validation = facts.curve("loss"), facts.curve("val_loss")
    if len(validation) <= AT_THE_END:
        return
    best = min(range(len(validation)), key=validation.__getitem__)
    if best >= len(validation) - AT_THE_END or loss[-1] >= loss[best] or validation[best] <= 0:
        return
    end = min(validation[-AT_THE_END:])
    if end < (1 + LOST) * validation[best] or is_within_error(facts, end - validation[best]):
        return
    seen = (
        f"val_loss was lowest in epoch {best + 1} ({validation[best]:.4g}) and is {end / validation[best] - 1:.0%} "
        f"higher at the end, while loss went on falling from {loss[best]:.4g} to {loss[-1]:.4g}"
    )
    figures = {"lowest": validation[best], "end": end, "loss_then": loss[best], "loss": loss[-1]}
    meaning = "From there on it memorizes its training examples, and its mistakes on others become more certain."
    stopping = facts.experiment.early_stopping
    restores = stopping is not None and stopping.restore_best_weights and len(loss) < facts.experiment.epochs
    if restores:
        meaning += " early_stopping ended it, and model.keras holds the weights of its best epoch."
    stop = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
    layers = remedies.in_layers(
        facts,
        lambda layer: getattr(layer, "kernel_regularizer", 0) is None,
        "kernel_regularizer",
        "{type: l2, l2: 1e-4}",
    )
    found = () if restores else (*remedies.training(facts, stop), *remedies.training(facts, *layers))
    weight: Weight = "good" if restores else "advice"
    yield Finding("over_fitting", weight, "it over-fits", seen, meaning, best + 2, figures, found)


def is_within_error(facts: Facts, rise: float) -> bool:
    """Return whether a rise of the validation loss is smaller than the standard error of that loss."""
    judged, error = facts.judged, None if isinstance(facts.judged, str) else facts.judged.own_error
    return not isinstance(judged, str) and judged.part == "validation" and error is not None and rise < error


def under_training(facts: Facts) -> Iterator[Finding]:
    """Yield a loss that is still falling at the end."""
    curve, loss = facts.curve(facts.watched), facts.curve("loss")
    epochs = len(curve)
    if epochs == 1 and facts.record.status == "completed" and facts.experiment.epochs == 1:
        seen = f"one epoch was trained; {facts.watched} is {curve[0]:.4g}"
        meaning = "One epoch shows no trend; more epochs show whether the loss still falls."
        found = remedies.longer(facts)
        yield Finding("under_training", "advice", "it was trained for one epoch only", seen, meaning, 1, {}, found)
    if epochs < 2 or facts.record.status != "completed" or facts.is_decayed:
        return
    stopping = facts.experiment.early_stopping
    if epochs < facts.experiment.epochs:
        if stopping is not None and stopping.patience < PATIENT:
            yield from stopped_early(facts, stopping.patience)
        return
    window = max(1, min(AT_THE_END, epochs - 1), epochs // 5)
    before, after = min(curve[:-window]), min(curve[-window:])
    if before <= facts.floor or loss[-1] >= loss[-window - 1]:
        return
    pace = (before - after) / (before - facts.floor) / window
    if pace < STILL:
        return
    span = f"the last {window} epochs" if window > 1 else "the last epoch"
    seen = f"in {span} the lowest {facts.watched} fell from {before:.4g} to {after:.4g}, {pace:.1%} an epoch"
    meaning = "More epochs will probably improve it, or a larger learning rate will do the same sooner."
    figures = {"before": before, "after": after, "pace": pace}
    yield Finding(
        "under_training", "advice", "it was still improving when the epochs ended", seen, meaning,
        epochs - window + 1, figures, (*remedies.longer(facts), remedies.FIND_RATE),
    )  # fmt: skip


def stopped_early(facts: Facts, patience: int) -> Iterator[Finding]:
    """Yield an early stop at the first epoch that was worse, while the training loss still fell."""
    loss = facts.curve("loss")
    if loss[-2] <= 0 or 1 - loss[-1] / loss[-2] < STILL:
        return
    seen = (
        f"early_stopping with patience {patience} ended it after {len(loss)} of {facts.experiment.epochs} epochs; "
        f"loss still fell from {loss[-2]:.4g} to {loss[-1]:.4g}"
    )
    meaning = "One epoch can be worse by chance; a larger patience waits until several are."
    found = remedies.training(facts, "early_stopping.patience=5", "early_stopping.restore_best_weights=true")
    yield Finding("stopped_early", "advice", "it was stopped too early", seen, meaning, len(loss), {}, found)


def under_fitting(facts: Facts) -> Iterator[Finding]:
    """Yield a hidden layer that is too narrow, or a training loss that is flat where the validation loss is, too."""
    narrow, hits = narrowest(facts), facts.hits
    if narrow is not None and hits is not None and hits.accuracy - hits.guess < NEARLY_ALL * (1 - hits.guess):
        yield too_narrow(facts, narrow)
        return
    loss, validation = facts.curve("loss"), facts.curve("val_loss")
    window = len(loss) // 3
    if window < 2 or not validation or facts.is_decayed or facts.record.status != "completed":
        return
    before, after = min(loss[:-window]), min(loss[-window:])
    accuracy = facts.curve(facts.accuracy) if facts.accuracy else []
    if before <= facts.floor or (before - after) / (before - facts.floor) / window >= FLAT:
        return
    if (accuracy and max(accuracy) >= PERFECT) or min(validation) > ALIKE * min(loss):
        return
    seen = (
        f"loss went from {before:.4g} to {after:.4g} in the last {window} epochs, and val_loss is {validation[-1]:.4g}"
    )
    yield Finding(
        "under_fitting", "advice" if facts.is_weak else "good", "it no longer improves",
        seen, "It is as good on new examples as in training. Where that is not enough, a larger network shows whether "
        "the network or the inputs are the limit.",
        len(loss) - window + 1, {"before": before, "after": after, "val_loss": validation[-1]},
        remedies.training(facts, *remedies.larger(facts)),
    )  # fmt: skip


def narrowest(facts: Facts) -> int | None:
    """Return the units of the narrowest hidden Dense layer, if they are fewer than the classes."""
    units = [layer.units for layer in facts.experiment.model.stack if isinstance(layer, Dense)][:-1]
    return min(units) if units and min(units) < (facts.classes or 0) else None


def too_narrow(facts: Facts, units: int) -> Finding:
    """Return that a hidden layer has fewer units than there are classes."""
    hits = facts.hits
    accuracy = f", and its accuracy is {hits.accuracy:.4f}" if hits is not None else ""
    seen = f"a hidden layer has {units} units for {facts.classes} classes{accuracy}"
    meaning = "All that the output layer knows of an input has to pass through these units; more of them hold more."
    found = remedies.in_layers(
        facts, lambda x: isinstance(x, Dense) and x.units == units, "units", str(max(32, 2 * (facts.classes or 0)))
    )
    return Finding("under_fitting", "advice", "a hidden layer is too narrow", seen, meaning, None,
                   {"units": float(units)}, remedies.training(facts, *found))  # fmt: skip


def lowered_early(facts: Facts) -> Iterator[Finding]:
    """Yield a learning rate that reduce_lr_on_plateau lowered to nearly nothing in the first half of the training."""
    plateau, rates = facts.experiment.reduce_lr_on_plateau, facts.curve("learning_rate")
    if plateau is None or not rates or not facts.is_weak:
        return
    low = next((epoch for epoch, rate in enumerate(rates, 1) if rate <= LOWERED * rates[0]), None)
    if low is None or low > max(1, len(rates) // 2):
        return
    seen = f"reduce_lr_on_plateau lowered it from {rates[0]:.2g} to {rates[low - 1]:.2g} by epoch {low} of {len(rates)}"
    meaning = "A larger patience waits until the loss has really stopped falling."
    found = remedies.training(facts, "reduce_lr_on_plateau.patience=5", "reduce_lr_on_plateau.factor=0.5")
    yield Finding("schedule", "trouble", "the learning rate falls too early", seen, meaning, low, {}, found)


def validation_above_training(facts: Facts) -> Iterator[Finding]:
    """Yield a validation accuracy clearly above the training accuracy though no layer drops anything, and why."""
    validation = facts.record.data.get("validation")
    if facts.accuracy is None or facts.has_noise or not isinstance(validation, int) or not facts.training_examples:
        return
    train, other = facts.curve(facts.accuracy), facts.curve(f"val_{facts.accuracy}")
    if not train or not other or validation < 1:
        return
    last, gap = facts.last, other[-1] - train[-1]
    if not is_sure(gap, train[-1], facts.training_examples, other[-1], validation):
        return
    seen = f"{facts.accuracy} is {other[-1]:.4f} on validation and {train[-1]:.4f} in training"
    figures = {"validation": other[-1], "training": train[-1]}
    measured = last.correct if last is not None else None
    rose = len(train) > 1 and train[-1] - train[-2] > gap / 2
    averaged = len(train) == 1 or rose
    if last is not None and measured is not None:
        averaged = not is_sure(other[-1] - measured, measured, last.examples, other[-1], validation)
        seen += f"; at the end of the last epoch it is {measured:.4f} on {last.examples} training examples"
        figures["training_at_the_end"] = measured
    if averaged:
        meaning = "The training score is an average over the epoch, while the network still improved; this is no fault."
        weight: Weight = "good"
    else:
        meaning = (
            "Nothing is dropped in training, and the network was no worse during the epoch: the validation set holds "
            "easier examples, or others than the training set. Compare them, or divide the data at random."
        )
        weight = "advice"
    found = remedies.training(facts, "data.stratify=true") if weight == "advice" and facts.classes else ()
    title = "the validation score is above the training score"
    yield Finding("validation_above_training", weight, title, seen, meaning, len(train), figures, found)


def is_sure(gap: float, first: float, n: int, second: float, m: int) -> bool:
    """Return whether two shares, of n and of m examples, differ by more than chance."""
    share = (first * n + second * m) / (n + m)
    error = math.sqrt(max(share * (1 - share), 0.25 / (n + m)) * (1 / n + 1 / m))
    return gap > max(GAP, SURE * error)


def without_remedies(finding: Finding) -> Finding:
    """Return a finding whose remedies another finding has already."""
    return replace(finding, remedies=())
