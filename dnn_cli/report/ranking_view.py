"""Ranking of setups over datasets as a table and sentences."""

import math

from dnn_cli.compare.dataset_comparison import DatasetComparison
from dnn_cli.compare.dataset_ranking import DatasetRanking, RankedSetup, Scale
from dnn_cli.compare.significance import ALPHA
from dnn_cli.report.comparison_tables import format_compared_value
from dnn_cli.report.difference_text import format_p_value
from dnn_cli.report.method_text import format_method_lines
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.tables import compute_text_width
from dnn_cli.report.text import format_count

_MAX_REFERENCE_WIDTH = 24
"""Largest width of a reference's name in the header, in terminal characters. Its role replaces a longer name."""

_SCALE_TEXTS: dict[Scale, str] = {
    "difference": "Wilcoxon's signed-rank test of the differences on {datasets}",
    "ratio": "Wilcoxon's signed-rank test of the ratios of errors on {datasets}, because the datasets have other units",
    "sign": "sign test of {datasets}, because their scores have no common scale",
}


def format_ranking_title(ranking: DatasetRanking) -> str:
    """Return the title of a ranking, such as `ranking of 3 setups over 8 datasets`."""
    return (
        f"ranking of {format_count(len(ranking.setups), 'setup')} over {format_count(len(ranking.datasets), 'dataset')}"
    )


def build_ranking_cells(ranking: DatasetRanking, *, with_verdicts: bool = True) -> TableCells:
    """Build the cells of a table with a row for each setup: its mean rank and, if requested, its verdict."""
    columns = [
        Column[RankedSetup]("setup", lambda ranked: ranked.setup.label, fit="wrapped"),
        Column[RankedSetup]("mean rank", lambda ranked: f"{ranked.mean_rank:.2f}", is_numeric=True),
    ]
    cells = build_cells(columns, ranking.setups)
    if not with_verdicts:
        return cells
    texts = [format_ranking_verdict(ranking, ranked) for ranked in ranking.setups]
    return cells.add_sentences(format_ranking_reference(ranking), texts)


def format_ranking_reference(ranking: DatasetRanking) -> str:
    """Return the header of the verdicts, such as `compared with adam`."""
    label = ranking.reference.label
    return f"compared with {_format_role(ranking) if compute_text_width(label) > _MAX_REFERENCE_WIDTH else label}"


def _format_role(ranking: DatasetRanking) -> str:
    """Return the role of the reference: `the baseline` or `the best mean rank`."""
    return "the baseline" if ranking.is_named else "the best mean rank"


def format_ranking_verdict(ranking: DatasetRanking, ranked: RankedSetup) -> str:
    """Return the verdict on a setup, such as `worse: better on 0 and worse on 8 of 8 datasets, p = 0.023`."""
    if ranked.word is None or ranked.p_value is None:
        return _format_role(ranking)
    datasets = format_count(len(ranking.datasets), "dataset")
    counts = f"better on {ranked.wins} and worse on {ranked.losses} of {datasets}"
    return f"{ranked.word}: {counts}, {format_p_value(ranked.p_value)}"


def format_ranking_method(ranking: DatasetRanking) -> list[str]:
    """Return lines on the tests of a ranking, and on the number of datasets that a verdict needs."""
    datasets = format_count(len(ranking.datasets), "dataset")
    texts = ["method: rank of the mean score on each dataset, 1 is the best"]
    if ranking.friedman is not None:
        statistic = ranking.friedman.f_statistic
        value = f"F = {statistic:.3g}" if math.isfinite(statistic) else "equal ranks on all datasets"
        texts.append(f"Friedman's permutation test ({value}, {format_p_value(ranking.friedman.p_value)})")
    texts.append(_SCALE_TEXTS[ranking.scale].format(datasets=datasets))
    if ranking.comparisons > 1:
        source = "" if ranking.is_named else " (all pairs of setups; fewer with --baseline NAME)"
        texts.append(f"p after Holm's correction for {ranking.comparisons} comparisons{source}")
    lines = ["; ".join(texts)]
    if not ranking.has_difference:
        lines.append(f"Friedman's test has p > {ALPHA:.2g}, so no two setups are called different")
    if (needed := ranking.needed_datasets) is not None:
        lines.append(f"a verdict on {format_count(ranking.comparisons, 'pair')} of setups needs {needed} datasets")
    return lines


def build_rank_matrix_cells(compared: DatasetComparison, ranking: DatasetRanking) -> TableCells:
    """Build the cells of a table with the mean score and the rank of every setup on every dataset.

    A cell such as `0.8803 (1)` has the rank in brackets. The last row has the mean ranks. The metric has a column if it
    differs between datasets.
    """
    has_metrics = len({compared.parts[index].comparison.metric for index in ranking.datasets}) > 1
    labels = [ranked.setup.label for ranked in ranking.setups]
    rows = []
    for position, index in enumerate(ranking.datasets):
        part = compared.parts[index]
        groups = [ranked.setup.groups.get(index) for ranked in ranking.setups]
        means = [format_compared_value(part.comparison, group.mean) if group else "failed" for group in groups]
        ranks = [ranked.ranks[position] for ranked in ranking.setups]
        cells = [f"{mean} ({rank:g})" for mean, rank in zip(means, ranks, strict=True)]
        rows.append([part.label, *([part.comparison.metric] if has_metrics else []), *cells])
    rows.append(
        ["mean rank", *([""] if has_metrics else []), *(f"{ranked.mean_rank:.2f}" for ranked in ranking.setups)]
    )
    headers = ["dataset", *(["metric"] if has_metrics else []), *labels]
    return TableCells(headers, rows, right=labels)


def build_ranking_paragraphs(compared: DatasetComparison) -> list[list[str]]:
    """Return the paragraphs below the table of a ranking, or the reason why there is no ranking."""
    ranking = compared.ranking
    lines = format_ranking_method(ranking) if ranking else [compared.no_ranking_reason]
    blocks = [lines, [*compared.notes], [f"! {caveat}" for caveat in compared.caveats]]
    return [block for block in blocks if block]


def format_common_method(compared: DatasetComparison) -> list[str]:
    """Return the lines on the method of the verdicts if several datasets have verdicts and all share these lines.

    Otherwise, return no lines.
    """
    methods = [lines for part in compared.parts if (lines := format_method_lines(part.comparison))]
    return methods[0] if len(methods) > 1 and all(lines == methods[0] for lines in methods) else []
