"""`explain`: a run → what it shows about how it trained."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from dnn_cli.explain import curves, inside
from dnn_cli.explain.facts import Facts, read_facts
from dnn_cli.explain.findings import Explanation, Finding, Remedy
from dnn_cli.runs.entry import Entry

Rule = Callable[[Facts], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    curves.ending,
    inside.vanishing_gradient,
    inside.dead_units,
    inside.saturated_outputs,
    inside.steps,
    curves.no_better_than_guessing,
    curves.thrown_back,
    curves.over_fitting,
    curves.under_training,
    curves.under_fitting,
)
"""Causes before what follows from them."""

STEADY = 1.02
"""A loss that ends so near its lowest has settled."""

WEIGHTS = ("trouble", "advice", "good")

ABOUT_CURVES = ("under_training", "under_fitting", "over_fitting", "unstable")
"""Of no interest where something keeps the network from learning at all."""


def explain(entry: Entry) -> Explanation:
    """What a run shows.

    Raises:
        RunError: it has no record, or its files are damaged.
        ConfigError: its config cannot be read.
    """
    facts = read_facts(entry)
    found = [finding for rule in RULES for finding in rule(facts)]
    kinds = {finding.kind for finding in found}
    if kinds & {"no_better_than_guessing", "divergence"}:
        found = [finding for finding in found if finding.kind not in ABOUT_CURVES]
    causes = {finding.kind for finding in found if finding.weight == "trouble"} - {"no_better_than_guessing"}
    if causes:  # which have remedies of their own
        found = [replace(f, remedies=()) if f.kind == "no_better_than_guessing" else f for f in found]
    if not any(finding.weight != "good" for finding in found):
        found.append(healthy(facts))
    found.sort(key=lambda finding: WEIGHTS.index(finding.weight))
    why = unseen(facts)
    measure = Remedy("train", ("diagnostics=true",)) if why else None
    return Explanation(facts.run, facts.record, tuple(found), facts.states, why, measure)


def healthy(facts: Facts) -> Finding:
    """What is right, where nothing is wrong."""
    if not facts.rows:
        seen = "no epoch is completed"
        return Finding("too_early", "good", "it is too early to tell", seen, "Curves have a point an epoch.")
    curve = facts.curve(facts.watched)
    best = min(range(len(curve)), key=curve.__getitem__)
    where = f"its lowest was {curve[best]:.4g} in epoch {best + 1}" if best + 1 < len(curve) else "its lowest"
    parts = [f"{facts.watched} ended at {curve[-1]:.4g}, {where}"]
    ratio = inside.first_to_last(facts, max(inside.epochs(facts))) if facts.states else None
    if ratio is not None:
        parts.append(f"the first layer gets {ratio:.2g} of the last one's gradient")
    worst = inside.worst_of(facts, "dead") if facts.states else None
    if worst is not None:
        parts.append(f"at most {worst.dead:.0%} of a layer's units are dead")
    end = "does not get worse" if curve[-1] <= STEADY * curve[best] else "goes up and down"
    meaning = f"It has learnt, and {end}" + ("; every layer learns." if facts.states else ".")
    return Finding("healthy", "good", "it trained well", ", ".join(parts), meaning)


def unseen(facts: Facts) -> str | None:
    """Why nothing inside the network is known."""
    if facts.states:
        return None
    if facts.trouble:
        return facts.trouble
    if facts.experiment.diagnostics is False:
        return "diagnostics: false"
    if facts.experiment.diagnostics == "auto" and facts.record.status != "running" and facts.rows:
        return "it took too little time for it, or was trained by an older dnn"
    return "nobody has looked yet"
