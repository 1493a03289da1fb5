"""Tables of a comparison for the terminal, and as CSV, Markdown and LaTeX."""

import operator
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from dnn_cli.compare.comparison import Comparison, rank_setting_value
from dnn_cli.compare.group import Group
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.report.run_values import build_table_column, get_json_values
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.table_formats import format_csv
from dnn_cli.report.text import format_duration, format_score, format_sparkline, replace_control_chars
from dnn_cli.runs.query.run_columns import RunColumn, list_columns, list_table_columns
from dnn_cli.runs.run_info import RunInfo

_INTERVAL_HEADER = "95% interval"

_MAX_RUNS_PER_REASON = 3
"""Largest number of left-out runs with the same reason that have a line each; more runs share a line."""


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
    """Format the mean of a group and its standard deviation over seeds or folds, such as `0.8803 ± 0.0021`."""
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


def _format_seed_list(group: Group) -> str:
    """Return the number of seeds and up to six of them, such as `3: 1, 2, 3`; for a single seed, `seed 7`.

    In a cross-validation, the number of its scores precedes the seeds, such as `10 folds, seed 7`. A baseline has no
    seed.
    """
    noun = "fold" if len(group.fold_means) == 1 else "folds"
    folds = f"{_format_fold_count(group)} {noun}, " if group.fold_means else ""
    if group.is_baseline:
        return folds.removesuffix(", ") or "–"
    if len(group.seeds) == 1:
        return f"{folds}seed {group.seeds[0]}"
    return f"{folds}{len(group.seeds)}: {', '.join(map(str, group.seeds[:6]))}{', …' if len(group.seeds) > 6 else ''}"


def _format_fold_count(group: Group) -> str:
    """Return the number of folds, as `2 × 5` for two repetitions of five folds; `–` without folds."""
    folds = list(group.fold_means)
    repetitions = len({fold.split_seed for fold in folds})
    if repetitions > 1 and len(folds) == repetitions * folds[0].folds:
        return f"{repetitions} × {folds[0].folds}"
    return str(len(folds) or "–")


def _format_run_list(group: Group) -> str:
    """Return the ids of up to two runs of a group."""
    return ", ".join(row.record.id for row in group.run_scores[:2]) + (", …" if group.run_scores[2:] else "")


def _build_runs_cells(comparison: Comparison) -> TableCells:
    """Build the cells of a table with a row for each run, and with a column for each setting that differs."""
    settings = list_run_settings(comparison)
    at = comparison.point.text
    best = Column[RunScore]("best", lambda row: format_score(row.best_score), is_numeric=True)
    last = Column[RunScore]("last", lambda row: format_score(row.last_score), is_numeric=True)
    score = Column[RunScore](at, lambda row: format_compared_value(comparison, row.score), is_numeric=True)
    low, high = _find_curve_range(comparison)
    first, others = _divide_run_columns(
        list_table_columns("comparison", (row.run_info for row in comparison.run_scores))
    )
    get_run = operator.attrgetter("run_info")
    columns: list[Column[RunScore]] = [
        Column("name", lambda row: row.record.name, fit="cut"),
        *_build_setting_columns(settings, shorten_keys(settings)),
        *(build_table_column(column, get_run) for column in first),
        *((best, last) if at == "best" else (score, best)),
        # A setting with the same name has its own column.
        *(build_table_column(column, get_run) for column in others if column.key not in settings),
        Column("curve", lambda row: format_sparkline(row.curve.values, low, high)),
        Column("id", lambda row: row.record.id),
    ]
    expendable = [*(column.header for column in (*reversed(others), *first)), "curve", "last", "best"]
    group_of = {id(group.run_scores[0].record): group for group in comparison.groups if len(group.run_scores) == 1}
    groups = [group for row in comparison.run_scores if (group := group_of.get(id(row.record))) is not None]
    has_group_rows = len(groups) == len(comparison.groups) == len(comparison.run_scores)
    return build_cells(columns, comparison.run_scores, expendable, groups if has_group_rows else ())


def list_run_settings(comparison: Comparison) -> list[str]:
    """Return the keys in which the compared runs differ. Baselines lack the keys of networks."""
    return list(dict.fromkeys(key for row in comparison.run_scores for key in row.settings))


def _divide_run_columns(columns: Sequence[RunColumn]) -> tuple[list[RunColumn], list[RunColumn]]:
    """Divide columns of runs into those that precede the scores, and those that follow."""
    first = [column for column in columns if column.name == "parameters"]
    return first, [column for column in columns if column not in first]


def _build_setting_columns(keys: Sequence[str], headers: Sequence[str]) -> list[Column[Any]]:
    """Build a column for each key in which runs or groups differ."""

    def build_column(key: str, header: str) -> Column[Any]:
        return Column(header, lambda row: row.settings.get(key, "–"), fit="wrapped")

    return list(map(build_column, keys, headers))


def _find_curve_range(comparison: Comparison) -> tuple[float, float]:
    """Return the lowest and the highest value of all curves, so that all sparklines have one scale."""
    values = [value for row in comparison.run_scores for value in row.curve.values]
    return min(values, default=0.0), max(values, default=0.0)


def _list_group_settings(comparison: Comparison) -> list[str]:
    """Return the keys whose values distinguish groups."""
    return list(dict.fromkeys(key for group in comparison.groups for key in group.settings))


def _build_result_columns(comparison: Comparison, metric: str) -> list[Column[Group]]:
    """Build the columns of a group with its parameters, its mean, and the interval of the mean if a group has one."""
    interval = Column[Group](_INTERVAL_HEADER, lambda group: format_interval(comparison, group), is_numeric=True)
    return [
        Column(
            "parameters",
            lambda group: _format_range([] if group.is_baseline else [row.parameter_count for row in group.run_scores]),
            is_numeric=True,
        ),
        Column(metric, lambda group: format_mean_and_spread(comparison, group), is_numeric=True),
        *([interval] if any(map(comparison.get_interval, comparison.groups)) else []),
    ]


_TIME_COLUMN = Column[Group]("time", lambda group: format_duration(group.seconds), is_numeric=True)
"""Column with the mean training time of a group."""


def build_groups_cells(comparison: Comparison, max_groups: int | None = None) -> TableCells:
    """Build the cells of a table with a row for each group: settings, mean over the seeds, and training time.

    The best group is first. With `max_groups`, only the first `max_groups` groups have a row.
    """
    groups = comparison.groups[:max_groups]
    keys = _list_group_settings(comparison)
    # A name that all groups share distinguishes no rows.
    has_names = not keys or (not comparison.keys and len({group.name for group in groups}) > 1)
    name = Column[Group]("name", lambda group: group.name, fit="cut")
    runs = Column[Group]("runs", lambda group: str(len(group.run_scores)), is_numeric=True)
    folds = Column[Group]("folds", _format_fold_count, is_numeric=True)
    test_reads = Column[Group]("test reads", lambda group: str(_count_test_reads(group)), is_numeric=True)
    columns = [
        *([name] if has_names else []),
        *_build_setting_columns(keys, list_key_headers(keys)),
        *_build_result_columns(comparison, "epochs to it" if comparison.point.unit else comparison.metric),
        *([folds] if any(group.fold_means for group in groups) else []),
        Column[Group]("seeds", lambda group: "–" if group.is_baseline else str(len(group.seeds)), is_numeric=True),
        *([runs] if comparison.keys else []),
        _TIME_COLUMN,
        *([test_reads] if any(map(_count_test_reads, groups)) else []),
    ]
    expendable = ("time", "parameters", "runs", test_reads.header, _INTERVAL_HEADER)
    return build_cells(columns, groups, expendable, groups)


def _count_test_reads(group: Group) -> int:
    """Return how often the test sets of the runs of a group were read."""
    return sum(len(row.record.test_reads) for row in group.run_scores)


def _build_pair_cells(comparison: Comparison) -> TableCells:
    """Build the cells of a table of two groups side by side: the settings that differ, and the results."""
    groups = comparison.groups
    keys = _list_group_settings(comparison)
    low, high = _find_curve_range(comparison)
    metric = f"{comparison.metric} {comparison.point.text}" if comparison.point.text != "final" else comparison.metric
    epochs = Column[Group](
        "epochs",
        lambda group: _format_range([] if group.is_baseline else [row.record.epochs for row in group.run_scores]),
    )
    lines = [
        *_build_setting_columns(keys, keys),
        *_build_result_columns(comparison, metric),
        Column[Group]("best score", lambda group: format_score(fmean(row.best_score for row in group.run_scores))),
        Column[Group]("seeds", _format_seed_list),
        *([] if "epochs" in keys else [epochs]),
        _TIME_COLUMN,
        Column[Group](
            f"{comparison.metric} curve", lambda group: format_sparkline(group.run_scores[0].curve.values, low, high)
        ),
        Column[Group]("runs", _format_run_list),
    ]
    heads = [replace_control_chars(comparison.get_label(group)) for group in groups]
    heads = heads if len(set(heads)) == len(heads) else [group.run_scores[0].record.id for group in groups]
    rows = [[line.header, *map(line.format_cell, groups)] for line in lines]
    return TableCells(["", *heads], rows, wrapped=heads)


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
    return TableCells([corner, *heads], rows, right=heads, wrapped=[corner])


def _sort_groups_by_key(comparison: Comparison, key: str) -> list[Group]:
    """Return the groups sorted by their value of a key: numbers by size, then texts."""
    return sorted(comparison.groups, key=lambda group: rank_setting_value(group.settings[key]))


def _format_range(numbers: Sequence[int]) -> str:
    """Return one number such as `79,510`, or the range from the smallest to the largest number; `–` without numbers."""
    if not numbers:
        return "–"
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


def build_row_fields(row: RunScore, settings: Sequence[str]) -> dict[str, Any]:
    """Return the values of a run for CSV and JSON, by the name of the column; scores are not rounded.

    Args:
        row: The run.
        settings: The keys in which the compared runs differ. A key that the run lacks is `None`.
    """
    first, others = _divide_run_columns(list_columns("comparison"))
    return {
        "id": row.record.id,
        "name": row.record.name,
        **{key: row.settings.get(key) for key in settings},
        **get_json_values(row.run_info, first),
        "score": row.score,
        "best": row.best_score,
        "last": row.last_score,
        **get_json_values(row.run_info, others),
    }


def format_comparison_csv(comparison: Comparison) -> str:
    """Return CSV with a line for each run: unrounded scores, and the mean of the run's group.

    The columns of the group are empty for a run without a group. With `--by optimizer`, a run with 10 units has no
    group if some optimizer has no run with 10 units.
    """
    rows = list_comparison_csv_rows(comparison)
    headers = list(rows[0]) if rows else ["id"]
    return format_csv(headers, [["" if value is None else str(value) for value in row.values()] for row in rows])


def list_comparison_csv_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the values of each line of `format_comparison_csv`, by column."""
    group_of = {id(row.record): group for group in comparison.groups for row in group.run_scores}
    settings = list_run_settings(comparison)
    return [
        {**build_row_fields(row, settings), **_build_group_fields(comparison, group_of.get(id(row.record)))}
        for row in comparison.run_scores
    ]


def _build_group_fields(comparison: Comparison, group: Group | None) -> dict[str, Any]:
    """Return the CSV columns of a group: label, mean, standard deviation, number of seeds, and 95% interval.

    Without a group, all values are `None`.
    """
    low, high = (comparison.get_interval(group) if group else None) or (None, None)
    return {
        "group": comparison.get_label(group) if group else None,
        "group_mean": group.mean if group else None,
        "group_standard_deviation": group.spread if group else None,
        "group_seeds": len(group.seeds) if group and not group.is_baseline else None,
        "group_folds": len(group.fold_means) or None if group else None,
        "group_low": low,
        "group_high": high,
    }


def format_left_out_lines(left_out: Sequence[RunInfo]) -> list[str]:
    """Return a line with the reason for each run that is left out of a comparison.

    More than three runs with the same reason share a line.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for run_info in left_out:
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
