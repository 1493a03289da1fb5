"""Caveats of a comparison: groups that differ in several things, choices that flatter, missing runs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dnn_cli.compare.grouping import Group
from dnn_cli.compare.labels import label_groups
from dnn_cli.compare.repeats import Repeat
from dnn_cli.compare.rows import Row, of_different_data, one_of_each
from dnn_cli.compare.views import View
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import setting
from dnn_cli.runs.record import BEST_MODEL, is_test_score, weights_file

DIFFERENT_DATA = "the runs were trained on different data, so their scores say nothing about each other"
BUDGET = ("epochs", "batch_size")
"""Keys that decide how much is trained."""

MUCH = 1.1
"""Ratio of parameters from which on a network counts as larger."""

NAMED = 3
"""Names that are printed of a longer list."""


@dataclass(frozen=True)
class Judged:
    """Everything that the caveats of a comparison depend on."""

    rows: Sequence[Row]
    groups: Sequence[Group]
    keys: Sequence[str]
    """The keys that `--by` names."""

    metric: str
    view: View
    left_out: Sequence[Entry]
    known: Sequence[Entry]
    """All runs that exist, with details, where the user picked the compared ones by name; else empty."""

    repeats: Sequence[Repeat] = ()


def find_caveats(judged: Judged) -> list[str]:
    """Return the caveats of a comparison, one sentence each.

    Runs on different data have no verdict, so caveats of a verdict are left out.
    """
    checks = (other_data, failed_runs, forced) if of_different_data(judged.rows) else CHECKS
    return [warning for check in checks for warning in check(judged)]


def other_data(judged: Judged) -> Iterator[str]:
    """Yield a caveat where runs were trained or validated on different examples."""
    if of_different_data(judged.rows):
        yield DIFFERENT_DATA
    elif len({row.record.data.get("split") or split_of(row) for row in judged.rows}) > 1:
        part = "tested" if is_test_score(judged.metric) else "validated"
        yield f"the runs were {part} on different examples"


def split_of(row: Row) -> str:
    """Return the settings of a run's split."""
    data = (row.entry.experiment or {}).get("data", {})
    return str([data.get(key) for key in ("validation_size", "test_size", "split_seed", "stratify")])


def several_things(judged: Judged) -> Iterator[str]:
    """Yield a caveat where groups differ in several parts, so that a difference can come from any of them."""
    if judged.keys:
        compared = {part(key) for key in judged.keys}
        others = [group.other_settings for group in judged.groups]
        if any(other != others[0] for other in others):
            varied = varied_parts(judged.rows) - compared
            yield (
                f"no other setting is common to all groups ({format_list(sorted(varied)) or 'see dnn compare'}), so a "
                "difference can come from the other settings"
            )
        return
    varied = varied_parts(judged.rows)
    if len(varied) > 1:
        parts = format_list(sorted(varied), 6)
        yield f"the runs differ in {parts}: a difference can come from any of them; --by KEY averages over the others"
    elif varied <= set(BUDGET) and varied:
        yield f"the runs differ in {next(iter(varied))}, so some have been trained more than others"


def varied_parts(rows: Sequence[Row]) -> set[str]:
    """Return the parts of the config in which rows differ."""
    return {part(key) for key in (rows[0].settings if rows else ()) if key != "seed"}


def part(key: str) -> str:
    """Return the part of the config that a key belongs to: `optimizer` for `optimizer.learning_rate`."""
    first = key.removeprefix("model.").partition(".")[0]
    return key if first == "data" else first


def unequal_size(judged: Judged) -> Iterator[str]:
    """Yield a caveat where networks differ in size."""
    sizes = [row.parameters for row in judged.rows]
    if not judged.keys and sizes and max(sizes) > MUCH * min(sizes):
        yield f"the networks have {min(sizes):,} to {max(sizes):,} parameters: their size is part of the difference"


def unequal_length(judged: Judged) -> Iterator[str]:
    """Yield a caveat where runs have different numbers of epochs, and the view depends on the number."""
    counts = {len(row.curve.values) for row in judged.rows}
    if judged.view.text in ("best", "area") and len(counts) > 1:
        few, many = min(counts), max(counts)
        yield f"runs have {few} to {many} epochs, and {judged.view.text} depends on how many: see --at epoch={few}"


def other_machines(judged: Judged) -> Iterator[str]:
    """Yield a caveat for every library or device in which runs differ."""
    places: tuple[tuple[str, Callable[[Row], Any]], ...] = (
        ("TensorFlow", lambda row: row.record.versions.get("tensorflow")),
        ("Keras", lambda row: row.record.versions.get("keras")),
        ("device", lambda row: row.record.platform.get("device")),
        ("processor", lambda row: row.record.platform.get("processor")),
    )
    for title, get in places:
        found = Counter(str(value) for row in judged.rows if (value := get(row)) is not None)
        if len(found) > 1:
            values = format_list([f"{value} ({n})" for value, n in found.most_common()])
            yield f"not all runs have the same {title}: {values}"


def unequal_tuning(judged: Judged) -> Iterator[str]:
    """Yield a caveat where the best of many learning rates is compared with the best of few.

    Groups that average over learning rates, or whose runs were all trained with one rate, were not chosen.
    """
    if judged.keys:
        return
    compared = {alike: row.entry for alike, row in one_of_each(judged.rows).items()}
    if len({optimizer_of(entry) for entry in compared.values()}) < 2:
        return
    known = {entry.details.alike: entry for entry in judged.known if entry.details.text is not None}
    networks = {alike: without_rate(entry) for alike, entry in (known | compared).items()}
    relevant = {networks[alike] for alike in compared}
    rates: dict[str, set[str]] = defaultdict(set)
    for alike, entry in (known | compared).items():
        if networks[alike] in relevant:
            rates[networks[alike][0]].add(str(setting(entry.experiment, ["optimizer", "learning_rate"])))
    counts = {kind: len(found) for kind, found in rates.items() if kind}
    if len(counts) > 1 and len(set(counts.values())) > 1:
        most = max(counts, key=lambda kind: counts[kind])
        least = min(counts, key=lambda kind: counts[kind])
        yield (
            f"{counts[most]} learning rates were tried with {most} and {counts[least]} with {least}: "
            f"the best of {counts[most]} against the best of {counts[least]}"
        )


def optimizer_of(entry: Entry) -> str:
    """Return the type of a run's optimizer."""
    found = setting(entry.experiment, ["optimizer", "type"])
    return found if isinstance(found, str) else ""


def without_rate(entry: Entry) -> tuple[str, str]:
    """Return the optimizer, and the network with its data: equal for all learning rates that were tried on them."""
    experiment = entry.experiment or {}
    layers = [{**layer, "name": None} for layer in experiment.get("model", {}).get("layers", [])]
    data = experiment.get("data", {})
    return optimizer_of(entry), str([layers, data.get("dataset"), data.get("path")])


def flattering_choice(judged: Judged) -> Iterator[str]:
    """Yield a caveat where the best epoch was chosen on the validation set that is reported."""
    if judged.view.text == "best":
        yield (
            "the best epoch was chosen on the validation set that is reported, which flatters all runs, and most "
            "those whose scores move most: --at final does not choose"
        )
    elif judged.view.text == "final" and not is_test_score(judged.metric):
        restoring = {alike for alike, row in one_of_each(judged.rows).items() if restores_best(row)}
        if restoring:
            chosen = [row for row in judged.rows if row.alike in restoring]
            yield (
                f"{format_share(len(chosen), len(judged.rows))} restored the best epoch, which was chosen on the "
                "reported validation set: this flatters"
            )


def restores_best(row: Row) -> bool:
    """Return whether the saved model is that of the best epoch."""
    return setting(row.entry.experiment, ["early_stopping", "restore_best_weights"]) is True


def failed_runs(judged: Judged) -> Iterator[str]:
    """Yield a caveat where runs of a group have no score, so that its mean is that of the successful runs alone."""
    labels = label_groups(judged.groups)
    without_score: dict[str, list[str]] = defaultdict(list)
    counted = {(row.alike, row.seed) for row in judged.rows}
    for group in judged.groups:
        seeds = {row.seed for row in group.rows}
        for reason, count in Counter(reason for seed, reason in group.failed.items() if seed not in seeds).items():
            without_score[reason].append(f"{count} of {labels[id(group)]}")
    for reason in ("diverged", "failed"):
        if runs := without_score.pop(reason, None):
            yield f"runs that {reason} are left out of the means: {format_list(runs)}"
    missing = [
        entry
        for entry in judged.left_out
        if entry.broken and entry.broken == judged.view.missing
        and (entry.details.alike, entry.details.seed) not in counted
    ]  # fmt: skip
    if missing:
        who = format_share(len(missing), len(missing) + len(judged.rows))
        yield f"left out of the means: {who} ({judged.view.missing})"


def differing_repeats(judged: Judged) -> Iterator[str]:
    """Yield a caveat where an experiment was repeated with the same seed and came out with other weights."""
    found = [repeat for repeat in judged.repeats if not repeat.is_copy]
    if found:
        differences = format_list(dict.fromkeys(text for repeat in found for text in repeat.differences))
        why = f" ({differences})" if differences else ""
        runs = format_list([f"{repeat.run} (now {repeat.counted})" for repeat in found])
        yield f"the same experiment and seed gave other weights{why}; only the latest run counts, instead of {runs}"


def looked_at_test(judged: Judged) -> Iterator[str]:
    """Yield a caveat where several runs were evaluated on the test set, so that a choice among them is biased."""
    if is_test_score(judged.metric):
        if len(judged.rows) > 1:
            yield (
                "a run chosen by its test score looks better than it is: choose by a validation score, and report the "
                "test score of the chosen run"
            )
        return
    looks = [row for row in judged.rows if any(look.split == "test" for look in row.record.evaluated)]
    if len(looks) > 1:
        yield (
            f"{format_share(len(looks), len(judged.rows))} were evaluated on the test set: "
            "a choice among them by that score needs other test data"
        )


def never_tested(judged: Judged) -> Iterator[str]:
    """Yield a caveat where completed runs have no score on the test set, and name the command that finds it."""
    if not is_test_score(judged.metric):
        return
    reason = f"has no {judged.metric}"
    missing = [entry.record.id for entry in judged.left_out if entry.record and entry.broken == reason]
    if missing:
        who = format_share(len(missing), len(missing) + len(judged.rows))
        file, best = weights_file(judged.metric), " --best" if judged.metric.startswith(BEST_MODEL) else ""
        yield (
            f"left out, because {file} was never evaluated on the test set: {who} ({format_list(missing)}); "
            f"dnn evaluate RUN{best} evaluates it"
        )
        other = judged.metric.removeprefix(BEST_MODEL) if best else f"{BEST_MODEL}{judged.metric}"
        if any(entry.record and entry.record.test_score(other) is not None for entry in judged.left_out):
            yield f"{weights_file(other)} was evaluated: --metric {other} compares it"


def forced(judged: Judged) -> Iterator[str]:
    """Yield a caveat for runs that were resumed with --force, so that their config holds for a part of them only."""
    changed = [row.record.id for row in judged.rows if any(resume.forced for resume in row.record.resumed)]
    if changed:
        yield f"resumed with --force after a change: {format_list(changed)}"


def format_share(count: int, total: int) -> str:
    """Return a number of runs, as `3 of 8 runs`."""
    if count < total:
        return f"{count} of {total:,} runs"
    return {1: "the run", 2: "both runs"}.get(total, f"all {total:,} runs")


def format_list(words: Iterable[str], most: int = NAMED) -> str:
    """Return some words, and the number of the others."""
    found = list(words)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


CHECKS: tuple[Callable[[Judged], Iterator[str]], ...] = (
    other_data, several_things, unequal_size, unequal_length, other_machines, differing_repeats, unequal_tuning,
    flattering_choice, failed_runs, never_tested, looked_at_test, forced,
)  # fmt: skip
"""The most serious first."""
