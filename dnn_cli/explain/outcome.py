"""Findings about what a network has learned: its predictions against those that do not depend on the inputs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding, Remedy
from dnn_cli.explain.judgement import Hits, Judgement, predicted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONSTANT = 0.01
"""Outputs whose spread over the examples is below this share of their own size, or of the targets' spread, are all
the same."""

ONE_CLASS = 20
"""Examples below which all predictions may be of one class by chance."""

RARE = 0.9
"""Where the commonest class has a larger share, a good network may predict nothing else for few examples."""

APART = 0.1
"""The least accuracy by which it is better on training examples."""

LEARNED = 0.5
"""The share of the errors of the commonest class that is avoided in training, from which on a network has memorized."""


def outcome(facts: Facts) -> Iterator[Finding]:
    """Yield that the network is no better than a constant prediction, or that this cannot be told."""
    if not facts.rows or facts.record.status in ("failed", "running"):
        return
    hits, judged = facts.hits, facts.judged
    if facts.is_good and facts.is_told_by_loss:
        return
    if hits is not None and hits.verdict == "worse":
        yield guessing(facts, hits, judged)
    elif isinstance(judged, str):
        if facts.record.status == "completed":
            yield cannot_judge(judged)
    elif judged.verdict == "worse":
        yield worse_than_constant(facts, judged, hits)
    elif (hits is not None and hits.verdict == "unclear") or judged.verdict == "unclear":
        learned = facts.learned
        if hits is not None and hits.verdict == "unclear" and learned is not None and learned.verdict == "worse":
            yield guessing(facts, hits, judged)
        else:
            yield too_few(facts, judged, hits)


def guessing(facts: Facts, hits: Hits, judged: "Judgement | str") -> Finding:
    """Return that the accuracy is no better than that of the commonest class."""
    seen = (
        f"{hits.right} of {hits.examples:,} {hits.part} examples are right ({hits.accuracy:.4f}); "
        f"always predicting the most frequent class gives {hits.guess:.4f}"
    )
    figures = {"accuracy": hits.accuracy, "guessing": hits.guess, "p": hits.chance}
    better = not isinstance(judged, str) and judged.verdict == "better"
    title = "its accuracy is no better than guessing" if better else "it has learned nothing that helps on new examples"
    meaning = spread_text(facts)
    learned = facts.learned
    if learned is not None and hits.part == "validation":
        seen += f"; of {learned.examples} measured training examples {learned.accuracy:.4f} are right"
        figures["training"] = learned.accuracy
    return Finding(
        "no_better_than_guessing", "advice" if better else "trouble", title, seen, meaning, None, figures,
        rate_remedies(facts),
    )  # fmt: skip


def worse_than_constant(facts: Facts, judged: Judgement, hits: Hits | None) -> Finding:
    """Return that the loss is not below that of the best constant prediction."""
    constant = "predicting the shares of the classes" if facts.classes else f"always predicting {constant_name(facts)}"
    weighed = ", weighed by class_weight," if facts.experiment.class_weight else ""
    seen = (
        f"its {judged.part} loss{weighed} is {judged.own:.4g}, and {constant} for every example gives "
        f"{judged.constant:.4g}"
    )
    figures = {"loss": judged.own, "constant": judged.constant}
    if hits is not None and hits.verdict == "better":
        seen += f"; its accuracy is {hits.accuracy:.4f}, and that of the most frequent class {hits.guess:.4f}"
        meaning = (
            "Its mistakes are so certain that its probabilities are worse than none: trained too long or too fast."
        )
        stop = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
        found: tuple[Remedy, ...] = () if facts.experiment.early_stopping else remedies.training(facts, stop)
        return Finding("worse_than_constant", "trouble", "its loss is worse than that of a constant prediction",
                       seen, meaning, None, figures, (*found, *remedies.slower(facts)))  # fmt: skip
    explained = r2(facts)
    if explained is not None:
        seen += f"; R² is {explained:.2f}, and 0 is predicting the mean"
        figures["r2"] = explained
    return Finding("no_better_than_guessing", "trouble", "it predicts no better than a constant", seen,
                   spread_text(facts), None, figures, rate_remedies(facts))  # fmt: skip


def too_few(facts: Facts, judged: Judgement, hits: Hits | None) -> Finding:
    """Return that the examples are too few to tell whether the network is better than a constant."""
    if hits is not None and hits.verdict == "unclear":
        seen = (
            f"{hits.right} of {hits.examples} {hits.part} examples are right, and always predicting the most frequent "
            f"class gives {hits.commonest}: by chance as many are right in {hits.chance:.0%} of cases"
        )
    else:
        seen = (
            f"its {judged.part} loss is {judged.own:.4g} and that of the best constant prediction "
            f"{judged.constant:.4g}, on {judged.examples} examples with a standard error of {judged.error:.2g}"
        )
    meaning = "That is too little to tell whether it has learned. More validation examples can tell."
    share = facts.experiment.data.validation_size
    bigger = remedies.training(facts, f"data.validation_size={min(0.5, 2 * share):g}") if 0 < share < 0.5 else ()
    own = facts.knows_data and facts.experiment.data.facts.validation_examples
    return Finding("too_few_examples", "advice", "too few examples to tell whether it has learned", seen, meaning,
                   None, {"loss": judged.own, "constant": judged.constant}, () if own else bigger)  # fmt: skip


def cannot_judge(why: str) -> Finding:
    """Return that nothing is known that the run could be judged by."""
    meaning = "Whether it has learned cannot be said: its loss cannot be compared with that of a constant prediction."
    return Finding("cannot_judge", "advice", "it cannot be judged", why, meaning)


def constant_name(facts: Facts) -> str:
    """Return the name of the constant that makes the loss of a regression smallest."""
    name = facts.experiment.loss.type
    return {"mean_squared_error": "the mean", "mean_absolute_error": "the median"}.get(name, "the best constant")


def rate_remedies(facts: Facts) -> tuple[Remedy, ...]:
    """Return a lower learning rate where the first losses were far above the later ones, and how to find one."""
    loss = facts.curve("loss")
    return remedies.slower(facts) if loss and loss[0] > 1.5 * min(loss) else (remedies.FIND_RATE,)


def spread_of(outputs: "NDArray[np.float64]") -> float:
    """Return the largest standard deviation of an output over the examples."""
    return float(outputs.std(0).max())


def spread_text(facts: Facts) -> str:
    """Return whether the outputs depend on the inputs, and how they miss the labels."""
    if facts.predictions is None:
        return "The curves do not show why; the layers and the data may."
    import numpy as np

    labels, outputs = facts.predictions[0], facts.predictions[1].astype(np.float64)
    spread = spread_of(outputs)
    if facts.classes:
        size = float(np.abs(outputs).max()) or 1.0
        if spread < CONSTANT * size:
            return "Its outputs are the same for every input: the network ignores its inputs."
        part = facts.hits.part if facts.hits else "validation"
        return f"Its outputs differ from input to input, but not in a way that fits the {part} labels."
    targets = float(labels.std()) or 1.0
    if spread < CONSTANT * min(targets, max(float(np.abs(outputs).max()), 1e-30)):
        return "Its outputs are the same for every input: the network ignores its inputs."
    with np.errstate(all="ignore"):
        relation = float(np.corrcoef(labels[:, 0], outputs[:, 0])[0, 1])
    related = f"they rise and fall with the labels (correlation {relation:.2f}), but miss their level or size"
    what = related if relation > 0.3 else f"they have little to do with the labels (correlation {relation:.2f})"
    return f"Its outputs differ from input to input; {what}."


def r2(facts: Facts) -> float | None:
    """Return the share of the variance of the validation labels that a regression explains; negative where worse."""
    if facts.classes != 0 or facts.predictions is None:
        return None
    labels, outputs = (array.astype(float) for array in facts.predictions)
    total = float(((labels - labels.mean(0)) ** 2).sum())
    return 1 - float(((labels - outputs) ** 2).sum()) / total if total > 0 else None


def one_class(facts: Facts) -> Iterator[Finding]:
    """Yield that all predictions are of one class."""
    if not facts.classes or facts.predictions is None:
        return
    import numpy as np

    labels, outputs = facts.predictions
    found = predicted(facts, outputs)
    counts = np.bincount(labels, minlength=facts.classes)
    if len(found) < ONE_CLASS or len(set(found.tolist())) > 1 or counts.max() == len(labels):
        return
    name = facts.experiment.data.facts.classes[int(found[0])]
    share = float(counts[found[0]] / len(labels))
    seen = f"all {len(found):,} validation examples are predicted as {name}, which {share:.1%} of them are"
    common = counts.max() / len(labels)
    if common > max(0.6, 1.5 / facts.classes):
        meaning = "One class is so common that predicting nothing else pays; weights make the other classes count."
        balanced = remedies.training(facts, "class_weight=balanced") if not facts.experiment.class_weight else ()
    else:
        meaning = "The network does not tell the classes apart."
        balanced = ()
    judged = facts.judged
    fine = not isinstance(judged, str) and judged.verdict == "better" and common >= RARE
    yield Finding("one_class", "advice" if fine else "trouble", "all predictions are of one class", seen, meaning,
                  None, {"share": share}, balanced)  # fmt: skip


def far_outputs(facts: Facts) -> Iterator[Finding]:
    """Yield that the outputs of a regression are at another level than the targets."""
    if facts.classes != 0 or facts.predictions is None:
        return
    import numpy as np

    labels, outputs = (array.astype(np.float64) for array in facts.predictions)
    column = int(np.argmax(np.abs(labels.mean(0) - outputs.mean(0)) / np.maximum(labels.std(0), 1e-30)))
    true, given = float(labels[:, column].mean()), float(outputs[:, column].mean())
    deviation = float(labels[:, column].std())
    if abs(true - given) <= deviation / 2:
        return
    seen = (
        f"the outputs are {given:.4g} on average, the numbers to predict {true:.4g} with a deviation of {deviation:.3g}"
    )
    if abs(given) < abs(true):
        meaning = (
            "Outputs begin near 0, and small steps take many epochs to that level; a bias of that size begins there."
        )
        bias = f"{{type: constant, value: {true:.3g}}}"
        found = remedies.of_output(facts, "bias_initializer", bias) if outputs.shape[1] == 1 else ()
    else:
        meaning = "The outputs are too large; unscaled inputs or a learning rate that is too large make them so."
        found = ()
    yield Finding("far_outputs", "trouble", "the outputs are far from the numbers to predict", seen, meaning, None,
                  {"outputs": given, "targets": true, "deviation": deviation}, found)  # fmt: skip


def memorized(facts: Facts) -> Iterator[Finding]:
    """Yield that training examples are predicted well and validation examples no better than by a constant."""
    hits, learned = facts.hits, facts.learned
    if hits is None or learned is None or hits.part != "validation" or hits.verdict == "better":
        return
    if learned.accuracy - learned.guess < LEARNED * (1 - learned.guess) or learned.verdict != "better":
        return
    judged = facts.judged
    if learned.accuracy - hits.accuracy < APART or (not isinstance(judged, str) and judged.verdict == "better"):
        return
    if hits.verdict == "unclear" and hits.accuracy > (hits.guess + learned.accuracy) / 2:
        return
    seen = (
        f"its accuracy is {learned.accuracy:.4f} on training examples and {hits.accuracy:.4f} on validation examples, "
        f"where always predicting the most frequent class gives {hits.guess:.4f}"
    )
    meaning = (
        "What it has learned of the training examples says nothing about others. Usual causes: labels that do not "
        "belong to their inputs (shuffled, or one row off), inputs without information, or another kind of data in "
        "the validation set."
    )
    figures = {"training": learned.accuracy, "validation": hits.accuracy, "guessing": hits.guess}
    yield Finding("memorized", "trouble", "it has only memorized the training examples", seen, meaning, None, figures,
                  (remedies.SHOW_DATA,))  # fmt: skip
