"""Overview of a comparison: the verdicts, the settings that differ, and the table of all runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.run_scores import RunScore, index_by_variant
from dnn_cli.compare.verdicts import VerdictWord
from dnn_cli.report.comparison_tables import (
    format_compared_value,
    format_interval,
    format_mean_and_spread,
    list_key_headers,
)
from dnn_cli.report.html.curves_section import format_line_classes
from dnn_cli.report.html.svg_plot import compute_percent_positions
from dnn_cli.report.run_details import iter_config_rows as settings_of
from dnn_cli.report.text import format_count, format_duration, format_score
from dnn_cli.report.verdict_text import (
    format_advice_lines,
    format_method_lines,
    format_missing_verdict_reason,
    format_note_lines,
    format_reference_header,
    list_verdict_texts,
)
from dnn_cli.runs.query.fields import get_run_id
from dnn_cli.runs.run_info import RunInfo

_MAX_GROUP_ROWS = 50
"""Largest number of groups that have a row in the tables of verdicts and settings."""

_MAX_RUN_ROWS = 1000
"""Largest number of runs in the table."""

_VERDICT_WORDS: tuple[VerdictWord, ...] = ("better", "worse", "indistinguishable", "undecided")


@dataclass(frozen=True)
class _SeedDot:
    """Dot that shows the score of a seed; `at` is its position from the left in percent."""

    at: float
    text: str


@dataclass(frozen=True)
class _VerdictRow:
    """Mean, interval and verdict of a group."""

    label: str
    style: str
    mean: str
    interval: str
    """95% interval of the mean."""

    seeds: str
    verdict_text: str
    word: str
    """Verdict in one word, such as `better`; empty for a group without a verdict, such as the reference."""

    dots: tuple[_SeedDot, ...]
    mean_position: float


@dataclass(frozen=True)
class VerdictSection:
    """Verdicts of a comparison, with method, notes, caveats and advice."""

    headline: str
    reference_header: str
    """Header of the column with the verdicts, such as `compared with adam`; empty if there is no reference."""

    rows: tuple[_VerdictRow, ...]
    omitted_count: int
    score_range: tuple[str, str] | None
    """Lowest and highest score of all seeds: the ends of the scale on which the dots lie."""

    method: tuple[str, ...]
    notes: tuple[str, ...]
    """Notes on the settings over which each group's mean is taken, and on runs that are left out of the comparison."""

    warnings: tuple[str, ...]
    advice: tuple[str, ...]
    """Advice on the next step; commands begin with `dnn`."""


@dataclass(frozen=True)
class _RunCell:
    """Cell of the table of runs. A column is sorted by `sort_key`, or by the text of a cell without `sort_key`."""

    text: str
    sort_key: str = ""


@dataclass(frozen=True)
class _RunRow:
    """Row of the table of runs."""

    anchor: str | None
    """HTML anchor of the run's page; `None` for a run without a page."""

    name: str
    cells: tuple[_RunCell, ...]


@dataclass(frozen=True)
class RunTable:
    """Table of all runs, whose columns the reader can sort."""

    headers: tuple[str, ...]
    numeric: frozenset[int]
    """Indices of columns that hold numbers."""

    rows: tuple[_RunRow, ...]
    omitted_count: int


@dataclass(frozen=True)
class SettingsSection:
    """Settings in which the groups differ, and settings that all groups share."""

    keys: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Label, CSS classes and settings of each group."""

    common: tuple[tuple[str, str], ...]


def build_verdict_section(comparison: Comparison) -> VerdictSection:
    """Build the section with a row for each group, and with method, notes, caveats and advice."""
    family = comparison.verdict_set
    groups = comparison.groups[:_MAX_GROUP_ROWS]
    verdict_by_group = {id(listed_verdict.group): listed_verdict for listed_verdict in family.verdicts}
    scores = [value for group in groups for value in group.seed_means.values()]
    low, high = (min(scores), max(scores)) if scores else (0.0, 0.0)
    rows = []
    for number, (group, verdict_text) in enumerate(zip(groups, list_verdict_texts(comparison, groups), strict=True)):
        group_verdict = verdict_by_group.get(id(group))
        rows.append(
            _VerdictRow(
                comparison.get_label(group),
                format_line_classes(number),
                format_mean_and_spread(comparison, group),
                format_interval(comparison, group),
                format_count(len(group.seeds), "seed"),
                verdict_text,
                group_verdict.word if group_verdict else "",
                tuple(_build_seed_dots(comparison, group, low, high)),
                compute_percent_positions([group.mean], low, high)[0],
            )
        )
    return VerdictSection(
        _format_verdict_headline(comparison),
        format_reference_header(comparison) if family.reference else "",
        tuple(rows),
        len(comparison.groups) - len(groups),
        (format_compared_value(comparison, low), format_compared_value(comparison, high))
        if high > low and family.reference
        else None,
        tuple(format_method_lines(comparison)),
        tuple(format_note_lines(comparison)),
        comparison.caveats,
        tuple(line.strip() for line in format_advice_lines(comparison)),
    )


def _build_seed_dots(comparison: Comparison, group: Group, low: float, high: float) -> list[_SeedDot]:
    """Build a dot for each seed of a group; `low` and `high` are the scores at the ends of the scale."""
    places = compute_percent_positions(group.seed_means.values(), low, high)
    return [
        _SeedDot(at, f"seed {seed}: {format_compared_value(comparison, value)}")
        for at, (seed, value) in zip(places, group.seed_means.items(), strict=True)
    ]


def _format_verdict_headline(comparison: Comparison) -> str:
    """Return the headline: the reference with its score, and the number of groups with each verdict.

    Without a reference, return the reason as a sentence, such as `Runs on different data cannot be compared.`
    """
    family = comparison.verdict_set
    if not comparison.run_scores:
        return "There is no completed run to compare."
    if family.reference is None:
        if comparison.has_different_data:
            return "Runs on different data cannot be compared."
        if len(comparison.run_scores) == 1:
            (row,) = comparison.run_scores
            return f"{row.record.name} is the only completed run, with {comparison.metric} {format_score(row.score)}."
        text = format_missing_verdict_reason(comparison)
        return f"{text[0].upper()}{text[1:]}."
    word_counts = Counter(verdict.word for verdict in family.verdicts)
    name, mean = comparison.get_label(family.reference), format_mean_and_spread(comparison, family.reference)
    quantity = "mean" if len(family.reference.seeds) > 1 else "score"
    first = f"{name} is the baseline, with {mean}" if family.is_named else f"{name} has the best {quantity}, {mean}"
    count_texts = [
        f"{word_counts[word]} {'is' if word_counts[word] == 1 else 'are'} {word}"
        for word in _VERDICT_WORDS
        if word_counts[word]
    ]
    others = f"of {len(family.verdicts)} others {', '.join(count_texts)}"
    if len(family.verdicts) == 1:
        others = f"the other is {family.verdicts[0].word}"
    return f"{first}; {others}."


def build_settings_section(comparison: Comparison) -> SettingsSection:
    """Build the section: a table of the settings that differ between groups, and a list of the other settings."""
    groups = comparison.groups[:_MAX_GROUP_ROWS]
    keys = list(dict.fromkeys(key for group in comparison.groups for key in group.settings))
    rows = [
        (comparison.get_label(group), format_line_classes(number), tuple(group.settings.get(key, "–") for key in keys))
        for number, group in enumerate(groups)
    ]
    return SettingsSection(
        tuple(list_key_headers(keys)), tuple(rows), tuple(_list_common_settings(comparison.run_scores, keys))
    )


def _list_common_settings(rows: Sequence[RunScore], keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return the settings that all runs share, as (key, text), without the seed and without `keys`."""
    first, *others = [dict(settings_of(row.run_info)) for row in index_by_variant(rows).values()] or [{}]
    return [
        (name, text)
        for name, text in first.items()
        if name != "seed" and name not in keys and all(other.get(name) == text for other in others)
    ]


def build_run_table(comparison: Comparison, anchors: Mapping[Path, str]) -> RunTable:
    """Build the table of runs: the compared runs in their order, then the left-out runs with the reasons.

    `anchors` has the HTML anchor of each run's page, by run directory.
    """
    keys = list(comparison.run_scores[0].settings) if comparison.run_scores else []
    others = bool(comparison.left_out)
    at = comparison.point.text
    view = [] if at == "best" else [at if at != "final" else f"{comparison.metric}"]
    status = ["status"] if others else []
    headers = ["run", *status, *view, "best", *list_key_headers(keys), "epochs", "parameters", "time", "id"]
    rows = [_build_compared_row(comparison, row, keys, anchors, others=others) for row in comparison.run_scores]
    rows += [_build_left_out_row(run_info, len(keys) + len(view), anchors) for run_info in comparison.left_out]
    numeric = {*view, "best", "epochs", "parameters", "time"}
    numeric |= {
        title
        for title, key in zip(list_key_headers(keys), keys, strict=True)
        if all(_is_number(row.settings[key]) for row in comparison.run_scores)
    }
    return RunTable(
        tuple(headers),
        frozenset(index for index, header in enumerate(headers) if header in numeric),
        tuple(rows[:_MAX_RUN_ROWS]),
        max(0, len(rows) - _MAX_RUN_ROWS),
    )


def _is_number(text: str) -> bool:
    """Return whether the text of a setting is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _build_compared_row(
    comparison: Comparison, row: RunScore, keys: Sequence[str], anchors: Mapping[Path, str], *, others: bool
) -> _RunRow:
    """Build the row of a compared run.

    Args:
        comparison: The comparison.
        row: The compared run with its scores.
        keys: The keys in which runs differ; each has a column.
        anchors: The HTML anchors of the runs' pages, by run directory.
        others: Whether the table also lists left-out runs. It then has a column for the status.
    """
    cells = [
        *([_RunCell("completed")] if others else []),
        *(
            []
            if comparison.point.text == "best"
            else [_RunCell(format_compared_value(comparison, row.score), repr(row.score))]
        ),
        _RunCell(format_score(row.best_score), repr(row.best_score)),
        *(_RunCell(row.settings[key]) for key in keys),
        _RunCell(str(row.record.epochs)),
        _RunCell(f"{row.parameter_count:,}", str(row.parameter_count)),
        _RunCell(format_duration(row.record.seconds), repr(row.record.seconds or 0.0)),
        _RunCell(row.record.id),
    ]
    return _RunRow(anchors.get(row.run.directory), row.record.name, tuple(cells))


def _build_left_out_row(run_info: RunInfo, gap: int, anchors: Mapping[Path, str]) -> _RunRow:
    """Build the row of a left-out run, whose cells of scores and settings contain only `–`.

    Args:
        run_info: The left-out run.
        gap: The number of columns of settings and of the compared score. These cells, and the cell of the best score,
            contain `–`.
        anchors: The HTML anchors of the runs' pages, by run directory.
    """
    record = run_info.record
    cells = [
        _RunCell(_format_left_out_reason(run_info)),
        *(_RunCell("–") for _ in range(gap + 1)),
        _RunCell(str(record.epochs) if record else "–"),
        _RunCell(f"{record.parameters.get('total', 0):,}" if record else "–"),
        _RunCell(format_duration(record.seconds) if record else "–", repr(record.seconds or 0.0) if record else ""),
        _RunCell(get_run_id(run_info)),
    ]
    return _RunRow(anchors.get(run_info.run.directory), run_info.name, tuple(cells))


def _format_left_out_reason(run_info: RunInfo) -> str:
    """Return the reason why a run was not compared."""
    if run_info.error or run_info.record is None:
        return f"broken: {run_info.error}" if run_info.record is None else str(run_info.error)
    return run_info.record.status + (f": {run_info.record.reason}" if run_info.record.reason else "")
