"""Tables of a comparison for the terminal, and as CSV, Markdown and LaTeX."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.compare.comparison import Comparison, rank_setting_value
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.report.table_formats import format_csv, format_latex, format_markdown
from dnn_cli.report.tables import PlainTable, build_table, drop_columns_to_fit, shorten_cells_to_fit
from dnn_cli.report.text import UNLIMITED_WIDTH, format_duration, format_score, format_sparkline, replace_control_chars

_INTERVAL_HEADER = "95% interval"

_MIN_SENTENCE_WIDTH = 44
"""Smallest width of a column of sentences, in terminal characters.

To keep this width, other columns are dropped or cut.
"""

_MAX_RUNS_PER_REASON = 3
"""Largest number of left-out runs with the same reason that have a line each; more runs share a line."""


@dataclass(frozen=True)
class TableCells:
    """Texts of the cells of a table, and rules on how to fit the table to a width."""

    headers: list[str]
    rows: list[list[str]]
    right: list[str]
    """Headers of right-aligned columns, which hold numbers."""

    cut: list[str]
    """Headers of columns whose cells are cut if the table is too wide."""

    wrapped: list[str]
    """Headers of columns whose cells wrap if the table is too wide.

    Their text is never cut, because it distinguishes the rows.
    """

    expendable: tuple[str, ...] = ("time", "epochs", "parameters", "curve", "last", "best", "95% interval")
    """Headers of columns that are dropped, in this order, if the table is too wide."""

    sentences: tuple[str, ...] = ()
    """Headers of columns with sentences, which wrap if the table is too wide."""

    row_groups: tuple[Group, ...] = ()
    """Groups of the rows, one for each row; empty if the rows are not groups, as in a matrix or a table of runs."""

    def add_sentences(self, header: str, sentences: Sequence[str]) -> "TableCells":
        """Return the table with a further column of sentences, one for each row."""
        rows = [[*row, sentence] for row, sentence in zip(self.rows, sentences, strict=True)]
        return replace(self, headers=[*self.headers, header], rows=rows, sentences=(*self.sentences, header))

    def limit_rows(self, max_rows: int | None) -> "TableCells":
        """Return the table with at most `max_rows` rows; `None` keeps all rows."""
        return replace(self, rows=self.rows[:max_rows], row_groups=self.row_groups[:max_rows])

    def build_fitting_table(self, width: int) -> PlainTable:
        """Build a table that fits a width in terminal characters: columns are dropped, then cells are cut or wrap."""
        if width >= UNLIMITED_WIDTH:
            return build_table(self.headers, self.rows, right=self.right)
        limits = dict.fromkeys(self.sentences, _MIN_SENTENCE_WIDTH)
        headers, rows = drop_columns_to_fit(self.headers, self.rows, width, self.expendable, limits)
        rows = shorten_cells_to_fit(headers, rows, width, self.cut, max_widths=limits)
        return build_table(headers, rows, right=self.right, flexible=[*self.wrapped, *self.sentences])

    def to_csv(self) -> str:
        """Return the table as CSV."""
        return format_csv(self.headers, self.rows)

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        return format_markdown(self.headers, self.rows, self.right)

    def to_latex(self) -> str:
        """Return the table as LaTeX."""
        return format_latex(self.headers, self.rows, self.right)


def list_key_headers(keys: Sequence[str]) -> list[str]:
    """Return short column headers for config keys: `optimizer` for `optimizer.type`, `units` for `layers.0.units`."""
    return shorten_keys([key.removesuffix(".type") for key in keys])


def format_compared_value(comparison: Comparison, value: float | None) -> str:
    """Format the value by which runs are compared: a score or, with `--at reach=…`, a number of epochs.

    For a missing value, return `–`.
    """
    return format_score(value) if comparison.point.unit is None or value is None else _format_epochs(value)


def _format_epochs(value: float) -> str:
    """Format a number of epochs with three significant digits, or as an integer if it is 1,000 or more."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def format_mean_and_spread(comparison: Comparison, group: Group) -> str:
    """Format the mean of a group and its standard deviation over seeds, such as `0.8803 ± 0.0021`."""
    mean = format_compared_value(comparison, group.mean)
    if group.spread is None:
        return mean
    if "e" in mean:
        return f"{mean} ± {group.spread:.2g}"
    return f"{mean} ± {group.spread:.{len(mean.partition('.')[2])}f}"


def format_interval(comparison: Comparison, group: Group) -> str:
    """Return the 95% interval of a group's mean, such as `0.8781 to 0.8825`.

    If the group has fewer than three seeds, return `–`.
    """
    interval = comparison.get_interval(group)
    if interval is None:
        return "–"
    low, high = (format_compared_value(comparison, end) for end in interval)
    return f"{low} to {high}"


def _has_intervals(comparison: Comparison) -> bool:
    """Return whether the mean of at least one group has a 95% interval."""
    return any(comparison.get_interval(group) for group in comparison.groups)


def _format_seed_list(group: Group) -> str:
    """Return the number of seeds and up to six of them, such as `3: 1, 2, 3`; for a single seed, `seed 7`."""
    if len(group.seeds) == 1:
        return f"seed {group.seeds[0]}"
    return f"{len(group.seeds)}: {', '.join(map(str, group.seeds[:6]))}{', …' if len(group.seeds) > 6 else ''}"


def _build_runs_cells(comparison: Comparison) -> TableCells:
    """Build the cells of a table with a row for each run, and with a column for each setting that differs."""
    settings = list(comparison.run_scores[0].settings) if comparison.run_scores else []
    fixed = [] if "epochs" in settings else ["epochs"]
    at = comparison.point.text
    scores = ["best", "last"] if at == "best" else [at, "best"]
    low = min((value for row in comparison.run_scores for value in row.curve.values), default=0.0)
    high = max((value for row in comparison.run_scores for value in row.curve.values), default=0.0)
    rows = [
        [
            row.record.name,
            *(row.settings[key] for key in settings),
            f"{row.parameter_count:,}",
            format_score(row.best_score) if at == "best" else format_compared_value(comparison, row.score),
            format_score(row.last_score if at == "best" else row.best_score),
            *(str(row.record.epochs) for _ in fixed),
            format_duration(row.record.seconds),
            format_sparkline(row.curve.values, low, high),
            row.record.id,
        ]
        for row in comparison.run_scores
    ]
    short = shorten_keys(settings)
    headers = ["name", *short, "parameters", *scores, *fixed, "time", "curve", "id"]
    cells = TableCells(headers, rows, ["parameters", *scores, *fixed, "time"], ["name"], short)
    group_of = {id(group.run_scores[0].record): group for group in comparison.groups if len(group.run_scores) == 1}
    groups = [group_of.get(id(row.record)) for row in comparison.run_scores]
    described = tuple(group for group in groups if group is not None)
    return replace(cells, row_groups=described) if len(described) == len(comparison.groups) == len(rows) else cells


def build_groups_cells(comparison: Comparison, max_groups: int | None = None) -> TableCells:
    """Build the cells of a table with a row for each group: settings, mean over the seeds, and training time.

    The best group is first. With `max_groups`, only the first `max_groups` groups have a row.
    """
    groups = comparison.groups[:max_groups]
    keys = list(dict.fromkeys(key for group in comparison.groups for key in group.settings))
    # A name that all groups share distinguishes no rows.
    has_names = not keys or (not comparison.keys and len({group.name for group in groups}) > 1)
    names = ["name"] if has_names else []
    metric = "epochs to it" if comparison.point.unit else comparison.metric
    intervals = _has_intervals(comparison)
    rows = [
        [
            *(group.name for _ in names),
            *(group.settings.get(key, "–") for key in keys),
            _format_range([row.parameter_count for row in group.run_scores]),
            format_mean_and_spread(comparison, group),
            *([format_interval(comparison, group)] if intervals else []),
            str(len(group.seeds)),
            *([str(len(group.run_scores))] if comparison.keys else []),
            format_duration(group.seconds),
        ]
        for group in groups
    ]
    short = list_key_headers(keys)
    numbers = [
        "parameters",
        metric,
        *([_INTERVAL_HEADER] if intervals else []),
        "seeds",
        *(["runs"] if comparison.keys else []),
        "time",
    ]
    return TableCells(
        [*names, *short, *numbers],
        rows,
        numbers,
        names,
        short,
        ("time", "parameters", "runs", _INTERVAL_HEADER),
        row_groups=groups,
    )


def _build_pair_cells(comparison: Comparison) -> TableCells:
    """Build the cells of a table of two groups side by side: the settings that differ, and the results."""
    groups = comparison.groups
    keys = list(dict.fromkeys(key for group in groups for key in group.settings))
    low = min(value for row in comparison.run_scores for value in row.curve.values)
    high = max(value for row in comparison.run_scores for value in row.curve.values)
    metric = f"{comparison.metric} {comparison.point.text}" if comparison.point.text != "final" else comparison.metric
    lines: list[tuple[str, Callable[[Group], str]]] = [
        *((key, lambda group, key=key: group.settings.get(key, "–")) for key in keys),
        ("parameters", lambda group: _format_range([row.parameter_count for row in group.run_scores])),
        (metric, lambda group: format_mean_and_spread(comparison, group)),
        *([(_INTERVAL_HEADER, lambda group: format_interval(comparison, group))] if _has_intervals(comparison) else []),
        (
            "best score",
            lambda group: format_score(sum(row.best_score for row in group.run_scores) / len(group.run_scores)),
        ),
        ("seeds", _format_seed_list),
        *(
            []
            if "epochs" in keys
            else [("epochs", lambda group: _format_range([row.record.epochs for row in group.run_scores]))]
        ),
        ("time", lambda group: format_duration(group.seconds)),
        (f"{comparison.metric} curve", lambda group: format_sparkline(group.run_scores[0].curve.values, low, high)),
        (
            "runs",
            lambda group: (
                ", ".join(row.record.id for row in group.run_scores[:2]) + (", …" if group.run_scores[2:] else "")
            ),
        ),
    ]
    heads = [replace_control_chars(comparison.get_label(group)) for group in groups]
    heads = heads if len(set(heads)) == len(heads) else [group.run_scores[0].record.id for group in groups]
    rows = [[title, *(text(group) for group in groups)] for title, text in lines]
    return TableCells(["", *heads], rows, [], [], heads, ())


def _build_matrix_cells(comparison: Comparison) -> TableCells:
    """Build the cells of a matrix with the mean of each group, for a comparison by two keys.

    The rows are the values of the first key, and the columns are the values of the second key. `*` marks the best mean.
    """
    first, second = comparison.keys
    group_by_values = {(group.settings[first], group.settings[second]): group for group in comparison.groups}
    down = list(dict.fromkeys(group.settings[first] for group in _sort_groups_by_key(comparison, first)))
    across = list(dict.fromkeys(group.settings[second] for group in _sort_groups_by_key(comparison, second)))
    heads = [replace_control_chars(text) for text in across]
    best = comparison.groups[0]

    def format_cell(group: Group | None) -> str:
        if group is None:
            return "–"
        seeds = (
            f" ({len(group.seeds)})" if len({len(second_value.seeds) for second_value in comparison.groups}) > 1 else ""
        )
        return f"{'* ' if group is best else ''}{format_mean_and_spread(comparison, group)}{seeds}"

    rows = [
        [first_value, *(format_cell(group_by_values.get((first_value, second_value))) for second_value in across)]
        for first_value in down
    ]
    corner = " \\ ".join(list_key_headers([first, second]))
    return TableCells([corner, *heads], rows, heads, [], [corner], ())


def _sort_groups_by_key(comparison: Comparison, key: str) -> list[Group]:
    """Return the groups sorted by their value of a key: numbers by size, then texts."""
    return sorted(comparison.groups, key=lambda group: rank_setting_value(group.settings[key]))


def _format_range(numbers: Sequence[int]) -> str:
    """Return one number such as `79,510`, or the range from the smallest to the largest number."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def build_default_cells(comparison: Comparison, *, all_runs: bool = False, side_by_side: bool = False) -> TableCells:
    """Build the cells of the table that suits a comparison: rows of runs, rows of groups, or a matrix of two keys.

    Args:
        comparison: The comparison.
        all_runs: Whether the table has a row for each run. Otherwise, the number of groups and keys decides.
        side_by_side: Whether a comparison of only two groups, without `--by`, has a column for each group, not a row.
    """
    if all_runs or (len(comparison.groups) == 1 and not comparison.keys):
        return _build_runs_cells(comparison)
    if len(comparison.keys) == 2:
        return _build_matrix_cells(comparison)
    if side_by_side and len(comparison.groups) == 2 and not comparison.keys:
        return _build_pair_cells(comparison)
    if comparison.keys or len(comparison.groups) < len(comparison.run_scores):
        return build_groups_cells(comparison)
    return _build_runs_cells(comparison)


def build_row_fields(row: RunScore) -> dict[str, Any]:
    """Return the values of a run for CSV and JSON, by the name of the column; scores are not rounded."""
    return {
        "id": row.record.id,
        "name": row.record.name,
        **row.settings,
        "parameters": row.parameter_count,
        "score": row.score,
        "best": row.best_score,
        "last": row.last_score,
        "epochs": row.record.epochs,
        "seconds": row.record.seconds,
    }


def format_comparison_csv(comparison: Comparison) -> str:
    """Return CSV with a line for each run: unrounded scores, and the mean of the run's group.

    The columns of the group are empty for a run without a group. With `--by optimizer`, a run with 10 units has no
    group if some optimizer has no run with 10 units.
    """
    group_of = {id(row.record): group for group in comparison.groups for row in group.run_scores}
    rows = [
        {**build_row_fields(row), **_build_group_fields(comparison, group_of.get(id(row.record)))}
        for row in comparison.run_scores
    ]
    headers = list(rows[0]) if rows else ["id"]
    return format_csv(headers, [["" if value is None else str(value) for value in row.values()] for row in rows])


def _build_group_fields(comparison: Comparison, group: Group | None) -> dict[str, Any]:
    """Return the CSV columns of a group: label, mean, standard deviation, number of seeds, and 95% interval.

    Without a group, all values are `None`.
    """
    low, high = (comparison.get_interval(group) if group else None) or (None, None)
    return {
        "group": comparison.get_label(group) if group else None,
        "group_mean": group.mean if group else None,
        "group_standard_deviation": group.spread if group else None,
        "group_seeds": len(group.seeds) if group else None,
        "group_low": low,
        "group_high": high,
    }


def format_left_out_lines(comparison: Comparison) -> list[str]:
    """Return a line with the reason for each run that is left out of a comparison.

    More than three runs with the same reason share a line.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for run_info in comparison.left_out:
        if run_info.record is None:
            lines[f"broken: {run_info.error}"].append(run_info.run.directory.name)
        else:
            reason_suffix = f": {run_info.record.reason}" if run_info.record.reason else ""
            lines[run_info.error or f"{run_info.record.status}{reason_suffix}"].append(
                f"{run_info.record.name}  {run_info.record.id}"
            )
    texts = []
    for text, runs in lines.items():
        if len(runs) <= _MAX_RUNS_PER_REASON:
            texts += [f"{run}  {text}" for run in runs]
        else:
            plural = f"have {text.removeprefix('has ')}" if text.startswith("has ") else text
            texts.append(f"{len(runs):,} runs  {plural}")
    return texts
