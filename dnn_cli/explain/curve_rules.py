"""Findings from the curves of a training: losses and scores, epoch by epoch."""

import math
from collections.abc import Iterator

from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding, Severity, Suggestion
from dnn_cli.runs.data_scale import find_unscaled_input, find_unscaled_targets

_OVER_FITTING_RISE = 0.05
"""A network overfits if its validation loss ends at least this share above the lowest validation loss.

The rule is the criterion GL of Prechelt, “Early Stopping – But When?” (1998), with α = 5%."""

_FINAL_EPOCHS = 2
"""Number of last epochs that represent the end of a training. A single epoch varies too much by chance."""

_MIN_FALLING_PACE = 0.01
"""A loss counts as falling if each epoch reduces its distance to the lowest possible loss by at least this share.

Losses of fully trained networks fell by less than a quarter of this share. Losses of networks that had more to learn
after five epochs fell by 2% to 7%."""

_MAX_FLAT_PACE = 0.005
"""A loss counts as flat if each epoch reduces its distance to the lowest possible loss by less than this share."""

_MAX_EQUAL_LOSS_RATIO = 1.1
"""A network counts as equally good on new examples if validation loss / training loss is at most this ratio."""

_PERFECT_ACCURACY = 0.99
"""A network with at least this training accuracy counts as having learned all training examples."""

_MIN_LOSS_RISE = 0.1
"""A rise of the training loss is reported if it exceeds this share of the decrease before the rise.

The decrease is that from the first loss to the lowest loss before the rise. The rise must also exceed half of
`_MIN_LOSS_RISE`, multiplied by this lowest loss. Smaller rises occur by chance, above all in epochs of few batches."""

_MIN_RECOVERED_LOSS_RISE = 0.3
"""Limit that replaces `_MIN_LOSS_RISE` if the final network is good: its training recovered from the rise."""

_MIN_PATIENCE = 2
"""Smallest sufficient patience of `early_stopping`. A smaller patience ends the training after one epoch that is worse
by chance."""

_ENOUGH_ACCURACY_SHARE = 0.9
"""A narrow layer counts as wide enough if the network avoids at least this share of a constant prediction's mistakes.

The constant prediction is the commonest class for every example."""

_LOWERED_RATE_SHARE = 0.01
"""A learning rate of at most this share of the first rate counts as nearly 0: weights then hardly change."""

_MIN_ACCURACY_GAP = 0.02
"""Smallest difference between validation and training accuracy that is reported."""

_MIN_GAP_STANDARD_ERRORS = 3.0
"""A difference between validation and training accuracy is reported if it exceeds this number of standard errors."""


def find_unfinished_training(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the training diverged, failed or was interrupted."""
    record = evidence.record
    if record.status == "diverged":
        far = find_unscaled_input(evidence.experiment, evidence.input_profile) if evidence.input_profile else None
        meaning = "The usual cause is a learning rate that is too large: each step overshoots the minimum by more."
        if far is not None and far.root_mean_square > 1:
            meaning = "Large inputs cause large steps: each step overshoots the minimum by more."
        has_large_inputs = far is not None and far.root_mean_square > 1 and not evidence.experiment.data.standardize
        overrides = [*suggestions.list_standardizing_overrides(evidence)] if has_large_inputs else []
        observation = [
            record.reason or "the loss became NaN or infinite",
            *([far.observation] if has_large_inputs and far else []),
        ]
        targets = (
            find_unscaled_targets(evidence.experiment, evidence.input_profile.labels)
            if evidence.input_profile
            else None
        )
        if targets is not None:
            observation.append(targets.observation)
            remedy = "" if targets.override else f": {targets.suggestion}"
            meaning = f"Large targets cause large errors and large steps{remedy}. {meaning}"
            overrides += [targets.override] if targets.override else []
        scaling_suggestions = suggestions.suggest_training(evidence, *overrides)
        yield Finding(
            "divergence", "trouble", "the training diverged", "; ".join(observation),
            meaning, record.epochs + 1, suggestions=(*scaling_suggestions, *suggestions.suggest_lower_rate(evidence)),
        )  # fmt: skip
    elif record.status in ("failed", "interrupted"):
        yield Finding(
            record.status, "trouble", f"the training {'failed' if record.status == 'failed' else 'was interrupted'}",
            record.reason or "the reason is not recorded", "The other findings describe the completed epochs.",
            record.epochs + 1, suggestions=(Suggestion("resume"),) if record.status == "interrupted" else (),
        )  # fmt: skip


def find_loss_spike(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the training loss rises clearly above its lowest value so far."""
    loss = evidence.get_curve("loss")
    for epoch in range(1, len(loss)):
        before = min(loss[:epoch])
        rise = loss[epoch] - before
        min_rise = _MIN_LOSS_RISE if evidence.is_weak else _MIN_RECOVERED_LOSS_RISE
        if rise > min_rise * (loss[0] - before) and rise > _MIN_LOSS_RISE / 2 * abs(before):
            yield Finding(
                "unstable", "advice", "the training loss rose",
                f"loss rose to {loss[epoch]:.4g}, and its lowest value before was {before:.4g}",
                "The steps are too large for the loss to settle. A smaller learning rate reaches a lower loss.",
                epoch + 1, {"before": before, "after": loss[epoch]}, suggestions.suggest_lower_rate(evidence, 1 / 3),
            )  # fmt: skip
            return


def find_over_fitting(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the validation loss rises while the training loss falls."""
    loss, validation = evidence.get_curve("loss"), evidence.get_curve("val_loss")
    if len(validation) <= _FINAL_EPOCHS:
        return
    best = min(range(len(validation)), key=validation.__getitem__)
    if best >= len(validation) - _FINAL_EPOCHS or loss[-1] >= loss[best] or validation[best] <= 0:
        return
    end = min(validation[-_FINAL_EPOCHS:])
    if end < (1 + _OVER_FITTING_RISE) * validation[best] or _is_within_error(evidence, end - validation[best]):
        return
    observation = (
        f"val_loss was lowest in epoch {best + 1} ({validation[best]:.4g}) and is {end / validation[best] - 1:.0%} "
        f"higher at the end; in the same epochs loss fell from {loss[best]:.4g} to {loss[-1]:.4g}"
    )
    figures = {"lowest": validation[best], "end": end, "loss_then": loss[best], "loss": loss[-1]}
    meaning = "The network memorizes the training examples, and its mistakes on new examples become more confident."
    stopping = evidence.experiment.early_stopping
    restores = stopping is not None and stopping.restore_best_weights and len(loss) < evidence.experiment.epochs
    if restores:
        meaning += " early_stopping ended the training, and model.keras contains the weights of the best epoch."
    stop = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
    layers = suggestions.build_layer_overrides(
        evidence,
        lambda layer: getattr(layer, "kernel_regularizer", 0) is None,
        "kernel_regularizer",
        "{type: l2, l2: 1e-4}",
    )
    proposed = (
        ()
        if restores
        else (*suggestions.suggest_training(evidence, stop), *suggestions.suggest_training(evidence, *layers))
    )
    severity: Severity = "good" if restores else "advice"
    yield Finding("over_fitting", severity, "the network overfits", observation, meaning, best + 2, figures, proposed)


def _is_within_error(evidence: Evidence, rise: float) -> bool:
    """Return whether a rise of the validation loss is smaller than the standard error of that loss."""
    judgement, standard_error = (
        evidence.score_judgement,
        None if isinstance(evidence.score_judgement, str) else evidence.score_judgement.model_loss_error,
    )
    return (
        not isinstance(judgement, str)
        and judgement.split == "validation"
        and standard_error is not None
        and rise < standard_error
    )


def find_under_training(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the loss still falls at the end, or if the training has one epoch only."""
    curve, loss = evidence.get_curve(evidence.main_loss), evidence.get_curve("loss")
    epochs = len(curve)
    if epochs == 1 and evidence.record.status == "completed" and evidence.experiment.epochs == 1:
        observation = f"{evidence.main_loss} is {curve[0]:.4g} after the only epoch"
        meaning = "A single epoch does not show a trend. More epochs show whether the loss still falls."
        proposed = suggestions.suggest_more_epochs(evidence)
        yield Finding(
            "under_training",
            "advice",
            "the network was trained for one epoch only",
            observation,
            meaning,
            1,
            {},
            proposed,
        )
    if epochs < 2 or evidence.record.status != "completed" or evidence.is_decayed:
        return
    stopping = evidence.experiment.early_stopping
    if epochs < evidence.experiment.epochs:
        if stopping is not None and stopping.patience < _MIN_PATIENCE:
            yield from _find_early_stop(evidence, stopping.patience)
        return
    window = max(1, min(_FINAL_EPOCHS, epochs - 1), epochs // 5)
    before, after = min(curve[:-window]), min(curve[-window:])
    if before <= evidence.min_loss or loss[-1] >= loss[-window - 1]:
        return
    pace = (before - after) / (before - evidence.min_loss) / window
    if pace < _MIN_FALLING_PACE:
        return
    span = f"the last {window} epochs" if window > 1 else "the last epoch"
    observation = (
        f"in {span} the lowest {evidence.main_loss} fell from {before:.4g} to {after:.4g}, by {pace:.1%} per epoch"
    )
    meaning = "More epochs will probably improve the network. A larger learning rate may need fewer epochs."
    figures = {"before": before, "after": after, "pace": pace}
    yield Finding(
        "under_training", "advice", "the loss still fell at the end of the training", observation, meaning,
        epochs - window + 1, figures, (*suggestions.suggest_more_epochs(evidence), suggestions.FIND_LEARNING_RATE),
    )  # fmt: skip


def _find_early_stop(evidence: Evidence, patience: int) -> Iterator[Finding]:
    """Yield a finding if `early_stopping` ended the training while the training loss still fell."""
    loss = evidence.get_curve("loss")
    if loss[-2] <= 0 or 1 - loss[-1] / loss[-2] < _MIN_FALLING_PACE:
        return
    observation = (
        f"early_stopping with patience {patience} ended the training after {len(loss)} of {evidence.experiment.epochs} "
        f"epochs; in the last epoch loss still fell from {loss[-2]:.4g} to {loss[-1]:.4g}"
    )
    meaning = "A single epoch can be worse by chance. A larger patience waits for several worse epochs."
    proposed = suggestions.suggest_training(
        evidence, "early_stopping.patience=5", "early_stopping.restore_best_weights=true"
    )
    yield Finding(
        "stopped_early", "advice", "the training was stopped too early", observation, meaning, len(loss), {}, proposed
    )


def find_under_fitting(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if a hidden layer is too narrow, or if training and validation loss no longer improve."""
    narrow, hits = _find_narrowest_units(evidence), evidence.hit_counts
    if (
        narrow is not None
        and hits is not None
        and hits.accuracy - hits.constant_accuracy < _ENOUGH_ACCURACY_SHARE * (1 - hits.constant_accuracy)
    ):
        yield _build_narrow_layer_finding(evidence, narrow)
        return
    loss, validation = evidence.get_curve("loss"), evidence.get_curve("val_loss")
    window = len(loss) // 3
    if window < 2 or not validation or evidence.is_decayed or evidence.record.status != "completed":
        return
    before, after = min(loss[:-window]), min(loss[-window:])
    accuracy = evidence.get_curve(evidence.accuracy_name) if evidence.accuracy_name else []
    if before <= evidence.min_loss or (before - after) / (before - evidence.min_loss) / window >= _MAX_FLAT_PACE:
        return
    if (accuracy and max(accuracy) >= _PERFECT_ACCURACY) or min(validation) > _MAX_EQUAL_LOSS_RATIO * min(loss):
        return
    observation = (
        f"in the last {window} epochs loss changed from {before:.4g} to {after:.4g}; val_loss is {validation[-1]:.4g}"
    )
    yield Finding(
        "under_fitting",
        "advice" if evidence.is_weak else "good",
        "the network no longer improves",
        observation,
        "The network is as good on validation examples as on training examples. If that is not enough, try a larger "
        "network. If the score stays the same, the inputs limit the result.",
        len(loss) - window + 1,
        {"before": before, "after": after, "val_loss": validation[-1]},
        suggestions.suggest_training(evidence, *suggestions.build_larger_layer_overrides(evidence)),
    )


def _find_narrowest_units(evidence: Evidence) -> int | None:
    """Return the number of units of the narrowest hidden layer, if this layer has fewer units than classes exist.

    Only fully connected layers are compared. The result is `None` if no layer has fewer units, for a regression, and
    without a hidden layer.
    """
    dense_layers = [layer for layer in evidence.experiment.model.stack if layer.is_fully_connected]
    units = [layer.last_axis_size for layer in dense_layers[:-1] if layer.last_axis_size is not None]
    return min(units) if units and min(units) < (evidence.class_count or 0) else None


def _build_narrow_layer_finding(evidence: Evidence, units: int) -> Finding:
    """Return the finding that a hidden layer has fewer units than the data has classes."""
    hits = evidence.hit_counts
    accuracy = f", and the accuracy is {hits.accuracy:.4f}" if hits is not None else ""
    observation = f"a hidden layer has {units} units for {evidence.class_count} classes{accuracy}"
    meaning = "All information about an input must pass through these units. More units pass on more information."
    overrides = suggestions.build_layer_overrides(
        evidence,
        lambda x: x.is_fully_connected and x.last_axis_size == units,
        "units",
        str(max(32, 2 * (evidence.class_count or 0))),
    )
    return Finding("under_fitting", "advice", "a hidden layer is too narrow", observation, meaning, None,
                   {"units": float(units)}, suggestions.suggest_training(evidence, *overrides))  # fmt: skip


def find_early_rate_drop(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if `reduce_lr_on_plateau` lowered the learning rate to nearly 0 before half of the training."""
    plateau, rates = evidence.experiment.reduce_lr_on_plateau, evidence.get_curve("learning_rate")
    if plateau is None or not rates or not evidence.is_weak:
        return
    low = next((epoch for epoch, rate in enumerate(rates, 1) if rate <= _LOWERED_RATE_SHARE * rates[0]), None)
    if low is None or low > max(1, len(rates) // 2):
        return
    observation = (
        f"reduce_lr_on_plateau lowered it from {rates[0]:.2g} to {rates[low - 1]:.2g} until epoch {low} of {len(rates)}"
    )
    meaning = "A larger patience lowers the rate only if the loss has not fallen for more epochs."
    proposed = suggestions.suggest_training(
        evidence, "reduce_lr_on_plateau.patience=5", "reduce_lr_on_plateau.factor=0.5"
    )
    yield Finding("schedule", "trouble", "the learning rate falls too early", observation, meaning, low, {}, proposed)


def find_validation_above_training(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if validation accuracy is clearly above training accuracy.

    Networks with dropout or noise are left out, because dropout and noise lower the training accuracy.
    """
    validation = evidence.record.data.get("validation")
    if (
        evidence.accuracy_name is None
        or evidence.has_noise
        or not isinstance(validation, int)
        or not evidence.training_examples
    ):
        return
    train, other = evidence.get_curve(evidence.accuracy_name), evidence.get_curve(f"val_{evidence.accuracy_name}")
    if not train or not other or validation < 1:
        return
    last, gap = evidence.last_measurement, other[-1] - train[-1]
    if not _is_significant_gap(gap, train[-1], evidence.training_examples, other[-1], validation):
        return
    observation = f"{evidence.accuracy_name} is {other[-1]:.4f} in validation and {train[-1]:.4f} in training"
    figures = {"validation": other[-1], "training": train[-1]}
    measured = last.correct if last is not None else None
    rose = len(train) > 1 and train[-1] - train[-2] > gap / 2
    averaged = len(train) == 1 or rose
    if last is not None and measured is not None:
        averaged = not _is_significant_gap(other[-1] - measured, measured, last.examples, other[-1], validation)
        observation += f"; after the last epoch it is {measured:.4f} on {last.examples} training examples"
        figures["training_at_the_end"] = measured
    if averaged:
        meaning = "The training score is an average over the epoch, while the network still improved. This is normal."
        severity: Severity = "good"
    else:
        meaning = (
            "The network has no dropout and hardly improved during the epoch. The validation set therefore has easier "
            "or different examples. Compare the two sets, or split the data at random."
        )
        severity = "advice"
    proposed = (
        suggestions.suggest_training(evidence, "data.stratify=true")
        if severity == "advice" and evidence.class_count
        else ()
    )
    title = "the validation accuracy is above the training accuracy"
    yield Finding("validation_above_training", severity, title, observation, meaning, len(train), figures, proposed)


def _is_significant_gap(gap: float, first: float, n: int, second: float, m: int) -> bool:
    """Return whether the gap between two accuracies is larger than chance explains.

    Args:
        gap: The second accuracy minus the first.
        first: The first accuracy.
        n: The number of examples of the first accuracy.
        second: The second accuracy.
        m: The number of examples of the second accuracy.
    """
    share = (first * n + second * m) / (n + m)
    error = math.sqrt(max(share * (1 - share), 0.25 / (n + m)) * (1 / n + 1 / m))
    return gap > max(_MIN_ACCURACY_GAP, _MIN_GAP_STANDARD_ERRORS * error)
