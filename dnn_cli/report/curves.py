"""Runs → the curves of their scores; of runs that differ only in their seed one, with the range between them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from statistics import fmean
from typing import Literal

from dnn_cli.compare.grouping import Group
from dnn_cli.compare.labels import label_groups
from dnn_cli.compare.repeats import drop_repeats
from dnn_cli.compare.views import Curve as Training
from dnn_cli.errors import UsageError, nearest
from dnn_cli.report.curve_groups import BAND, group_runs
from dnn_cli.report.repeats import copies_text, superseded_text
from dnn_cli.report.thinning import extremes
from dnn_cli.report.words import count, visible
from dnn_cli.runs.address import run_id
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import NO_SCORES
from dnn_cli.spec.differences import comparable, differences
from dnn_cli.spec.metrics import lower_is_better, score_name

Along = Literal["epoch", "seconds", "steps"]
Part = Literal["training", "validation"]

MOST = 8
"""So many experiments can be told apart in one picture."""


@dataclass(frozen=True)
class Curve:
    """A score of one experiment; a number an epoch each."""

    name: str
    part: Part
    x: tuple[float, ...]
    y: tuple[float, ...]
    """The mean of its runs."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    runs: int


@dataclass(frozen=True)
class Panel:
    """A score, or another column of `metrics.csv`, with the curves of all experiments."""

    title: str
    curves: tuple[Curve, ...]

    @property
    def has_both(self) -> bool:
        """Whether training and validation are to be told apart."""
        return len({curve.part for curve in self.curves}) > 1

    @property
    def falls(self) -> bool:
        """Whether less is better, as of a loss."""
        return lower_is_better(self.title)

    def is_shaded(self, curve: Curve) -> bool:
        """Whether a curve has a band: the mean of several runs, on the validation set where that is drawn."""
        return curve.runs > 1 and (curve.part == "validation" or not self.has_both)


@dataclass(frozen=True)
class Curves:
    """What a picture of trainings shows."""

    panels: tuple[Panel, ...]
    names: tuple[str, ...]
    along: Along
    notes: tuple[str, ...]
    """What a reader of the picture should know."""

    def caption(self, form: str) -> str:
        """Return the meaning of lines and bands, where a curve is the mean of several runs; else an empty text.

        Args:
            form: What a band consists of: `shaded` or `dotted`.
        """
        has_bands = any(panel.is_shaded(curve) for panel in self.panels for curve in panel.curves)
        return BAND.format(form) if has_bands else ""


@dataclass(frozen=True)
class Experiment:
    """The runs that make one curve, as far as all of them go."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def epochs(self) -> int:
        """Those that all runs have behind them."""
        return min(entry.details.epochs for entry in self.entries)

    @property
    def columns(self) -> list[str]:
        """The columns of `metrics.csv` that all runs have."""
        shared = set.intersection(*(set(entry.details.columns) for entry in self.entries))
        return [name for name in self.entries[0].details.columns if name in shared]

    def x(self, along: Along) -> tuple[float, ...]:
        """Where the epochs are; seconds are the mean of the runs."""
        runs = [positions(entry, along)[: self.epochs] for entry in self.entries]
        return tuple(map(fmean, zip(*runs, strict=True)))

    def curve(self, column: str, part: Part, along: Along) -> Curve:
        """The curve of a column that all runs have."""
        values = [entry.details.column(column)[: self.epochs] for entry in self.entries]
        epochs: list[tuple[float, ...]] = list(zip(*values, strict=True))
        y, low, high = tuple(map(fmean, epochs)), tuple(map(min, epochs)), tuple(map(max, epochs))
        return Curve(self.name, part, self.x(along), y, low, high, len(self.entries))


def curves(
    entries: Sequence[Entry],
    metrics: Sequence[str] = (),
    along: Along = "epoch",
    *,
    each: bool = False,
    by: Sequence[str] = (),
) -> Curves:
    """The curves of runs, be they completed or not.

    Args:
        entries: The runs, with their details.
        metrics: Columns of `metrics.csv`, with the validation's where one is named without `val_`; the loss and what
            most runs watched where none is named.
        along: What is along the horizontal axis.
        each: Whether every run has a curve of its own, even if it differs from others only in its seed.
        by: Fields of a run. Runs that agree in them are one curve; without fields, runs that differ only in their seed.

    Raises:
        UsageError: no run has an epoch behind it, or none has one of the metrics.
    """
    drawable = [entry for entry in entries if entry.details.epochs]
    usable, repeats = drop_repeats(drawable, lambda entry: entry)
    if each:
        copies = {repeat.run for repeat in repeats if repeat.is_copy}
        usable = [entry for entry in drawable if entry.record is None or entry.record.id not in copies]
    notes = [f"{told(entry)} has no epoch to draw{reason(entry)}" for entry in entries if not entry.details.epochs]
    if not usable:
        message = notes[0] if len(notes) == 1 else f"none of {len(notes)} runs has an epoch to draw"
        raise UsageError(message, "dnn runs lists all")
    notes += [standing(entry) for entry in usable if not by and entry.record and entry.record.status != "completed"]
    if along == "seconds" and (silent := [entry for entry in usable if "seconds" not in entry.details.columns]):
        raise UsageError(f"{told(silent[0])} does not say how long its epochs took", "take --x epoch")
    watched = usual_score(usable)
    if by:
        groups, left_out = group_runs(usable, by)
        experiments, notes = [Experiment(*group) for group in groups], [*notes, *left_out]
    else:
        experiments = grouped(usable, each=each)
    if len(experiments) > MOST:
        notes.append(
            f"{len(experiments)} curves cannot be told apart: these are the {MOST} best by {watched}; "
            "name runs, or say which by --where"
        )
        experiments = best_first(experiments, watched)[:MOST]
    notes += [text for text in (copies_text(repeats), "" if each else superseded_text(repeats)) if text]
    notes += [note for experiment in experiments if (note := cut_short(experiment))]
    if any(len(experiment.entries) > 1 for experiment in experiments):
        notes += [] if by else ["runs that differ only in their seed are one curve, their mean; --runs draws each"]
    chosen = [score_name(metric) for metric in metrics] or usual_panels(experiments, watched)
    panels = tuple(panel(experiments, column, along, pair=column not in NO_SCORES) for column in chosen)
    return Curves(panels, tuple(experiment.name for experiment in experiments), along, tuple(notes))


def grouped(entries: Sequence[Entry], *, each: bool) -> list[Experiment]:
    """The runs of every experiment under a name of their own; `each`: every run by itself."""
    members: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        members[str(entry.run.directory) if each else entry.details.alike].append(entry)
    groups = list(members.values())
    names = names_of(groups, each=each)
    shared = {name for name, times in Counter(names).items() if times > 1}
    return [
        Experiment(f"{name} {run_id(group[0].run)}" if name in shared else name, tuple(group))
        for name, group in zip(names, groups, strict=True)
    ]


def names_of(groups: Sequence[Sequence[Entry]], *, each: bool) -> list[str]:
    """Return the labels of groups, as `dnn compare` labels them: what distinguishes a group from the others."""
    experiments = [group[0].experiment or {} for group in groups]  # which runs with epochs have
    settings = differences([{**comparable(one), "seed": one.get("seed") if each else 0} for one in experiments])
    usual = [Counter(entry.name for entry in group).most_common(1)[0][0] for group in groups]
    made = [Group(name, keys, (), {}) for name, keys in zip(usual, settings, strict=True)]
    names = label_groups(made)
    return [visible(names[id(group)]) for group in made]


def usual_score(entries: Sequence[Entry]) -> str:
    """What most runs watched."""
    watched = [entry.record.results.monitor for entry in entries if entry.record] or ["val_loss"]
    return Counter(watched).most_common(1)[0][0]


def usual_panels(experiments: Sequence[Experiment], watched: str) -> list[str]:
    """The loss, and what most runs watched or, if that is the loss, their first score."""
    score = watched.removeprefix("val_")
    scores = [name for one in experiments for name in one.columns if not name.startswith("val_")]
    others = [name for name in (score, *scores) if name not in ("loss", *NO_SCORES) and name in scores]
    return [name for name in ("loss", *others[:1]) if name in scores]


def panel(experiments: Sequence[Experiment], column: str, along: Along, *, pair: bool) -> Panel:
    """The curves of a column and of its validation.

    Raises:
        UsageError: no run has it.
    """
    wanted = [column] if column.startswith("val_") or not pair else [f"val_{column}", column]
    found = tuple(
        one.curve(name, "validation" if name.startswith("val_") else "training", along)
        for one in experiments
        for name in wanted
        if name in one.columns
    )
    if not found:
        known = list(dict.fromkeys(name for one in experiments for name in one.columns if name != "epoch"))
        raise UsageError(f"no run has the metric {column}", nearest(column, known) or ", ".join(known))
    return Panel(visible(column), found)


def best_first(experiments: Sequence[Experiment], metric: str) -> list[Experiment]:
    """Experiments by the mean of their best epochs, those without the metric last."""
    choose, sign = (min, 1.0) if lower_is_better(metric) else (max, -1.0)

    def rank(experiment: Experiment) -> tuple[bool, float]:
        reached = [sign * choose(values) for one in experiment.entries if (values := one.details.column(metric))]
        return not reached, fmean(reached) if reached else 0.0

    return sorted(experiments, key=rank)


def positions(entry: Entry, along: Along) -> list[float]:
    """Where the epochs of a run are on the horizontal axis; each at its end."""
    epochs = range(1, entry.details.epochs + 1)
    if along == "seconds":
        return list(accumulate(entry.details.column("seconds")))
    steps = Training("loss", (), entry).steps if along == "steps" else 1
    return [float(epoch * steps) for epoch in epochs]


def told(entry: Entry) -> str:
    """A run in a sentence."""
    return visible(f"{entry.name} {entry.record.id}" if entry.record else entry.run.directory.name)


def reason(entry: Entry) -> str:
    """Why a run has nothing to draw, as far as it is known."""
    why = entry.broken or entry.details.trouble or (entry.record.reason if entry.record else None)
    return f": {visible(why)}" if why else ""


def standing(entry: Entry) -> str:
    """How a run stands that is not completed."""
    status = entry.record.status if entry.record else "broken"
    epochs = count(entry.details.epochs, "epoch")
    if status == "running":
        return f"{told(entry)} is running: {epochs} so far"
    return f"{told(entry)} {'was ' if status == 'interrupted' else ''}{status} after {epochs}"


def cut_short(experiment: Experiment) -> str:
    """That a mean ends before some of its runs do."""
    epochs = [entry.details.epochs for entry in experiment.entries]
    if min(epochs) == max(epochs):
        return ""
    first = min(experiment.entries, key=lambda entry: entry.details.epochs)
    return f"the mean of {experiment.name} ends with {told(first)}, after {count(min(epochs), 'epoch')}"


def thinned(curve: Curve, most: int) -> Curve:
    """A curve of no more than so many points."""
    kept = extremes(curve.y, most)
    x, y, low, high = (tuple(values[at] for at in kept) for values in (curve.x, curve.y, curve.low, curve.high))
    return replace(curve, x=x, y=y, low=low, high=high)
