"""Advice of a study without a clear answer: the seeds or trials that would decide, and the command that trains them."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from dnn_cli.compare.significance import MAX_ADVISED_SEEDS
from dnn_cli.report.difference_text import format_difference_amount
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.study.plan import Plan
from dnn_cli.study.study_result import StudyResult, TaskResult

_SET_BY_STUDY = ("data.reporting_half=true", "data.folds=")
"""Beginnings of overrides that a study sets itself, or that have an option."""

_OPEN_WORDS = ("undecided", "indistinguishable")
"""Words of verdicts that leave the question open."""


def format_advice_lines(result: StudyResult, root: Path) -> list[str]:
    """Return advice on more seeds or trials, with the command; empty if the answers of all tasks are clear.

    Args:
        result: The result of the study.
        root: The directory of runs, for the command.
    """
    lines: list[str] = []
    seeds, trials = None, None
    for task in result.tasks:
        prefix = f"{task.task.name}: " if len(result.tasks) > 1 else ""
        if (needed := _find_needed_seeds(task)) is not None:
            count, amount = needed
            lines.append(f"{prefix}{count} seeds would find a difference of {amount} in 4 of 5 studies")
            seeds = max(seeds or 0, count)
        elif task.arms.get("tuned") and _has_open_verdicts(task) and len(task.task.halves) == 1:
            lines.append(f"{prefix}such small differences need more than {MAX_ADVISED_SEEDS:,} seeds")
        if task.stable_trials is None and all(item.curve for item in task.values.values()):
            lines.append(f"{prefix}more trials can change the order of the values")
            trials = 2 * result.plan.trials
    if seeds or trials:
        command = [*build_study_command(result.plan, seeds, trials), *build_runs_dir_option(root)]
        lines.append(f"  {shlex.join(command)}")
        lines.append("a study that is extended until it has a winner finds one by chance: extend it once")
    return lines


def _has_open_verdicts(task: TaskResult) -> bool:
    """Return whether a tuned value is neither better nor worse than the best."""
    return any(
        verdict.word in ("undecided", "indistinguishable") for verdict in task.arms["tuned"].verdict_set.verdicts
    )


def _find_needed_seeds(task: TaskResult) -> tuple[int, str] | None:
    """Return the smallest number of seeds that would probably decide an open verdict, and the difference as text.

    The result is `None` without an open verdict, and where more seeds are not advised.
    """
    comparison = task.arms.get("tuned")
    if comparison is None:
        return None
    open_verdicts = [
        (verdict.needed_seeds, verdict.difference)
        for verdict in comparison.verdict_set.verdicts
        if verdict.word in _OPEN_WORDS
        and verdict.needed_seeds
        and verdict.difference
        # A difference below one example of the reporting half says nothing about other examples.
        and abs(verdict.difference.mean) >= comparison.resolution.step
    ]
    if not open_verdicts:
        return None
    needed, difference = min(open_verdicts, key=lambda item: item[0] or 0)
    return needed or 0, format_difference_amount(comparison, abs(difference.mean), sign=False)


def build_study_command(plan: Plan, seeds: int | None = None, trials: int | None = None) -> list[str]:
    """Return the words of the command that continues or extends a study.

    Args:
        plan: The plan of the study.
        seeds: The number of final seeds; `None` keeps the number of the plan.
        trials: The number of trials; `None` keeps the number of the plan.
    """
    words = ["dnn", "study", *(task.config for task in plan.tasks), *_iter_question_words(plan)]
    words += [word for word in plan.fixed if not word.startswith(_SET_BY_STUDY)]
    words += [word for text in plan.tuned_keys for word in ("--tune", text)]
    folds = next((word.partition("=")[2] for word in plan.fixed if word.startswith("data.folds=")), None)
    words += ["--folds", folds] if folds else []
    words += ["--repeats", str(plan.repetitions)] if plan.repetitions else []
    words += ["--trials", str(trials or plan.trials), "--seeds", str(seeds or len(plan.final_seeds))]
    words += ["--target", plan.target] if plan.target != "auto" else []
    return words + (["--search-seed", str(plan.sampler_seed)] if plan.sampler_seed else [])


def _iter_question_words(plan: Plan) -> Iterator[str]:
    """Yield the words of the question: one argument, or an option `--zip` for each of several keys."""
    for key in plan.question:
        texts = ",".join(value.settings[key] for value in plan.values)
        if len(plan.question) > 1:
            yield "--zip"
        yield f"{key}={texts}"
