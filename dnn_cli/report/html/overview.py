"""What a comparison shows, as parts of a page: the verdict, the settings that differ, and the table of all runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.rows import Row, one_of_each
from dnn_cli.compare.verdicts import Word
from dnn_cli.report.comparison import interval_text, mean_and_spread, titles, value_of
from dnn_cli.report.html.curves import style
from dnn_cli.report.html.plot import in_percent
from dnn_cli.report.run_page import settings as settings_of
from dnn_cli.report.verdict import advice_lines, method_lines, note_lines, one_group_text, sentence
from dnn_cli.report.words import count, duration, score
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import identity

MOST_GROUPS = 50
"""So many groups have a verdict."""

MOST_ROWS = 1000
"""So many runs are in the table."""

WORDS: tuple[Word, ...] = ("better", "worse", "indistinguishable", "undecided")


@dataclass(frozen=True)
class Dot:
    """The score of a seed, and where it stands in percent."""

    at: float
    text: str


@dataclass(frozen=True)
class Standing:
    """How a group stands."""

    label: str
    style: str
    mean: str
    interval: str
    """The 95% interval of the mean."""

    seeds: str
    said: str
    word: str
    """One of the words of a verdict; empty for the reference."""

    dots: tuple[Dot, ...]
    middle: float


@dataclass(frozen=True)
class Verdict:
    """All that may be said of the comparison."""

    headline: str
    judged: bool
    """Whether anything may be said at all."""

    standings: tuple[Standing, ...]
    untold: int
    ends: tuple[str, str] | None
    """The least and the largest score of a seed: what the dots lie between."""

    method: tuple[str, ...]
    notes: tuple[str, ...]
    """What the means average over, and the runs that do not count."""

    warnings: tuple[str, ...]
    advice: tuple[str, ...]
    """What to do next; commands begin with `dnn`."""


@dataclass(frozen=True)
class Cell:
    """A cell of the table of runs; it is sorted by `rank` where that is not its text."""

    text: str
    rank: str = ""


@dataclass(frozen=True)
class RunRow:
    """A run in the table."""

    anchor: str | None
    """Its page, if it has one."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class RunTable:
    """All runs, the columns of which can be sorted."""

    headers: tuple[str, ...]
    numeric: frozenset[int]
    rows: tuple[RunRow, ...]
    untold: int


@dataclass(frozen=True)
class Settings:
    """In what the groups differ, and what they have in common."""

    keys: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    """A group, its style, and its settings."""

    common: tuple[tuple[str, str], ...]


def verdict(comparison: Comparison) -> Verdict:
    """How every group stands, and what to think of it."""
    family = comparison.family
    groups = comparison.groups[:MOST_GROUPS]
    words = {id(one.group): one for one in family.verdicts}
    scores = [value for group in groups for value in group.by_seed.values()]
    low, high = (min(scores), max(scores)) if scores else (0.0, 0.0)
    standings = []
    for number, group in enumerate(groups):
        found = words.get(id(group))
        said = sentence(comparison, found) if found else ""
        if group is family.reference:
            said = "the baseline" if family.is_named else "the best, which the others are compared with"
        standings.append(
            Standing(
                comparison.label(group),
                style(number),
                mean_and_spread(comparison, group),
                interval_text(comparison, group),
                count(len(group.seeds), "seed"),
                said,
                found.word if found else "",
                tuple(dots(comparison, group, low, high)),
                in_percent([group.mean], low, high)[0],
            )
        )
    return Verdict(
        headline(comparison),
        family.reference is not None,
        tuple(standings),
        len(comparison.groups) - len(groups),
        (value_of(comparison, low), value_of(comparison, high)) if high > low and family.reference else None,
        tuple(method_lines(comparison)),
        tuple(note_lines(comparison)),
        comparison.warnings,
        tuple(line.strip() for line in advice_lines(comparison)),
    )


def dots(comparison: Comparison, group: Group, low: float, high: float) -> list[Dot]:
    """A dot a seed."""
    places = in_percent(group.by_seed.values(), low, high)
    return [
        Dot(at, f"seed {seed}: {value_of(comparison, value)}")
        for at, (seed, value) in zip(places, group.by_seed.items(), strict=True)
    ]


def headline(comparison: Comparison) -> str:
    """The verdict in a sentence, and no more than was found."""
    family = comparison.family
    if not comparison.rows:
        return "There is no completed run to compare."
    if family.reference is None:
        if comparison.different_data:
            return "Runs on different data cannot be compared."
        if len(comparison.rows) == 1:
            (row,) = comparison.rows
            return f"{row.record.name} is the only completed run, with {comparison.metric} {score(row.score)}."
        text = one_group_text(comparison)
        return f"{text[0].upper()}{text[1:]}."
    found = Counter(verdict.word for verdict in family.verdicts)
    name, mean = comparison.label(family.reference), mean_and_spread(comparison, family.reference)
    what = "mean" if len(family.reference.seeds) > 1 else "score"
    first = f"{name} is the baseline, with {mean}" if family.is_named else f"{name} has the best {what}, {mean}"
    told = [f"{found[word]} {'is' if found[word] == 1 else 'are'} {word}" for word in WORDS if found[word]]
    others = f"of {len(family.verdicts)} others {', '.join(told)}"
    if len(family.verdicts) == 1:
        others = f"the other is {family.verdicts[0].word}"
    return f"{first}; {others}."


def settings(comparison: Comparison) -> Settings:
    """A row a group, a column for every key in which any differ."""
    groups = comparison.groups[:MOST_GROUPS]
    keys = list(dict.fromkeys(key for group in comparison.groups for key in group.settings))
    rows = [
        (comparison.label(group), style(number), tuple(group.settings.get(key, "–") for key in keys))
        for number, group in enumerate(groups)
    ]
    return Settings(tuple(titles(keys)), tuple(rows), tuple(common(comparison.rows, keys)))


def common(rows: Sequence[Row], keys: Sequence[str]) -> list[tuple[str, str]]:
    """The settings that all runs share."""
    first, *others = [dict(settings_of(row.entry)) for row in one_of_each(rows).values()] or [{}]
    return [
        (name, text)
        for name, text in first.items()
        if name != "seed" and name not in keys and all(other.get(name) == text for other in others)
    ]


def run_table(comparison: Comparison, anchors: Mapping[Path, str]) -> RunTable:
    """A run a row: those that were compared in their order, then all others with the reason."""
    keys = list(comparison.rows[0].settings) if comparison.rows else []
    others = bool(comparison.left_out)
    at = comparison.view.text
    view = [] if at == "best" else [at if at != "final" else f"{comparison.metric}"]
    status = ["status"] if others else []
    headers = ["run", *status, *view, "best", *titles(keys), "epochs", "parameters", "time", "id"]
    rows = [compared_row(comparison, row, keys, anchors, others=others) for row in comparison.rows]
    rows += [left_out_row(entry, len(keys) + len(view), anchors) for entry in comparison.left_out]
    numeric = {*view, "best", "epochs", "parameters", "time"}
    numeric |= {
        title
        for title, key in zip(titles(keys), keys, strict=True)
        if all(is_number(row.settings[key]) for row in comparison.rows)
    }
    return RunTable(
        tuple(headers),
        frozenset(place for place, header in enumerate(headers) if header in numeric),
        tuple(rows[:MOST_ROWS]),
        max(0, len(rows) - MOST_ROWS),
    )


def is_number(text: str) -> bool:
    """Whether a setting is one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def compared_row(
    comparison: Comparison, row: Row, keys: Sequence[str], anchors: Mapping[Path, str], *, others: bool
) -> RunRow:
    """A completed run."""
    cells = [
        *([Cell("completed")] if others else []),
        *([] if comparison.view.text == "best" else [Cell(value_of(comparison, row.score), repr(row.score))]),
        Cell(score(row.best), repr(row.best)),
        *(Cell(row.settings[key]) for key in keys),
        Cell(str(row.record.epochs)),
        Cell(f"{row.parameters:,}", str(row.parameters)),
        Cell(duration(row.record.seconds), repr(row.record.seconds or 0.0)),
        Cell(row.record.id),
    ]
    return RunRow(anchors.get(row.run.directory), row.record.name, tuple(cells))


def left_out_row(entry: Entry, gap: int, anchors: Mapping[Path, str]) -> RunRow:
    """A run that was not compared, with as many empty cells as it has no values."""
    record = entry.record
    cells = [
        Cell(why(entry)),
        *(Cell("–") for _ in range(gap + 1)),
        Cell(str(record.epochs) if record else "–"),
        Cell(f"{record.parameters.get('total', 0):,}" if record else "–"),
        Cell(duration(record.seconds) if record else "–", repr(record.seconds or 0.0) if record else ""),
        Cell(identity(entry)),
    ]
    return RunRow(anchors.get(entry.run.directory), entry.name, tuple(cells))


def why(entry: Entry) -> str:
    """Why a run was not compared."""
    if entry.broken or entry.record is None:
        return f"broken: {entry.broken}" if entry.record is None else str(entry.broken)
    return entry.record.status + (f": {entry.record.reason}" if entry.record.reason else "")
