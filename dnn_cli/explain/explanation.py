"""`explain`: from a run to the findings about its training."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from dnn_cli.errors import RunError
from dnn_cli.explain import curves, data_faults, inside, layer_settings, outcome, settings
from dnn_cli.explain.facts import Facts, read_facts
from dnn_cli.explain.findings import Explanation, Finding, Remedy
from dnn_cli.explain.judgement import Judgement
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.saved_models import SavedModel

Rule = Callable[[Facts], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    curves.ending,
    data_faults.unscaled_inputs,
    data_faults.other_inputs,
    data_faults.other_labels,
    data_faults.copies,
    data_faults.row_numbers,
    settings.output_misfit,
    settings.cut_off,
    layer_settings.equal_weights,
    layer_settings.large_start,
    settings.schedule,
    layer_settings.batch_norm_averages,
    outcome.memorized,
    layer_settings.strong_penalty,
    layer_settings.strong_dropout,
    layer_settings.strong_noise,
    curves.lowered_early,
    inside.vanishing_gradient,
    inside.dead_units,
    inside.saturated_outputs,
    inside.steps,
    settings.large_batch,
    outcome.far_outputs,
    outcome.one_class,
    outcome.outcome,
    data_faults.label_in_inputs,
    settings.metric_misfit,
    curves.thrown_back,
    curves.over_fitting,
    curves.under_training,
    curves.under_fitting,
    curves.validation_above_training,
)
"""Causes before their effects."""

STEADY = 1.02
"""A loss that ends within this multiple of its lowest value has settled."""

WEIGHTS = ("trouble", "advice", "good")

BAD = ("no_better_than_guessing", "worse_than_constant", "divergence")
"""Outcomes of a training that failed to learn."""

CAUSES = ("unscaled_inputs", "schedule", "large_batch", "output_misfit", "label_in_inputs", "unstable")
"""Findings that are faults where the outcome is bad, and advice where it is not."""

ABOUT_CURVES = ("under_training", "under_fitting", "over_fitting", "validation_above_training")
"""Findings that do not matter where something keeps the network from learning at all."""


def explain(entry: Entry, model: SavedModel | None = None) -> Explanation:
    """Return the findings of a run.

    Args:
        entry: The run.
        model: The model of the best epoch, to be judged by the scores of its epoch; `None` for the model in
            `model.keras`. Findings about curves and layers are about the whole training in both cases.

    Raises:
        RunError: it has no record, or its files are damaged, or they do not show the epoch of the model.
        ConfigError: its config cannot be read.
    """
    if model is not None and model.scores is None:
        raise RunError(f"{entry.run.metrics} has no scores for the epoch of {model.file}", "leave --best out")
    facts = read_facts(entry, model.epoch if model else None)
    found = arranged([finding for rule in RULES for finding in rule(facts)])
    if all(finding.weight == "good" for finding in found):
        found = [healthy(facts), *found]
    why = unseen(facts)
    measure = Remedy("train", ("diagnostics=true",)) if why else None
    return Explanation(facts.run, facts.record, tuple(found), facts.states, why, measure, model)


def arranged(found: list[Finding]) -> list[Finding]:
    """Return findings by weight, causes of a bad outcome as faults, without what follows from others."""
    kinds = {finding.kind for finding in found}
    if kinds.intersection(BAD):
        found = [finding for finding in found if finding.kind not in ABOUT_CURVES]
        found = [replace(f, weight="trouble") if f.kind in CAUSES else f for f in found]
    if "divergence" in kinds:  # which names the remedy first
        found = [replace(f, remedies=()) if f.kind == "unscaled_inputs" else f for f in found]
    if "batch_norm_averages" in kinds:  # the steps were enough for the weights
        found = [f for f in found if f.kind != "large_batch"]
    elif "large_batch" in kinds:
        found = [f for f in found if f.kind != "barely_moving"]
    if "unscaled_inputs" in kinds:  # all positive and large, they shut half of the units at once
        found = [f for f in found if not (f.kind == "dead_relu" and f.since == 0)]
    causes = {finding.kind for finding in found if finding.weight == "trouble"} - {"no_better_than_guessing"}
    if causes:  # which have remedies of their own
        found = [replace(f, remedies=()) if f.kind == "no_better_than_guessing" else f for f in found]
    return sorted(found, key=lambda finding: WEIGHTS.index(finding.weight))


def healthy(facts: Facts) -> Finding:
    """Return that nothing is wrong, with the figures that show it."""
    if not facts.rows:
        seen = "no epoch is completed"
        return Finding("too_early", "good", "it is too early to tell", seen, "The curves begin with the first epoch.")
    judged, hits = facts.judged, facts.hits
    if not isinstance(judged, Judgement) or judged.verdict != "better":
        seen = f"{len(facts.rows)} epochs are completed, and the run is {facts.record.status}"
        return Finding("too_early", "good", "it is too early to tell", seen, "A completed run can be judged.")
    curve = facts.curve(facts.watched)
    of_epoch = f" of epoch {facts.epoch}" if facts.epoch else ""
    best = min(range(len(curve)), key=curve.__getitem__)
    where = f" (lowest: {curve[best]:.4g} in epoch {best + 1})" if best + 1 < len(curve) else ""
    weighed = ", weighed by class_weight," if facts.experiment.class_weight else ""
    parts = [
        f"its {judged.part} loss{of_epoch}{weighed} is {judged.own:.4g}, and that of the best constant prediction "
        f"{judged.constant:.4g}",
        f"{facts.watched} ended at {curve[-1]:.4g}{where}",
    ]
    if hits is not None:
        parts.insert(1, f"its accuracy is {hits.accuracy:.4f}, and that of the most frequent class {hits.guess:.4f}")
    ratio = inside.first_to_last(facts, max(inside.epochs(facts))) if facts.states else None
    if ratio is not None:
        parts.append(f"the first layer gets {ratio:.2g} times the last one's gradient")
    worst = inside.worst_of(facts, "dead") if facts.states else None
    if worst is not None:
        parts.append(f"at most {worst.dead:.0%} of a layer's units are dead")
    end = "does not get worse" if curve[-1] <= STEADY * curve[best] else "goes up and down"
    meaning = f"It has learned, and its loss {end}" + ("; every layer learns." if facts.states else ".")
    figures = {"loss": judged.own, "constant": judged.constant}
    title = "it has learned something, but not much" if facts.is_weak else "it trained well"
    return Finding("healthy", "good", title, "; ".join(parts), meaning, None, figures)


def unseen(facts: Facts) -> str | None:
    """Return why no layer was measured; `None` where some were."""
    if facts.states:
        return None
    if facts.trouble:
        return facts.trouble
    if facts.experiment.diagnostics is False:
        return "diagnostics: false"
    if facts.record.status != "running" and facts.rows:
        return "the run was trained by an older dnn"
    return "no epoch has been measured yet"
