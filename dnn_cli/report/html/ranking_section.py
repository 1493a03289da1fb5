"""Section of a report with the ranking of setups over datasets."""

from dataclasses import dataclass

from dnn_cli.compare.dataset_comparison import DatasetComparison
from dnn_cli.compare.dataset_ranking import DatasetRanking
from dnn_cli.report.ranking_view import (
    build_rank_matrix_cells,
    format_ranking_method,
    format_ranking_reference,
    format_ranking_title,
    format_ranking_verdict,
)
from dnn_cli.report.table_cells import TableCells


@dataclass(frozen=True)
class _RankingRow:
    """Mean rank of a setup, and the verdict on it."""

    label: str
    mean_rank: str
    verdict_text: str
    word: str
    """Verdict in one word, such as `better`; empty for the reference."""


@dataclass(frozen=True)
class RankingSection:
    """Ranking of setups over datasets, or the reason why there is none."""

    headline: str
    reference_header: str
    rows: tuple[_RankingRow, ...]
    scores: TableCells | None
    """Mean scores and ranks of the setups on each dataset; `None` without a ranking."""

    method: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def build_ranking_section(compared: DatasetComparison) -> RankingSection:
    """Build the section from a comparison of several datasets."""
    ranking = compared.ranking
    if ranking is None:
        reason = compared.no_ranking_reason
        headline = f"{reason[0].upper()}{reason[1:]}."
        return RankingSection(headline, "", (), None, (), compared.notes, compared.caveats)
    rows = tuple(
        _RankingRow(
            ranked.setup.label, f"{ranked.mean_rank:.2f}", format_ranking_verdict(ranking, ranked), ranked.word or ""
        )
        for ranked in ranking.setups
    )
    return RankingSection(
        _format_headline(ranking), format_ranking_reference(ranking), rows, build_rank_matrix_cells(compared, ranking),
        tuple(format_ranking_method(ranking)), compared.notes, compared.caveats,
    )  # fmt: skip


def _format_headline(ranking: DatasetRanking) -> str:
    """Return the headline: the numbers of setups and datasets, and the setup with the best mean rank."""
    title = format_ranking_title(ranking)
    best = ranking.setups[0]
    return f"{title[0].upper()}{title[1:]}: {best.setup.label} has the best mean rank, {best.mean_rank:.2f}."
