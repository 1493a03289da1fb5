"""What the curves of a training show: losses and scores, epoch by epoch."""

import math
from collections.abc import Iterator

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding, Remedy, Weight

LOST = 0.05
"""A validation loss that is so much above its lowest value tells of over-fitting: the criterion GL with α = 5% of
Prechelt, “Early Stopping – But When?” (1998)."""

AT_THE_END = 2
"""Epochs that a judgement of the end is about, as one alone goes up and down."""

STILL = 0.01
"""A loss that falls by so much an epoch is still falling. Networks that had learnt what they could fell by less than a
quarter of that; those of five epochs that did not, by 2% to 7%."""

FLAT = 0.005
"""A loss that falls by less an epoch is flat."""

ALIKE = 1.1
"""A validation loss up to so many times the training loss: the network knows no more of what it was shown."""

PERFECT = 0.99
"""Nothing is left to be learnt from a training accuracy on."""

WORSE = 0.1
"""A training loss is thrown back that rises by such a share of all that it has fallen, and by half of that of itself.
As a mean over an epoch it goes up a little by chance, the more the fewer batches there are."""

LUCK = 3.0
"""Standard errors of an accuracy within which nothing is better than guessing."""

MARGIN = 0.02
"""The same at least; as a share of the variance for a regression."""


def ending(facts: Facts) -> Iterator[Finding]:
    """A training that did not come to its end."""
    record = facts.record
    if record.status == "diverged":
        yield Finding(
            "divergence", "trouble", "it diverged", record.reason or "numbers were no longer finite",
            "A learning rate that is too large is the usual cause: every step overshoots further than the one before.",
            record.epochs + 1, remedies=remedies.slower(facts),
        )  # fmt: skip
    elif record.status in ("failed", "interrupted"):
        yield Finding(
            record.status, "trouble", f"it {'failed' if record.status == 'failed' else 'was interrupted'}",
            record.reason or "nobody knows why", "What follows is about the epochs before.", record.epochs + 1,
            remedies=(Remedy("resume"),) if record.status == "interrupted" else (),
        )  # fmt: skip


def no_better_than_guessing(facts: Facts) -> Iterator[Finding]:
    """A network that has learnt nothing of use."""
    title, meaning = "it learnt nothing", "The outputs do not depend on the inputs in any way that is of use."
    if facts.guess is not None and facts.accuracy is not None:
        curve, guess = facts.curve(facts.accuracy), facts.guess
        error = math.sqrt(guess.accuracy * (1 - guess.accuracy) / guess.examples) if guess.examples else 0.0
        if not curve or max(curve) > guess.accuracy + max(MARGIN, LUCK * error):
            return
        what = "always the commonest class" if guess.examples else "guessing among the classes"
        seen = f"{facts.accuracy} was {max(curve):.4f} at best; {what} gives {guess.accuracy:.4f}"
        figures = {"best": max(curve), "guessing": guess.accuracy}
    elif facts.explained is not None and facts.explained < MARGIN:
        seen = f"it explains {max(facts.explained, 0):.0%} of the variance on the validation set; the mean explains 0%"
        figures = {"explained": facts.explained}
    else:
        return
    loss = facts.curve("loss")
    too_fast = bool(loss) and loss[0] > 1.5 * min(loss)
    yield Finding(
        "no_better_than_guessing", "trouble", title, seen, meaning, 1, figures,
        remedies.slower(facts) if too_fast else (remedies.FIND_RATE,),
    )  # fmt: skip


def thrown_back(facts: Facts) -> Iterator[Finding]:
    """A training loss that rises."""
    loss = facts.curve("loss")
    for epoch in range(1, len(loss)):
        before = min(loss[:epoch])
        rise = loss[epoch] - before
        if rise > WORSE * (loss[0] - before) and rise > WORSE / 2 * abs(before):
            yield Finding(
                "unstable", "advice", "the training loss rose",
                f"it went from {before:.4g} to {loss[epoch]:.4g}",
                "Steps are too large to settle anywhere; a smaller learning rate goes further.",
                epoch + 1, {"before": before, "after": loss[epoch]}, remedies.slower(facts, 1 / 3),
            )  # fmt: skip
            return


def over_fitting(facts: Facts) -> Iterator[Finding]:
    """A validation loss that rises while the training loss goes on falling."""
    loss, validation = facts.curve("loss"), facts.curve("val_loss")
    if len(validation) <= AT_THE_END:
        return
    best = min(range(len(validation)), key=validation.__getitem__)
    if best >= len(validation) - AT_THE_END or loss[-1] >= loss[best] or validation[best] <= 0:
        return
    end = min(validation[-AT_THE_END:])
    if end < (1 + LOST) * validation[best]:
        return
    seen = (
        f"val_loss was lowest in epoch {best + 1} ({validation[best]:.4g}) and is {end / validation[best] - 1:.0%} "
        f"higher at the end, while loss fell on from {loss[best]:.4g} to {loss[-1]:.4g}"
    )
    figures = {"lowest": validation[best], "end": end, "loss_then": loss[best], "loss": loss[-1]}
    meaning = "From there on it learns its training examples by heart, and becomes surer of what it gets wrong."
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


def under_training(facts: Facts) -> Iterator[Finding]:
    """A loss that is still falling at the end."""
    curve, loss = facts.curve(facts.watched), facts.curve("loss")
    epochs = len(curve)
    if epochs == 1 and facts.record.status == "completed" and facts.experiment.epochs == 1:
        seen, meaning = f"one epoch was trained; {facts.watched} is {curve[0]:.4g}", "One point is no curve."
        yield Finding(
            "under_training", "advice", "it was trained briefly", seen, meaning, 1, {}, remedies.longer(facts)
        )
    if epochs < 2 or facts.record.status != "completed" or epochs < facts.experiment.epochs or facts.is_decayed:
        return
    window = max(1, min(AT_THE_END, epochs - 1), epochs // 5)
    before, after = min(curve[:-window]), min(curve[-window:])
    if before <= 0 or loss[-1] >= loss[-window - 1]:
        return
    pace = (1 - after / before) / window
    if pace < STILL:
        return
    span = f"the last {window} epochs" if window > 1 else "the last epoch"
    seen = f"the lowest {facts.watched} of {span}, {after:.4g}, is {pace:.1%} an epoch below that before, {before:.4g}"
    meaning = "More epochs will probably bring more, or a larger learning rate the same sooner."
    figures = {"before": before, "after": after, "pace": pace}
    yield Finding(
        "under_training", "advice", "it was still getting better", seen, meaning, epochs - window + 1, figures,
        (*remedies.longer(facts), remedies.FIND_RATE),
    )  # fmt: skip


def under_fitting(facts: Facts) -> Iterator[Finding]:
    """A training loss that is flat at a level that the validation has, too."""
    loss, validation = facts.curve("loss"), facts.curve("val_loss")
    window = len(loss) // 3
    if window < 2 or not validation or facts.is_decayed or facts.record.status != "completed":
        return
    before, after = min(loss[:-window]), min(loss[-window:])
    accuracy = facts.curve((facts.accuracy or "").removeprefix("val_"))
    if before <= 0 or (1 - after / before) / window >= FLAT or (accuracy and max(accuracy) >= PERFECT):
        return
    if min(validation) > ALIKE * min(loss):
        return
    seen = (
        f"loss went from {before:.4g} to {after:.4g} in the last {window} epochs, and val_loss is {validation[-1]:.4g}"
    )
    yield Finding(
        "under_fitting", "advice", "it has learnt what it can",
        seen, "It does no better on what it was shown than on what it was not: a larger network could know more.",
        len(loss) - window + 1, {"before": before, "after": after, "val_loss": validation[-1]},
        remedies.training(facts, *remedies.larger(facts)),
    )  # fmt: skip
