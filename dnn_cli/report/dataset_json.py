"""JSON document of `dnn compare` on several datasets; with one dataset, that of one comparison."""

import math
from typing import Any

from dnn_cli.compare.dataset_comparison import DatasetComparison
from dnn_cli.compare.dataset_ranking import DatasetRanking
from dnn_cli.report.comparison_json import build_comparison_document, build_left_out_documents


def build_dataset_document(compared: DatasetComparison) -> dict[str, Any]:
    """Build the JSON document of a comparison.

    With one dataset, this is the document of `build_comparison_document`. With several, each item of `datasets` is such
    a document, with the name and the fingerprint of the dataset.
    """
    if not compared.has_several_parts:
        return build_comparison_document(compared.parts[0].comparison)
    return {
        "datasets": [
            {
                "dataset": part.label,
                "fingerprint": part.dataset.fingerprint,
                **build_comparison_document(part.comparison),
            }
            for part in compared.parts
        ],
        "ranking": _build_ranking_document(compared, compared.ranking) if compared.ranking else None,
        "no_ranking_reason": compared.no_ranking_reason or None,
        "notes": list(compared.notes),
        "warnings": list(compared.caveats),
        "left_out": build_left_out_documents(compared.left_out),
    }


def _build_ranking_document(compared: DatasetComparison, ranking: DatasetRanking) -> dict[str, Any]:
    """Build the JSON document of a ranking. `better` means that a setup is better than the reference."""
    labels = [part.label for part in compared.parts]
    friedman = ranking.friedman
    return {
        "datasets": [labels[index] for index in ranking.datasets],
        "reference": ranking.reference.label,
        "comparisons": ranking.comparisons,
        "scale": ranking.scale,
        "friedman": friedman
        and {
            "f": friedman.f_statistic if math.isfinite(friedman.f_statistic) else None,
            "p_value": friedman.p_value,
        },
        "setups": [
            {
                "name": ranked.setup.label,
                "mean_rank": ranked.mean_rank,
                "ranks": list(ranked.ranks),
                "means": [
                    group.mean if (group := ranked.setup.groups.get(index)) else None for index in ranking.datasets
                ],
                "better_on": ranked.wins if ranked.word else None,
                "worse_on": ranked.losses if ranked.word else None,
                "verdict": ranked.word,
                "p_value": ranked.p_value,
            }
            for ranked in ranking.setups
        ],
        "left_out": [setup.label for setup in ranking.left_out],
        "datasets_needed": ranking.needed_datasets,
    }
