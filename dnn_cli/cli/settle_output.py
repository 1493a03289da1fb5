"""Output of `dnn settle`: the pairs before and after each round, and the verdict with the table of both groups."""

import math
import shlex
from typing import TYPE_CHECKING, Any

from dnn_cli.cli.comparison_output import PARAGRAPH_INDENT, print_comparison
from dnn_cli.cli.console import get_output_console, print_json
from dnn_cli.report.text import format_count, replace_control_chars
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.compare.comparison import Comparison
    from dnn_cli.execution.settle_execution import SettleExecution


def format_settle_lines(execution: "SettleExecution") -> list[str]:
    """Return the lines that introduce a sequential comparison."""
    from dnn_cli.report.settle_text import format_goal

    first, second = execution.sides
    lines = [
        f"{first.label} and {second.label}: {execution.metric} of pairs of equal seeds",
        f"  {format_goal(execution.metric, execution.margin, execution.max_pairs)}",
    ]
    return [*map(replace_control_chars, lines), *format_state_lines(execution)]


def format_state_lines(execution: "SettleExecution") -> list[str]:
    """Return the line on the pairs so far; empty at the end of the comparison, whose verdict has the same figures."""
    from dnn_cli.report.settle_text import format_state

    if execution.end_reason is not None:
        return []
    return [replace_control_chars(f"  {format_state(execution.test, execution.metric, execution.sides[0].label)}")]


def format_round_line(execution: "SettleExecution", missing: int) -> str:
    """Return the line that begins a round: its seeds, and the number of runs to train."""
    seeds = execution.record.planned_seeds
    texts = ", ".join(map(str, seeds[:8])) + (", …" if len(seeds) > 8 else "")
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {texts}: {format_count(missing, 'run')} to train"


def print_settle_result(execution: "SettleExecution", *, as_json: bool) -> None:
    """Print the verdict of a sequential comparison, with the table of both groups and their caveats."""
    from dnn_cli.report.settle_text import format_settle_notes, format_verdict_line

    comparison = _compare_pairs(execution)
    if as_json:
        print_json(_build_settle_document(execution, comparison))
        return
    out, labels = get_output_console(), (execution.sides[0].label, execution.sides[1].label)
    lines = [format_verdict_line(execution.test, execution.metric, labels)]
    lines += format_settle_notes(execution.test, execution.metric, labels)
    lines += execution.unfinished_reasons
    for line in lines:
        print_line(out, replace_control_chars(line), PARAGRAPH_INDENT)
    out.print()
    if comparison is not None:
        print_comparison(comparison)
        out.print()
    if execution.record.planned_seeds:
        pairs = format_count(len(execution.record.planned_seeds), "planned pair")
        out.print(f"{pairs} without a score of both runs; the same command continues the comparison")
    elif execution.end_reason == "limit":
        out.print(f"the limit is reached: --most {2 * len(execution.record.pairs)} continues the comparison")
    command = ["dnn", "compare", f"sweep:{execution.id}", *build_runs_dir_option(execution.store.root)]
    print_line(out, f"  next  {shlex.join(command)}")


def _compare_pairs(execution: "SettleExecution") -> "Comparison | None":
    """Return the comparison of the runs of all pairs; `None` if no run has a score."""
    from dnn_cli.compare.comparison import compare_runs

    seeds = {pair.seed for pair in execution.record.pairs}
    runs = [
        run_score.run_info for scores in execution.scores for run_score in scores.run_scores if run_score.seed in seeds
    ]
    return compare_runs(runs, execution.metric) if runs else None


def _build_settle_document(execution: "SettleExecution", comparison: "Comparison | None") -> dict[str, Any]:
    """Build the JSON document of a sequential comparison with its pairs, and the document of `dnn compare`."""
    from dnn_cli.report.comparison_json import build_comparison_document

    test, labels = execution.test, [side.label for side in execution.sides]
    word: str = test.word
    if word in ("larger", "smaller"):
        word = "better" if (word == "larger") != execution.lower_is_better else "worse"
    differences = [value if math.isfinite(value) else None for value in test.differences]
    pairs = [
        {
            "seed": pair.seed,
            "runs": list(pair.runs),
            "scores": list(pair.scores),
            "difference": difference,
            "p_value": p_value,
            "equivalence_p_value": test.equivalence_p_values[number] if test.equivalence_p_values else None,
        }
        for number, (pair, difference, p_value) in enumerate(
            zip(execution.record.pairs, differences, test.p_values, strict=True)
        )
    ]
    return {
        "id": execution.id,
        "a": labels[0],
        "b": labels[1],
        "metric": execution.metric,
        "verdict": word,
        "decided_after": test.decided_pairs,
        "difference": test.mean if test.finite_differences else None,
        "interval": list(test.interval) if test.interval else None,
        "p_value": test.p_value,
        "equivalence": None
        if test.margin is None
        else {"difference": test.margin, "p_value": test.equivalence_p_value},
        "most": execution.max_pairs,
        "pairs": pairs,
        "planned_seeds": list(execution.record.planned_seeds),
        "failed": execution.unfinished_reasons,
        "comparison": build_comparison_document(comparison) if comparison else None,
    }
