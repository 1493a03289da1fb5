"""Overview of a comparison: the verdicts, the settings that differ, and the table of all runs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.group import Group
from dnn_cli.compare.run_scores import RunScore, index_by_variant
from dnn_cli.compare.verdicts import VerdictWord
from dnn_cli.config.cross_validation import FOLD_KEYS
from dnn_cli.report.comparison_tables import (
    format_compared_value,
    format_interval,
    format_mean_and_spread,
    list_key_headers,
    list_run_settings,
)
from dnn_cli.report.html.curves_section import format_line_classes
from dnn_cli.report.html.svg_plot import compute_percent_positions
from dnn_cli.report.method_text import format_method_lines
from dnn_cli.report.run_details import iter_config_rows as settings_of
from dnn_cli.report.run_values import format_field
from dnn_cli.report.seed_advice import format_advice_lines
from dnn_cli.report.text import format_count, format_score
from dnn_cli.report.verdict_text import (
    format_missing_verdict_reason,
    format_note_lines,
    format_reference_header,
    list_verdict_texts,
)
from dnn_cli.runs.query.run_columns import RunColumn, get_run_id, get_run_reason, get_run_status, list_table_columns
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
class RunCell:
    """Cell of the table of runs. A column is sorted by `sort_key`, or by the text of a cell without `sort_key`."""

    text: str
    sort_key: str = ""


_EMPTY_CELL = RunCell("–")


@dataclass(frozen=True)
class _RunTableColumn:
    """Column of the table of runs, with functions that build its cells for compared runs and for left-out runs."""

    header: str
    build_cell: Callable[[RunScore], RunCell]
    build_left_out_cell: Callable[[RunInfo], RunCell] = lambda run_info: _EMPTY_CELL
    is_numeric: bool = False


@dataclass(frozen=True)
class RunRow:
    """Row of the table of runs."""

    anchor: str | None
    """HTML anchor of the run's page; `None` for a run without a page."""

    name: str
    cells: tuple[RunCell, ...]


@dataclass(frozen=True)
class RunTable:
    """Table of all runs, whose columns the reader can sort."""

    headers: tuple[str, ...]
    numeric: frozenset[int]
    """Indices of columns that hold numbers."""

    rows: tuple[RunRow, ...]
    omitted_count: int


@dataclass(frozen=True)
class SettingsSection:
    """Settings in which the groups differ, and settings that all groups share."""

    keys: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Label, CSS classes and settings of each group."""

    common: tuple[tuple[str, str], ...]


def build_verdict_section(comparison: Comparison, line_numbers: Mapping[str, int] | None = None) -> VerdictSection:
    """Build the section with a row for each group, and with method, notes, caveats and advice.

    `line_numbers` has the number of the colour and dashes of each group, by its label; `None` numbers the rows.
    """
    family = comparison.verdict_set
    groups = comparison.groups[:_MAX_GROUP_ROWS]
    verdict_by_group = {id(listed_verdict.group): listed_verdict for listed_verdict in family.verdicts}
    scores = [value for group in groups for value in group.averaged_scores]
    low, high = (min(scores), max(scores)) if scores else (0.0, 0.0)
    rows = []
    for number, (group, verdict_text) in enumerate(zip(groups, list_verdict_texts(comparison, groups), strict=True)):
        group_verdict = verdict_by_group.get(id(group))
        rows.append(
            _VerdictRow(
                comparison.get_label(group),
                format_line_classes((line_numbers or {}).get(comparison.get_label(group), number)),
                format_mean_and_spread(comparison, group),
                format_interval(comparison, group),
                "no seed"
                if group.is_baseline and not group.fold_means
                else format_count(len(group.averaged_scores), "fold" if group.fold_means else "seed"),
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
    """Build a dot for each seed or fold of a group; `low` and `high` are the scores at the ends of the scale."""
    names = [f"fold {fold.number}, split seed {fold.split_seed}" for fold in group.fold_means]
    names = names or ["baseline" if group.is_baseline else f"seed {seed}" for seed in group.seed_means]
    places = compute_percent_positions(group.averaged_scores, low, high)
    return [
        _SeedDot(at, f"{name}: {format_compared_value(comparison, value)}")
        for at, name, value in zip(places, names, group.averaged_scores, strict=True)
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
        if len(comparison.groups) > 1:
            return "The groups are not compared; the caveats state the reason."
        text = format_missing_verdict_reason(comparison)
        return f"{text[0].upper()}{text[1:]}."
    word_counts = Counter(verdict.word for verdict in family.verdicts)
    name, mean = comparison.get_label(family.reference), format_mean_and_spread(comparison, family.reference)
    quantity = "mean" if len(family.reference.averaged_scores) > 1 else "score"
    has_better_baseline = comparison.groups[0].is_baseline and not family.reference.is_baseline
    achievement = f"is the best network, with {mean}" if has_better_baseline else f"has the best {quantity}, {mean}"
    first = f"{name} is the baseline, with {mean}" if family.is_named else f"{name} {achievement}"
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
    """Return the settings that all runs share, as (key, text), without the seed, the fold and without `keys`."""
    left_out = {"seed", *keys, *(FOLD_KEYS if any(row.fold for row in rows) else ())}
    first, *others = [dict(settings_of(row.run_info)) for row in index_by_variant(rows).values()] or [{}]
    return [
        (name, text)
        for name, text in first.items()
        if name not in left_out and all(other.get(name) == text for other in others)
    ]


def build_run_table(comparison: Comparison, anchors: Mapping[Path, str]) -> RunTable:
    """Build the table of runs: the compared runs in their order, then the left-out runs with the reasons.

    `anchors` has the HTML anchor of each run's page, by run directory.
    """
    columns = _list_run_table_columns(comparison)
    rows = [
        RunRow(anchors.get(row.run.directory), row.record.name, tuple(column.build_cell(row) for column in columns))
        for row in comparison.run_scores
    ]
    rows += [
        RunRow(
            anchors.get(run_info.run.directory),
            run_info.name,
            tuple(column.build_left_out_cell(run_info) for column in columns),
        )
        for run_info in comparison.left_out
    ]
    return RunTable(
        ("run", *(column.header for column in columns)),
        frozenset(index for index, column in enumerate(columns, 1) if column.is_numeric),
        tuple(rows[:_MAX_RUN_ROWS]),
        max(0, len(rows) - _MAX_RUN_ROWS),
    )


def _list_run_table_columns(comparison: Comparison) -> list[_RunTableColumn]:
    """Return the columns of the table of runs. The status has a column if the table also lists left-out runs."""
    at = comparison.point.text
    status = _RunTableColumn("status", lambda row: RunCell("completed"), _build_reason_cell)
    score = _RunTableColumn(
        comparison.metric if at == "final" else at,
        lambda row: RunCell(format_compared_value(comparison, row.score), repr(row.score)),
        is_numeric=True,
    )
    best = _RunTableColumn(
        "best", lambda row: RunCell(format_score(row.best_score), repr(row.best_score)), is_numeric=True
    )
    keys = list_run_settings(comparison)
    runs = [*(row.run_info for row in comparison.run_scores), *comparison.left_out]
    return [
        *([status] if comparison.left_out else []),
        *([] if at == "best" else [score]),
        best,
        *(_build_setting_column(comparison, *pair) for pair in zip(keys, list_key_headers(keys), strict=True)),
        *map(_build_run_column, list_table_columns("comparison", runs)),
        _RunTableColumn("id", lambda row: RunCell(row.record.id), lambda run_info: RunCell(get_run_id(run_info))),
    ]


def _build_setting_column(comparison: Comparison, key: str, header: str) -> _RunTableColumn:
    """Build the column of a key in which the compared runs differ."""
    is_numeric = all(_is_number(row.settings[key]) for row in comparison.run_scores if key in row.settings)
    return _RunTableColumn(header, lambda row: RunCell(row.settings.get(key, "–")), is_numeric=is_numeric)


def _build_run_column(column: RunColumn) -> _RunTableColumn:
    """Build a column with a value of every run. A number with a unit or with separators is sorted by its value."""

    def build_cell(run_info: RunInfo) -> RunCell:
        value = column.value(run_info)
        is_sorted_by_value = column.quantity in ("count", "duration") and isinstance(value, int | float)
        return RunCell(format_field(column.name, value), repr(value) if is_sorted_by_value else "")

    return _RunTableColumn(column.header, lambda row: build_cell(row.run_info), build_cell, column.is_numeric)


def _is_number(text: str) -> bool:
    """Return whether the text of a setting is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _build_reason_cell(run_info: RunInfo) -> RunCell:
    """Build the cell with the reason why a run was not compared."""
    if run_info.record is not None and run_info.error:
        return RunCell(run_info.error)
    reason = get_run_reason(run_info)
    return RunCell(get_run_status(run_info) + (f": {reason}" if reason else ""))
