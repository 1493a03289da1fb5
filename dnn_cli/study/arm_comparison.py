"""The comparison of an arm of a study: scores of its final runs on the reporting half, and verdicts on the values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from dnn_cli.compare.comparison import Comparison, judge_scores
from dnn_cli.compare.comparison_points import find_score_curve, parse_comparison_point
from dnn_cli.compare.group import Group
from dnn_cli.compare.group_tests import compute_mean_intervals
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.score_resolution import to_exact_fraction
from dnn_cli.config.score_names import counts_examples
from dnn_cli.metrics.reporting_scores import compute_reporting_scores
from dnn_cli.study.plan import Plan, StudyTask
from dnn_cli.study.study_runs import Arm, StudyRun


def compare_arm(plan: Plan, task: StudyTask, runs: Mapping[str, Sequence[StudyRun]]) -> Comparison | None:
    """Return the comparison of the values in one arm; `None` before two values have a completed final run.

    The verdicts are those of `dnn compare`: the exact test of paired seeds, corrected for all pairs of values.

    Args:
        plan: The plan of the study.
        task: The task.
        runs: The final runs of the arm, by the label of the value.
    """
    groups = []
    for value in plan.values:
        settings, failed, scored = {plan.question_text: value.label}, {}, []
        for run in runs.get(value.label, ()):
            score = _read_reporting_score(task, run) if run.record.status == "completed" else None
            if score is None:
                failed[run.seed] = "has no finite score" if run.record.status == "completed" else run.record.status
            else:
                scored.append(_build_run_score(run, task, settings, score))
        run_scores = tuple(scored)
        if not run_scores:
            continue
        scores: dict[int, list[float]] = {}
        for run_score in run_scores:
            scores.setdefault(run_score.seed, []).append(run_score.score)
        means: dict[tuple[tuple[tuple[str, str], ...], int], float] = {
            ((), seed): fmean(values) for seed, values in scores.items()
        }
        groups.append(Group(value.label, settings, run_scores, means, failed))
    if len(groups) < 2:
        return None
    run_scores = tuple(run_score for group in groups for run_score in group.run_scores)
    return judge_scores(run_scores, groups, task.score, parse_comparison_point("final"), max_groups=None)


def _read_reporting_score(task: StudyTask, run: StudyRun) -> float | None:
    """Return the score of a completed run on the reporting half; `None` if an output of the model is not finite."""
    score = compute_reporting_scores(run.run_info.run).get(task.score.removeprefix("val_"))
    return None if score is None else float(score)


def _build_run_score(run: StudyRun, task: StudyTask, settings: Mapping[str, str], score: float) -> RunScore:
    """Return a final run with its score on the reporting half.

    The curve of the run has the scores of the tuning half. Its number of examples is that of the reporting half, which
    determines the resolution of the compared scores.
    """
    run_info = run.run_info.with_details()
    curve = find_score_curve(run_info, task.score)
    assert curve is not None  # noqa: S101 - a completed run has its monitored score
    examples = task.halves[0].reporting if counts_examples(task.score) and len(task.halves) == 1 else 0
    curve = replace(curve, examples=examples)
    return RunScore(run_info, run.record, curve, to_exact_fraction(score, examples), dict(settings))


def compute_tuning_loss(arms: Mapping[Arm, Comparison], label: str) -> float | None:
    """Return the amount by which a value with defaults is better than with its chosen setting.

    The result is `None` unless the 95% interval of the mean paired difference lies on that side of 0.

    Args:
        arms: The comparisons of both arms.
        label: The label of the value.
    """
    if len(arms) < 2 or any(label not in {group.name for group in item.groups} for item in arms.values()):
        return None
    tuned, default = (arms[arm] for arm in ("tuned", "default"))
    ours, theirs = ({group.name: group for group in item.groups}[label].seed_means for item in (tuned, default))
    common = sorted(ours.keys() & theirs.keys())
    sign = 1.0 if tuned.lower_is_better else -1.0
    losses = [sign * (ours[seed] - theirs[seed]) for seed in common]
    (interval,) = compute_mean_intervals([losses], tuned.resolution)
    return fmean(losses) if interval is not None and interval[0] > 0 else None
