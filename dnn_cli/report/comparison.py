"""A comparison as a table, as words, as JSON, CSV and Markdown."""

import csv
import io
from statistics import fmean
from typing import Any

from rich.table import Table

from dnn_cli.compare.comparison import Comparison, Row, one_seed
from dnn_cli.report.tables import drop_to_fit, table
from dnn_cli.report.words import duration, score, sparkline, visible
from dnn_cli.spec.differences import short_keys


def columns(comparison: Comparison) -> list[str]:
    """The settings that differ, in the order of the config."""
    return list(comparison.rows[0].settings) if comparison.rows else []


def comparison_table(comparison: Comparison, width: int) -> Table:
    """A run a row, the settings that differ as columns; where the width is short, other columns go first."""
    settings = columns(comparison)
    fixed = [] if "epochs" in settings else ["epochs"]
    low = min(value for row in comparison.rows for value in row.curve)
    high = max(value for row in comparison.rows for value in row.curve)
    numbers = ["parameters", "best", "last", *fixed, "time"]
    rows = [
        [
            row.record.name,
            *(row.settings[key] for key in settings),
            f"{row.parameters:,}",
            score(row.best),
            score(row.last),
            *(str(row.record.epochs) for _ in fixed),
            duration(row.record.seconds),
            sparkline(row.curve, low, high),
            row.record.id,
        ]
        for row in comparison.rows
    ]
    headers = ["name", *short_keys(settings), *numbers, "curve", "id"]
    flexible = ["name", *headers[1 : 1 + len(settings)]]
    headers, rows = drop_to_fit(headers, rows, width, ["time", "epochs", "parameters", "curve", "last"])
    return table(headers, rows, right=numbers, flexible=flexible)


def groups_table(comparison: Comparison, width: int, most: int = 20) -> Table:
    """A setting a row, the best first, with its scores over the seeds; only so many of them."""
    groups = comparison.groups[:most]
    keys = list(dict.fromkeys(key for group in comparison.groups for key in group.settings))
    several = any(len(group.rows) > 1 for group in comparison.groups)
    rows = []
    for group in groups:
        scores = [row.best for row in group.rows]
        spread = [score(min(scores)), score(max(scores)), str(len(group.seeds))] if several else []
        seconds = fmean(row.record.seconds or 0.0 for row in group.rows)
        settings = [group.settings.get(key, "–") for key in keys] if keys else [group.name]
        parameters = f"{group.rows[0].parameters:,}"
        rows.append([*settings, parameters, score(group.mean), *spread, duration(seconds)])
    varied = short_keys(keys) if keys else ["name"]
    numbers = ["parameters", "mean", *(["lowest", "highest", "seeds"] if several else []), "time"]
    headers, rows = drop_to_fit([*varied, *numbers], rows, width, ["time", "parameters", "highest", "lowest"])
    return table(headers, rows, right=numbers, flexible=varied)


def verdict(comparison: Comparison) -> list[str]:
    """What may be said, a sentence a line."""
    groups = comparison.groups
    said = list(comparison.warnings)
    if comparison.different_data:
        return said
    if comparison.lead is None:
        return [*said, "all these runs are one experiment: change a setting to compare, as optimizer=sgd"]
    first, second = groups[:2]
    names, few = (comparison.label(first), comparison.label(second)), one_seed(first, second)
    means = "" if len(first.seeds) == len(second.seeds) == 1 else ", means over the seeds"
    if comparison.lead:
        said.append(
            f"{names[0]} is ahead of {names[1]} by {comparison.lead:.4f}: "
            f"best {comparison.metric} {score(first.mean)} against {score(second.mean)}{means}"
        )
    else:
        said.append(f"{names[0]} and {names[1]} are level: best {comparison.metric} {score(first.mean)}{means}")
    if few:
        seed = max(*first.seeds, *second.seeds) + 1
        said.append(
            "one seed decides nothing, as another seed moves every score: "
            f"train more, with seed={seed}, seed={seed + 1}, …"
        )
    else:
        seeds = " and ".join(f"{name} has {len(g.seeds)} seeds" for name, g in zip(names, (first, second), strict=True))
        said.append(f"{seeds}; whether the difference is more than chance is not tested")
    return said


def left_out_lines(comparison: Comparison) -> list[str]:
    """A line for every run that is not in the table."""
    lines = []
    for entry in comparison.left_out:
        if entry.record is None:
            lines.append(f"{entry.run.directory.name}  broken: {entry.broken}")
        else:
            reason = f": {entry.record.reason}" if entry.record.reason else ""
            why = entry.broken or f"{entry.record.status}{reason}"
            lines.append(f"{entry.record.name}  {entry.record.id}  {why}")
    return lines


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The JSON of `dnn compare`."""
    groups = [
        {
            "name": comparison.label(group),
            "config_diff": group.settings,
            "seeds": group.seeds,
            "mean": group.mean,
            "interval": None,
            "runs": [row.record.id for row in group.rows],
        }
        for group in comparison.groups
    ]
    first = comparison.groups[0] if comparison.groups else None
    pairs = [
        {
            "a": comparison.label(first),
            "b": comparison.label(other),
            "difference": first.mean - other.mean,
            "interval": None,
            "p_value": None,
            "verdict": "one seed decides nothing" if one_seed(first, other) else "not tested",
        }
        for other in comparison.groups[1:]
        if first
    ]
    return {
        "metric": comparison.metric,
        "groups": groups,
        "pairs": pairs,
        "warnings": list(comparison.warnings),
        "rows": [plain_row(row) for row in comparison.rows],
        "left_out": [
            {
                "dir": str(entry.run.directory),
                "status": entry.record.status if entry.record else "broken",
                "reason": entry.broken or (entry.record.reason if entry.record else None),
            }
            for entry in comparison.left_out
        ],
    }


def plain_row(row: Row) -> dict[str, Any]:
    """A run with its scores in full."""
    return {
        "id": row.record.id,
        "name": row.record.name,
        **row.settings,
        "parameters": row.parameters,
        "best": row.best,
        "last": row.last,
        "epochs": row.record.epochs,
        "seconds": row.record.seconds,
    }


def comparison_csv(comparison: Comparison) -> str:
    """A run a line, scores in full."""
    rows = [plain_row(row) for row in comparison.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["id"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: visible(v) if isinstance(v, str) else v for key, v in row.items()} for row in rows)
    return text.getvalue()


def comparison_markdown(comparison: Comparison) -> str:
    """The table in Markdown."""
    settings = columns(comparison)
    fixed = [] if "epochs" in settings else ["epochs"]
    headers = ["name", *short_keys(settings), "parameters", f"best {comparison.metric}", "last", *fixed, "time"]
    lines = [headers, ["---"] * len(headers)]
    for row in comparison.rows:
        cells = [row.record.name, *(row.settings[key] for key in settings), f"{row.parameters:,}"]
        epochs = [str(row.record.epochs) for _ in fixed]
        lines.append([*cells, score(row.best), score(row.last), *epochs, duration(row.record.seconds)])
    return "".join(f"| {' | '.join(visible(cell).replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
