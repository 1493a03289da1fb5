"""Verdicts of a study as sentences, and lines on its plan, its method, its caveats and its next steps."""

from collections.abc import Iterator, Sequence

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.config.score_names import counts_examples
from dnn_cli.config.search_spaces import parse_tuned_keys
from dnn_cli.report.difference_text import format_difference_amount
from dnn_cli.report.method_text import format_method_lines
from dnn_cli.report.test_read_text import format_commands
from dnn_cli.report.text import format_count, format_score
from dnn_cli.report.verdict_text import format_verdict
from dnn_cli.study.plan import Plan, StudyTask
from dnn_cli.study.power import PLANNED_TUNING_SPREAD, compute_power, count_pairs
from dnn_cli.study.study_result import StudyResult, TaskResult
from dnn_cli.study.study_runs import Arm

_POWER_EFFECTS = (1, 2, 3)
"""Differences, in standard deviations of a score, for which the power of a study is printed."""

_MIN_EXAMPLES = 100
"""Number of examples in the reporting half below which a caveat names the size of one example."""

_MIN_ORDER_TRIALS = 5
"""Smallest number of trials for which a note says when the order of the values no longer changes."""

_MAX_NAMED_VALUES = 5
"""Largest number of values that a sentence names; others are counted."""

ARM_OPENINGS: dict[Arm, str] = {"tuned": "tuned", "default": "with defaults"}
"""Beginning of a sentence on each arm."""


def _format_labels(labels: Sequence[str]) -> str:
    """Return labels as a list in a sentence: `adam, sgd and rmsprop`."""
    if len(labels) > _MAX_NAMED_VALUES:
        listed = labels[: _MAX_NAMED_VALUES - 1]
        return f"{', '.join(listed)} and {len(labels) - len(listed)} other values"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def list_plan_rows(plan: Plan) -> list[tuple[str, str]]:
    """Return the plan of a study as titles and texts: its question, what is tuned and judged, and the power.

    A row without a title continues the row before it.
    """
    rows = [("question", f"{plan.question_text}: {', '.join(plan.labels)}")]
    for task in plan.tasks:
        title = f"{task.name}: " if len(plan.tasks) > 1 else ""
        epochs = "epochs" if "epochs" in plan.question else format_count(task.epochs, "epoch")
        budget = f"{epochs} of {task.examples:,} examples"
        rows.append(
            ("tuning", f"{title}{plan.trials} trials for each value, with seed {plan.tuning_seed} and {budget}")
        )
        rows += [("", line) for line in _format_space_lines(task)]
        rows.append(("data", f"{title}{_format_halves(task)}"))
    finalists = f"the best {plan.finalists} trials of each value, with {len(plan.finalist_seeds)} other seeds each"
    rows.append(("choice", finalists))
    seeds = format_count(len(plan.final_seeds), "further seed")
    rows.append(("judging", f"{seeds} for each value, tuned and with defaults"))
    if all(len(task.halves) == 1 for task in plan.tasks):
        rows.append(("power", _format_power(plan)))
    return rows


def _format_space_lines(task: StudyTask) -> Iterator[str]:
    """Yield a line for each search space, with the values that have this space."""
    by_space: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for label, space in task.search_spaces.items():
        by_space.setdefault(tuple(space.items()), []).append(label)
    for items, labels in by_space.items():
        names = "" if len(by_space) == 1 else f"{', '.join(labels)}: "
        keys = shorten_keys([key for key, _ in items])
        spaces = parse_tuned_keys([f"{key}={text}" for key, text in items])
        yield names + ", ".join(tuned.values.describe(key) for key, tuned in zip(keys, spaces, strict=True))


def _format_halves(task: StudyTask) -> str:
    """Return the score and the halves of the validation set as text."""
    folds = f" in each of {len(task.halves)} folds" if len(task.halves) > 1 else ""
    halves = task.halves[0]
    return (
        f"settings are chosen by {task.score} on {halves.tuning:,} validation examples{folds}, "
        f"and judged on {halves.reporting:,} others"
    )


def _format_power(plan: Plan) -> str:
    """Return the power of the verdicts on tuned values for several differences, as text."""
    values, seeds = len(plan.values), len(plan.final_seeds)
    powers = [
        f"{100 * compute_power(values, seeds, effect, tuning_spread=PLANNED_TUNING_SPREAD):.0f}%"
        for effect in _POWER_EFFECTS
    ]
    return (
        f"a verdict finds a difference of {_POWER_EFFECTS[0]}, {_POWER_EFFECTS[1]} or {_POWER_EFFECTS[2]} standard "
        f"deviations over seeds in {powers[0]}, {powers[1]} or {powers[2]} of studies "
        f"({format_count(count_pairs(values), 'pair')} of values)"
    )


def format_headline(result: StudyResult, task: TaskResult, arm: Arm) -> str:
    """Return the verdicts of an arm in one sentence; empty without verdicts.

    An example is `tuned with 20 trials each, adam and nesterov do not clearly differ; sgd is worse (12 seeds)`.
    """
    comparison = task.arms.get(arm)
    if comparison is None or comparison.verdict_set.reference is None:
        return ""
    opening = ARM_OPENINGS[arm]
    if arm == "tuned":
        opening += f" with {format_count(_count_trials(task), 'trial')} each"
    best = comparison.get_label(comparison.verdict_set.reference)
    verdicts, replicates = comparison.verdict_set.verdicts, _format_replicates(result, task)
    if len(verdicts) == 1:
        return f"{opening}, {_format_pair(task, arm, comparison, verdicts[0])} ({replicates})"
    beaten = [comparison.get_label(verdict.group) for verdict in verdicts if verdict.word == "worse"]
    under_tuned = [label for label in beaten if arm == "tuned" and task.values[label].under_tuned_against]
    worse = [label for label in beaten if label not in under_tuned]
    if len(worse) == len(verdicts):
        parts = [f"{best} is better than all other values"]
    else:
        open_labels: dict[str, list[str]] = {}
        for verdict in verdicts:
            if verdict.word not in ("worse", "better"):
                open_labels.setdefault(_format_open_clause(verdict), []).append(comparison.get_label(verdict.group))
        parts = [f"{_format_labels([best, *items])} {clause}" for clause, items in open_labels.items()]
        parts += [f"{_format_labels(worse)} {_conjugate(worse)} worse than {best}"] if worse else []
        parts += [f"{_format_labels(under_tuned)} {_conjugate(under_tuned)} under-tuned"] if under_tuned else []
    return f"{opening}, {'; '.join(parts)} ({replicates})"


def _format_pair(task: TaskResult, arm: Arm, comparison: Comparison, verdict: Verdict) -> str:
    """Return the verdict on the second of two values as a clause, such as `adam is better than sgd by 1.20 points`."""
    best = comparison.get_label(comparison.verdict_set.reference) if comparison.verdict_set.reference else ""
    label, text = comparison.get_label(verdict.group), format_verdict(comparison, verdict)
    if verdict.word == "worse" and arm == "tuned" and task.values[label].under_tuned_against:
        return f"{label} is under-tuned: {text} than its special case {best}"
    if verdict.word == "worse":
        return f"{best} is better than {label} {text.removeprefix('worse ')}"
    return f"{best} and {label} {_format_open_clause(verdict)}: {label} {text.partition(': ')[2] or text}"


def _format_open_clause(verdict: Verdict) -> str:
    """Return the clause on values that are neither better nor worse than each other."""
    is_decidable = verdict.word == "indistinguishable" or bool(verdict.group.fold_means)
    return "do not clearly differ" if is_decidable else "cannot be ranked with so few seeds"


def _conjugate(labels: Sequence[str]) -> str:
    """Return the verb of a sentence about values."""
    return "is" if len(labels) == 1 else "are"


def _count_trials(task: TaskResult) -> int:
    """Return the number of trials of each value, extra trials included."""
    return max(len(item.tuning.trials) for item in task.values.values())


def _format_replicates(result: StudyResult, task: TaskResult) -> str:
    """Return the number of seeds and folds of a verdict."""
    seeds = format_count(len(result.plan.final_seeds), "seed")
    return f"{format_count(len(task.task.halves), 'fold')}, {seeds}" if len(task.task.halves) > 1 else seeds


def format_study_method(result: StudyResult) -> list[str]:
    """Return lines on the method of the verdicts, which is the same for all tasks."""
    comparisons = [task.arms[arm] for task in result.tasks for arm in ("tuned", "default") if arm in task.arms]
    if not comparisons:
        return []
    lines = format_method_lines(comparisons[0], has_baseline_option=False)
    if any("tuned" in task.arms for task in result.tasks):
        lines.append(
            "the verdicts on tuned values answer the question, and count the noise of tuning; the verdicts with "
            "defaults are a second family"
        )
    return lines


def format_caveats(result: StudyResult) -> list[str]:
    """Return the caveats of a study, one sentence each. With several tasks, caveats of a task begin with its name."""
    caveats = [*_iter_plan_caveats(result), *_iter_budget_caveats(result.plan)]
    for task in result.tasks:
        prefix = f"{task.task.name}: " if len(result.tasks) > 1 else ""
        caveats += [f"{prefix}{caveat}" for caveat in _iter_task_caveats(task)]
    return caveats


def _iter_task_caveats(task: TaskResult) -> Iterator[str]:
    """Yield the caveats that concern one task alone."""
    yield from _iter_size_caveats(task)
    yield from _iter_edge_caveats(task)
    yield from _iter_failure_caveats(task)
    yield from _iter_consistency_caveats(task)
    yield from _iter_loss_caveats(task)


def _iter_size_caveats(task: TaskResult) -> Iterator[str]:
    """Yield a caveat if a share such as accuracy is computed from few examples."""
    examples = min(halves.reporting for halves in task.task.halves)
    if counts_examples(task.task.score) and examples < _MIN_EXAMPLES:
        yield (
            f"the reporting half has {format_count(examples, 'example')}: one example is {100 / examples:.2f} points, "
            "and other examples can give another verdict"
        )


def _iter_budget_caveats(plan: Plan) -> Iterator[str]:
    """Yield a caveat if the values of the question have different numbers of training steps."""
    for key in ("epochs", "batch_size"):
        if key in plan.question:
            yield f"the values differ in {key}, so that some were trained with more steps than others"


def _iter_plan_caveats(result: StudyResult) -> Iterator[str]:
    """Yield a caveat for each change of the plan after trainings."""
    for revision in result.plan.revisions:
        runs = format_count(revision.runs, "finished run")
        yield f"the plan was changed after {runs}: {'; '.join(revision.changes)}"
    if result.earlier_runs and not result.plan.revisions:
        yield f"{format_count(result.earlier_runs, 'finished run')} of this study had another plan, which is lost"


def _iter_edge_caveats(task: TaskResult) -> Iterator[str]:
    """Yield a caveat for each value whose best trial is at the edge of a range."""
    for label, item in task.values.items():
        for edge in item.tuning.edges if item.best is not None else ():
            (key,) = shorten_keys([edge.key])
            yield (
                f"the best {key} of {label} is at the edge of its range ({edge.end_value}), so that a wider range can "
                "be better"
            )


def _iter_failure_caveats(task: TaskResult) -> Iterator[str]:
    """Yield a caveat for each value without a usable trial, or with diverged final runs."""
    for label, item in task.values.items():
        if item.tuning.diverged_share == 1:
            yield f"all trials of {label} diverged, so that {label} has no tuned setting"
        elif item.tuning.is_chosen and not any(trial.finalist_scores for trial in item.tuning.finalists):
            yield f"the best trials of {label} diverged with other seeds, so that {label} has no tuned setting"
        for arm, opening in ARM_OPENINGS.items():
            runs = task.runs.final.get(arm, {}).get(label, ())
            diverged = sum(run.record.status == "diverged" for run in runs)
            if diverged:
                yield f"{label} {opening}: {diverged} of {len(runs)} final runs diverged and have no score"


def _iter_loss_caveats(task: TaskResult) -> Iterator[str]:
    """Yield a caveat for each value whose chosen setting is worse than its defaults."""
    for label, item in task.values.items():
        if item.lost_by_tuning is not None:
            amount = format_difference_amount(task.arms["tuned"], item.lost_by_tuning, sign=False)
            yield (
                f"{label} with defaults is better than its chosen setting by {amount}: the trials missed its best "
                "settings, and more trials can find them"
            )


def _iter_consistency_caveats(task: TaskResult) -> Iterator[str]:
    """Yield a caveat for each value that is worse than a special case of itself."""
    for label, item in task.values.items():
        if (case := item.under_tuned_against) is not None:
            limits = ", ".join(f"{key} {text}" for key, text in case.limits.items())
            verb = "equals" if case.is_exact else "approaches"
            yield (
                f"{label} is under-tuned rather than worse: with {limits} it {verb} {case.special}, which scores "
                "better (Choi et al. 2019)"
            )


def format_tuning_notes(task: TaskResult) -> list[str]:
    """Return lines on the budget and the target of a study, and on the importance of tuned keys."""
    return [*format_budget_notes(task), *iter_test_set_lines(task), *_iter_importance_lines(task)]


def iter_test_set_lines(task: TaskResult) -> Iterator[str]:
    """Yield a line on the use of the test set; nothing if no tuned final run was evaluated."""
    if tested := task.count_tested_runs():
        reads = [read for items in task.runs.final["tuned"].values() for run in items for read in run.record.test_reads]
        yield (
            f"test set: read {format_count(len(reads), 'time')} for {format_count(tested, 'tuned final run')}, by "
            f"{format_commands(reads)}; the verdicts do not use it"
        )


def format_budget_notes(task: TaskResult) -> list[str]:
    """Return lines on the number of trials and the target of a study."""
    lines = []
    trials = _count_trials(task)
    # The order of few trials is mostly luck.
    if trials >= _MIN_ORDER_TRIALS and all(item.curve for item in task.values.values()):
        subject = "by the best of n trials, the order of the values"
        if task.stable_trials is not None:
            lines.append(f"{subject} is the same from {format_count(task.stable_trials, 'trial')} on")
        else:
            lines.append(f"{subject} changes until the last of {format_count(trials, 'trial')}")
    if task.target is not None:
        lines.append(f"target: {task.task.score} {format_score(task.target)} on the tuning half")
    return lines


def format_profile_notes(result: StudyResult) -> list[str]:
    """Return lines on the performance profiles of a study."""
    return [
        f"epochs to the target on {format_count(len(result.tasks), 'task')}, compared with the fastest value (Dolan "
        "and Moré 2002); profile score: area of the profile up to 4×, from 0 to 1 (AlgoPerf)"
    ]


def _iter_importance_lines(task: TaskResult) -> Iterator[str]:
    """Yield a line on the importance of tuned keys, if a value has several."""
    texts: list[str] = []
    reasons: dict[str, list[str]] = {}
    for label, item in task.values.items():
        shares = item.importance.shares
        if shares is not None:
            keys = shorten_keys(list(shares))
            numbers = (f"{key} {100 * share:.0f}%" for key, share in zip(keys, shares.values(), strict=True))
            texts.append(f"{label}: {', '.join(numbers)}")
        elif len(item.tuning.space) > 1:
            reasons.setdefault(item.importance.reason, []).append(label)
    texts += [f"{', '.join(labels)}: {reason}" for reason, labels in reasons.items()]
    if texts:
        yield f"importance of tuned keys (PED-ANOVA): {'; '.join(texts)}"
