"""Findings from predictions: comparisons with predictions that do not depend on the inputs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding, Suggestion
from dnn_cli.explain.judgement import HitCounts, ScoreJudgement, find_predicted_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_CONSTANT_SPREAD = 0.01
"""Outputs count as equal for every input if their standard deviation is below this share of a reference.

The reference is the largest absolute output. In a regression, the reference is the smaller of this number and the
standard deviation of the targets."""

_MIN_ONE_CLASS_EXAMPLES = 20
"""Smallest number of examples for which equal predictions are reported. Fewer can all be equal by chance."""

_DOMINANT_CLASS_SHARE = 0.9
"""A class dominates if at least this share of the validation examples belong to this class.

Even a good network can predict a dominant class for every validation example. The finding then has the severity
`advice` instead of `trouble`."""

_MIN_MEMORIZED_GAP = 0.1
"""Memorization is reported only if the training accuracy exceeds the validation accuracy by at least this value."""

_MIN_MEMORIZED_SHARE = 0.5
"""Memorization is reported only if the network avoids at least this share of a constant prediction's training errors.

The constant prediction is the commonest class."""


def find_learning_failure(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the network is not better than a constant prediction, or cannot be judged."""
    if not evidence.epoch_scores or evidence.record.status in ("failed", "running"):
        return
    hits, judgement = evidence.hit_counts, evidence.score_judgement
    if evidence.is_good and evidence.is_better_by_loss:
        return
    if hits is not None and hits.verdict == "worse":
        yield _build_guessing_finding(evidence, hits, judgement)
    elif isinstance(judgement, str):
        if evidence.record.status == "completed":
            yield _build_unjudged_finding(judgement)
    elif judgement.verdict == "worse":
        yield _build_worse_loss_finding(evidence, judgement, hits)
    elif (hits is not None and hits.verdict == "unclear") or judgement.verdict == "unclear":
        learned = evidence.training_hit_counts
        if hits is not None and hits.verdict == "unclear" and learned is not None and learned.verdict == "worse":
            yield _build_guessing_finding(evidence, hits, judgement)
        else:
            yield _build_few_examples_finding(evidence, judgement, hits)


def _build_guessing_finding(evidence: Evidence, hits: HitCounts, judgement: "ScoreJudgement | str") -> Finding:
    """Return the finding that the accuracy is not better than that of the commonest class."""
    observation = (
        f"the accuracy is {hits.accuracy:.4f} ({hits.correct:,} of {hits.examples:,} {hits.split} examples); "
        f"always predicting the most frequent class reaches {hits.constant_accuracy:.4f}"
    )
    figures = {"accuracy": hits.accuracy, "guessing": hits.constant_accuracy, "p": hits.chance_probability}
    is_loss_better = not isinstance(judgement, str) and judgement.verdict == "better"
    title = (
        "the accuracy is not better than guessing"
        if is_loss_better
        else "the network is not better than a constant prediction"
    )
    meaning = _describe_outputs(evidence)
    learned = evidence.training_hit_counts
    if learned is not None and hits.split == "validation":
        observation += f"; on a sample of {learned.examples:,} training examples the accuracy is {learned.accuracy:.4f}"
        figures["training"] = learned.accuracy
    return Finding(
        "no_better_than_guessing",
        "advice" if is_loss_better else "trouble",
        title,
        observation,
        meaning,
        None,
        figures,
        _suggest_learning_rate(evidence),
    )


def _build_worse_loss_finding(evidence: Evidence, judgement: ScoreJudgement, hits: HitCounts | None) -> Finding:
    """Return the finding that the loss is at least that of the best constant prediction."""
    constant = (
        "predicting the shares of the classes" if evidence.class_count else f"predicting {_get_constant_name(evidence)}"
    )
    weighed = ", weighted by class_weight," if evidence.experiment.class_weight else ""
    observation = (
        f"the {judgement.split} loss{weighed} is {judgement.model_loss:.4g}, and {constant} for every example "
        f"results in {judgement.constant_loss:.4g}"
    )
    figures = {"loss": judgement.model_loss, "constant": judgement.constant_loss}
    if hits is not None and hits.verdict == "better":
        observation += (
            f"; the accuracy is {hits.accuracy:.4f}, and the most frequent class has {hits.constant_accuracy:.4f}"
        )
        meaning = (
            "The network is too confident in its mistakes. Usual causes are too many epochs or a learning rate that is "
            "too large."
        )
        stop = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
        proposed: tuple[Suggestion, ...] = (
            () if evidence.experiment.early_stopping else suggestions.suggest_training(evidence, stop)
        )
        return Finding(
            "worse_than_constant",
            "trouble",
            "the loss is higher than that of a constant prediction",
            observation,
            meaning,
            None,
            figures,
            (*proposed, *suggestions.suggest_lower_rate(evidence)),
        )
    explained = _compute_r2(evidence)
    if explained is not None:
        observation += f"; R² is {explained:.2f}, and predicting the mean results in 0"
        figures["r2"] = explained
    return Finding(
        "no_better_than_guessing",
        "trouble",
        "the network predicts no better than a constant",
        observation,
        _describe_outputs(evidence),
        None,
        figures,
        _suggest_learning_rate(evidence),
    )


def _build_few_examples_finding(evidence: Evidence, judgement: ScoreJudgement, hits: HitCounts | None) -> Finding:
    """Return the finding that the examples are too few to compare the network with a constant prediction."""
    if hits is not None and hits.verdict == "unclear":
        observation = (
            f"{hits.correct} of {hits.examples} {hits.split} predictions are right, and the most frequent class has "
            f"{hits.most_common} examples; the probability of at least {hits.correct} by chance is "
            f"{hits.chance_probability:.0%}"
        )
    else:
        observation = (
            f"the {judgement.split} loss is {judgement.model_loss:.4g}, and the best constant prediction has "
            f"{judgement.constant_loss:.4g}; on {judgement.examples} examples the standard error of the difference "
            f"is {judgement.difference_error:.2g}"
        )
    meaning = "The difference may be due to chance. More validation examples show whether the network has learned."
    size = evidence.experiment.data.validation_size
    larger = str(2 * size) if isinstance(size, int) else f"{min(0.5, 2 * size):g}"
    can_grow = judgement.examples < (evidence.training_examples or 0)
    bigger = suggestions.suggest_training(evidence, f"data.validation_size={larger}") if size and can_grow else ()
    own = evidence.has_dataset_info and evidence.experiment.data.info.validation_examples
    return Finding(
        "too_few_examples",
        "advice",
        "too few examples to judge whether the network has learned",
        observation,
        meaning,
        None,
        {"loss": judgement.model_loss, "constant": judgement.constant_loss},
        () if own else bigger,
    )


def _build_unjudged_finding(reason: str) -> Finding:
    """Return the finding that the run cannot be judged, with the reason."""
    meaning = "The loss cannot be compared with that of a constant prediction."
    return Finding("cannot_judge", "advice", "the network cannot be judged", reason, meaning)


def _get_constant_name(evidence: Evidence) -> str:
    """Return the name of the constant prediction that minimizes the loss of a regression, such as `the mean`."""
    name = evidence.experiment.loss.type
    return {"mean_squared_error": "the mean", "mean_absolute_error": "the median"}.get(name, "the best constant")


def _suggest_learning_rate(evidence: Evidence) -> tuple[Suggestion, ...]:
    """Return the suggestion of `dnn lr-find`, which searches for a learning rate.

    If the loss of the first epoch was far above the lowest loss, a lower rate is suggested first.
    """
    loss = evidence.get_curve("loss")
    return (
        suggestions.suggest_lower_rate(evidence)
        if loss and loss[0] > 1.5 * min(loss)
        else (suggestions.FIND_LEARNING_RATE,)
    )


def _compute_output_spread(outputs: "NDArray[np.float64]") -> float:
    """Return the standard deviation over the examples of the output that varies most."""
    return float(outputs.std(0).max())


def _describe_outputs(evidence: Evidence) -> str:
    """Describe whether the outputs depend on the inputs, and how the outputs differ from the targets."""
    if evidence.predictions is None:
        return "The curves do not show the cause. Check the layers and the data."
    import numpy as np

    targets, outputs = evidence.predictions[0], evidence.predictions[1].astype(np.float64)
    spread = _compute_output_spread(outputs)
    if evidence.class_count:
        size = float(np.abs(outputs).max()) or 1.0
        if spread < _MAX_CONSTANT_SPREAD * size:
            return "The outputs are the same for every input: the network ignores its inputs."
        part = evidence.hit_counts.split if evidence.hit_counts else "validation"
        return f"The outputs depend on the inputs, but do not match the {part} targets."
    target_spread = float(targets.std()) or 1.0
    if spread < _MAX_CONSTANT_SPREAD * min(target_spread, max(float(np.abs(outputs).max()), 1e-30)):
        return "The outputs are the same for every input: the network ignores its inputs."
    with np.errstate(all="ignore"):
        relation = float(np.corrcoef(targets[:, 0], outputs[:, 0])[0, 1])
    related = f"increase with the targets (correlation {relation:.2f}), but differ from them in mean or scale"
    description = related if relation > 0.3 else f"are hardly related to the targets (correlation {relation:.2f})"
    return f"The outputs depend on the inputs and {description}."


def _compute_r2(evidence: Evidence) -> float | None:
    """Return R², the share of the validation targets' variance that a regression explains.

    R² is negative for predictions worse than the mean, and `None` without predictions of a regression.
    """
    if evidence.class_count != 0 or evidence.predictions is None:
        return None
    targets, outputs = (array.astype(float) for array in evidence.predictions)
    total = float(((targets - targets.mean(0)) ** 2).sum())
    return 1 - float(((targets - outputs) ** 2).sum()) / total if total > 0 else None


def find_single_class(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if all predictions are of one class."""
    if not evidence.class_count or evidence.predictions is None:
        return
    import numpy as np

    targets, outputs = evidence.predictions
    predicted_classes = find_predicted_classes(evidence, outputs)
    counts = np.bincount(targets, minlength=evidence.class_count)
    if (
        len(predicted_classes) < _MIN_ONE_CLASS_EXAMPLES
        or len(set(predicted_classes.tolist())) > 1
        or counts.max() == len(targets)
    ):
        return
    name = evidence.experiment.data.info.classes[int(predicted_classes[0])]
    share = float(counts[predicted_classes[0]] / len(targets))
    observation = (
        f"all {len(predicted_classes):,} validation examples are predicted as {name}; {share:.1%} have this class"
    )
    common = counts.max() / len(targets)
    if common > max(0.6, 1.5 / evidence.class_count):
        meaning = "One class is very frequent, so always predicting it has a low loss. Class weights counteract this."
        balanced = (
            suggestions.suggest_training(evidence, "class_weight=balanced")
            if not evidence.experiment.class_weight
            else ()
        )
    else:
        meaning = "The network does not distinguish the classes."
        balanced = ()
    judgement = evidence.score_judgement
    is_expected = not isinstance(judgement, str) and judgement.verdict == "better" and common >= _DOMINANT_CLASS_SHARE
    yield Finding(
        "one_class",
        "advice" if is_expected else "trouble",
        "the network predicts one class for all examples",
        observation,
        meaning,
        None,
        {"share": share},
        balanced,
    )


def find_far_outputs(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the mean output of a regression is far from the mean target."""
    if evidence.class_count != 0 or evidence.predictions is None:
        return
    import numpy as np

    targets, outputs = (array.astype(np.float64) for array in evidence.predictions)
    column = int(np.argmax(np.abs(targets.mean(0) - outputs.mean(0)) / np.maximum(targets.std(0), 1e-30)))
    target_mean, output_mean = float(targets[:, column].mean()), float(outputs[:, column].mean())
    deviation = float(targets[:, column].std())
    if abs(target_mean - output_mean) <= deviation / 2:
        return
    observation = (
        f"the mean output is {output_mean:.4g}, and the mean target is {target_mean:.4g} with a standard deviation of "
        f"{deviation:.3g}"
    )
    if abs(output_mean) < abs(target_mean):
        meaning = "Outputs start near 0, and small steps need many epochs to reach the targets."
        if evidence.experiment.data.standardize_target:
            meaning = "Small steps need many epochs to reach the targets."
            proposed = suggestions.suggest_higher_rate(evidence)
        elif not evidence.experiment.loss.is_relative:
            meaning += " With standardized targets, outputs start near the mean of the targets."
            proposed = suggestions.suggest_training(evidence, "data.standardize_target=true")
        else:
            meaning += " With the mean target as initial bias, outputs start near the targets."
            bias = f"{{type: constant, value: {target_mean:.3g}}}"
            proposed = (
                suggestions.suggest_output_change(evidence, "bias_initializer", bias) if outputs.shape[1] == 1 else ()
            )
    else:
        meaning = "The outputs are too large. Usual causes are unscaled inputs or a learning rate that is too large."
        proposed = ()
    yield Finding(
        "far_outputs",
        "trouble",
        "the outputs are far from the targets",
        observation,
        meaning,
        None,
        {"outputs": output_mean, "targets": target_mean, "deviation": deviation},
        proposed,
    )


def find_memorization(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the network has memorized the training examples.

    Training accuracy is then high, but validation accuracy is not clearly above that of a constant prediction.
    """
    hits, learned = evidence.hit_counts, evidence.training_hit_counts
    if hits is None or learned is None or hits.split != "validation" or hits.verdict == "better":
        return
    if (
        learned.accuracy - learned.constant_accuracy < _MIN_MEMORIZED_SHARE * (1 - learned.constant_accuracy)
        or learned.verdict != "better"
    ):
        return
    judgement = evidence.score_judgement
    if learned.accuracy - hits.accuracy < _MIN_MEMORIZED_GAP or (
        not isinstance(judgement, str) and judgement.verdict == "better"
    ):
        return
    if hits.verdict == "unclear" and hits.accuracy > (hits.constant_accuracy + learned.accuracy) / 2:
        return
    observation = (
        f"the accuracy is {learned.accuracy:.4f} on training examples and {hits.accuracy:.4f} on validation examples; "
        f"there, always predicting the most frequent class reaches {hits.constant_accuracy:.4f}"
    )
    meaning = (
        "What the network has learned does not apply to other examples. Usual causes: targets that do not belong to "
        "their inputs (shuffled, or shifted by one row), inputs without information, or different data in the "
        "validation set."
    )
    figures = {"training": learned.accuracy, "validation": hits.accuracy, "guessing": hits.constant_accuracy}
    yield Finding(
        "memorized",
        "trouble",
        "the network has only memorized the training examples",
        observation,
        meaning,
        None,
        figures,
        (suggestions.SHOW_DATA,),
    )
