"""Verdicts of a study as sentences, and lines on its plan, its fairness and its power."""

from collections.abc import Iterator, Sequence

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.text import format_count, format_score
from dnn_cli.report.verdict_text import format_verdict
from dnn_cli.study.plan import Plan, StudyTask
from dnn_cli.study.power import compute_power, count_pairs
from dnn_cli.study.study_result import StudyResult, TaskResult, ValueResult
from dnn_cli.study.study_runs import Arm

_POWER_EFFECTS = (1, 2, 3)
"""Differences, in standard deviations of a score, for which the power of a study is printed."""

_MAX_NAMED_VALUES = 4
"""Largest number of values that a headline names; others are counted."""


def format_labels(labels: Sequence[str]) -> str:
    """Return labels as a list in a sentence: `adam, sgd and rmsprop`."""
    if len(labels) > _MAX_NAMED_VALUES:
        shown = labels[: _MAX_NAMED_VALUES - 1]
        return f"{', '.join(shown)} and {len(labels) - len(shown)} other values"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def format_plan_lines(plan: Plan) -> list[str]:
    """Return lines on the plan of a study: its question, what is tuned, what is judged, and its power."""
    lines = [f"question   {plan.question_text}: {format_labels_in_full(plan.labels)}"]
    for task in plan.tasks:
        title = f"{task.name}: " if len(plan.tasks) > 1 else ""
        lines.append(
            f"tuning     {title}{plan.trials} trials for each value, seed {plan.tuning_seed}, {_format_budget(task)}"
        )
        lines += [f"           {line}" for line in _format_space_lines(task)]
        lines.append(f"selection  {title}{_format_halves(task)}")
    lines.append(
        f"final      {format_count(len(plan.final_seeds), 'other seed')} for each value, tuned and with defaults"
    )
    if all(len(task.halves) == 1 for task in plan.tasks):
        lines.append(f"power      {format_power(plan)}")
    return lines


def format_labels_in_full(labels: Sequence[str]) -> str:
    """Return all labels of values, separated by commas."""
    return ", ".join(labels)


def _format_budget(task: StudyTask) -> str:
    """Return the budget of one run: `5 epochs of 48,000 examples`."""
    return f"{format_count(task.epochs, 'epoch')} of {task.examples:,} examples"


def _format_space_lines(task: StudyTask) -> Iterator[str]:
    """Yield a line for each search space, with the values that have this space."""
    by_space: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for label, space in task.search_spaces.items():
        by_space.setdefault(tuple(space.items()), []).append(label)
    for items, labels in by_space.items():
        names = "" if len(by_space) == 1 else f"{format_labels_in_full(labels)}: "
        yield names + ", ".join(f"{key} {text}" for key, text in items)


def _format_halves(task: StudyTask) -> str:
    """Return the score and the halves of the validation set as text."""
    folds = f" in each of {len(task.halves)} folds" if len(task.halves) > 1 else ""
    halves = task.halves[0]
    return (
        f"{task.score} on {halves.tuning:,} validation examples (tuning half); "
        f"verdicts on {halves.reporting:,} others (reporting half){folds}"
    )


def format_power(plan: Plan) -> str:
    """Return the power of a study for several differences, as text."""
    powers = [
        f"{100 * compute_power(len(plan.values), len(plan.final_seeds), effect):.0f}%" for effect in _POWER_EFFECTS
    ]
    pairs = count_pairs(len(plan.values))
    return (
        f"a difference of {', '.join(map(str, _POWER_EFFECTS[:-1]))} and {_POWER_EFFECTS[-1]} standard deviations over "
        f"seeds is found with {', '.join(powers[:-1])} and {powers[-1]} ({format_count(pairs, 'pair')} of values)"
    )


def format_verdict_sentences(result: StudyResult, task: TaskResult) -> list[str]:
    """Return the verdicts of a study on one task: the tuned arm, then the arm with defaults."""
    sentences = []
    if tuned := task.arms.get("tuned"):
        sentences += _format_arm_sentences(result, task, tuned, "tuned")
    if default := task.arms.get("default"):
        sentences += _format_arm_sentences(result, task, default, "default")
    return sentences


def _format_arm_sentences(result: StudyResult, task: TaskResult, comparison: Comparison, arm: Arm) -> list[str]:
    """Return the sentences on one arm: values that do not differ from the best, and values that are worse."""
    plan, family = result.plan, comparison.verdict_set
    if family.reference is None:
        return []
    best = comparison.get_label(family.reference)
    trials = max((len(item.tuning.trials) for item in task.values.values()), default=plan.trials)
    opening = f"tuned with {format_count(trials, 'trial')} each" if arm == "tuned" else "with defaults"
    replicates = _format_replicates(result, task)
    worse = [verdict for verdict in family.verdicts if verdict.word in ("worse", "better")]
    other = [verdict for verdict in family.verdicts if verdict.word not in ("worse", "better")]
    sentences = []
    if not other and worse:
        (nearest, *_) = sorted(worse, key=lambda item: abs(item.difference.mean) if item.difference else 0.0)
        rest = "" if len(worse) == 1 else ", the next best"
        sentences.append(
            f"{opening}, {best} is better than {_get_label(comparison, nearest)}{rest}: "
            f"{_format_amount(comparison, nearest)} ({replicates})"
        )
    elif other:
        labels = [best, *(_get_label(comparison, verdict) for verdict in other)]
        undecided = any(verdict.word == "undecided" for verdict in other)
        clause = "are not told apart" if undecided else "do not differ"
        amount = f", {_format_amount(comparison, other[0])}" if len(other) == 1 else ""
        sentences.append(f"{opening}, {format_labels(labels)} {clause} ({replicates}{amount})")
    remaining = worse if other else [verdict for verdict in worse if len(worse) > 1]
    for verdict in remaining:
        label = _get_label(comparison, verdict)
        if arm == "tuned" and (special := task.values[label].under_tuned_against) is not None:
            sentences.append(f"{label} is under-tuned: {special} is a special case of it and scores better")
    return sentences


def _get_label(comparison: Comparison, verdict: Verdict) -> str:
    """Return the label of the group of a verdict."""
    return comparison.get_label(verdict.group)


def _format_amount(comparison: Comparison, verdict: Verdict) -> str:
    """Return the difference of a verdict with its interval and p-value, without the word of the verdict."""
    _, _, amount = format_verdict(comparison, verdict).partition(" by ")
    return amount or format_verdict(comparison, verdict).partition(": ")[2]


def _format_replicates(result: StudyResult, task: TaskResult) -> str:
    """Return the number of seeds, or of folds, of a verdict."""
    if len(task.task.halves) > 1:
        return format_count(len(task.task.halves), "fold")
    return format_count(len(result.plan.final_seeds), "seed")
