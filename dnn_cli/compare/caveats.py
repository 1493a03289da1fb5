"""Caveats of a comparison: groups that differ in several settings, choices that bias scores, missing runs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dnn_cli.compare.baseline_caveats import find_baseline_notes, find_unbeaten_baselines
from dnn_cli.compare.comparison_points import ComparisonPoint
from dnn_cli.compare.fold_verdicts import find_fold_conflict, iter_incomplete_groups
from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.repeats import RepeatedRun
from dnn_cli.compare.run_scores import RunScore, has_different_data, has_standardized_targets, index_by_variant
from dnn_cli.compare.study_caveats import find_compared_study, find_study_caveats
from dnn_cli.compare.text_lists import format_list
from dnn_cli.compare.verdicts import NO_VERDICTS, VerdictSet
from dnn_cli.runs.evaluations import BEST_MODEL_PREFIX, get_weights_file, is_test_score
from dnn_cli.runs.query.fields import get_config_field
from dnn_cli.runs.run_info import RunInfo

DIFFERENT_DATA = "the runs were trained on different data, so their scores cannot be compared"
_BUDGET_KEYS = ("epochs", "batch_size")
"""Keys that determine the number of training steps."""

_MIN_SIZE_RATIO = 1.1
"""Networks count as different in size if the largest has more than this many times the parameters of the smallest."""


@dataclass(frozen=True)
class ComparisonContext:
    """Runs, groups and settings of a comparison, from which its caveats are found."""

    run_scores: Sequence[RunScore]
    groups: Sequence[Group]
    keys: Sequence[str]
    """Keys that `--by` names, such as `optimizer.type`; empty without `--by`."""

    metric: str
    point: ComparisonPoint
    left_out: Sequence[RunInfo]
    all_runs: Sequence[RunInfo]
    """All runs of the store with their configs and metrics, if the user named the runs to compare; otherwise empty.

    Caveats about choices need the runs that are not compared, such as trials of other learning rates."""

    repeats: Sequence[RepeatedRun] = ()
    verdict_set: VerdictSet = NO_VERDICTS

    @cached_property
    def has_different_data(self) -> bool:
        """Whether the runs were trained on different data."""
        return has_different_data(self.run_scores)

    @cached_property
    def variants(self) -> dict[str, RunScore]:
        """The first run score of every variant, by the variant digest."""
        return index_by_variant(self.run_scores)

    @property
    def networks(self) -> "ComparisonContext":
        """The context without baselines, which have no settings that could differ from those of a network."""
        groups = [group for group in self.groups if not group.is_baseline]
        has_baselines = len(groups) < len(self.groups)
        return replace(
            self,
            run_scores=[run_score for run_score in self.run_scores if not run_score.is_baseline]
            if has_baselines
            else self.run_scores,
            groups=groups,
            all_runs=[run_info for run_info in self.all_runs if run_info.record and not run_info.record.is_baseline],
        )


def find_caveats(context: ComparisonContext) -> list[str]:
    """Return the caveats of a comparison, one sentence each.

    Runs that were trained on different data get no verdicts. For such runs, caveats about verdicts are left out.
    """
    networks = context.networks
    study = find_compared_study(networks.run_scores)
    excluded = _TUNING_CHECKS if study is not None and study.has_one_arm else ()
    if context.has_different_data:
        checks = (_find_failure_caveats, _find_forced_resume_caveats)
        return [*_find_data_caveats(context), *(caveat for check in checks for caveat in check(networks))]
    return [
        *_find_data_caveats(context),
        *_find_loss_caveats(context),
        *find_unbeaten_baselines(context.groups, context.verdict_set),
        *find_baseline_notes(context.run_scores),
        *find_study_caveats(study, context.metric),
        *(caveat for check in _NETWORK_CHECKS if check not in excluded for caveat in check(networks)),
        *(caveat for check in _TEST_SCORE_CHECKS if check not in excluded for caveat in check(context)),
        *_find_forced_resume_caveats(networks),
    ]


def _find_data_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if runs were trained, validated or tested on different examples."""
    if context.has_different_data:
        yield DIFFERENT_DATA
    elif conflict := find_fold_conflict(context.groups):
        yield f"the groups are not compared, because {conflict}"
    elif any(group.fold_means for group in context.groups):
        incomplete = [*iter_incomplete_groups(context.groups, label_groups(context.groups))]
        if incomplete:
            yield f"incomplete cross-validation: {format_list(incomplete)}"
    elif (
        len(
            {
                run_score.record.data.get("split") or _format_split_settings(run_score)
                for run_score in context.run_scores
            }
        )
        > 1
    ):
        part = "tested" if is_test_score(context.metric) else "validated"
        yield f"the runs were {part} on different examples"


def _format_split_settings(run_score: RunScore) -> str:
    """Return the config values that determine how a run's data was split, as text."""
    data = (run_score.run_info.config or {}).get("data", {})
    return str([data.get(key) for key in ("validation_size", "test_size", "split_seed", "stratify")])


def _find_setting_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if groups differ in several parts of the config, such as `optimizer` and `layers`.

    Each of these parts can cause the difference between the scores.
    """
    if context.keys:
        compared = {_get_config_part(key) for key in context.keys}
        others = [group.other_settings for group in context.groups]
        if any(other != others[0] for other in others):
            varied = _list_varied_parts(context.run_scores) - compared
            yield (
                f"the groups also differ in other settings ({format_list(sorted(varied)) or 'see dnn compare'}): these "
                "settings can cause the difference"
            )
        return
    varied = _list_varied_parts(context.run_scores)
    if len(varied) > 1:
        parts = format_list(sorted(varied), 6)
        yield f"the runs differ in {parts}: each of them can cause a difference; --by KEY averages over the others"
    elif varied <= set(_BUDGET_KEYS) and varied:
        yield f"the runs differ in {next(iter(varied))}, so some runs were trained with more steps than others"


def _list_varied_parts(run_scores: Sequence[RunScore]) -> set[str]:
    """Return the parts of the config in which runs differ, such as `optimizer`."""
    return {_get_config_part(key) for key in (run_scores[0].variant_settings if run_scores else ())}


def _get_config_part(key: str) -> str:
    """Return the part of the config that a key belongs to: `optimizer` for `optimizer.learning_rate`."""
    first = key.removeprefix("model.").partition(".")[0]
    return key if first == "data" else first


def _find_loss_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if losses are compared and only some runs were trained on standardized targets."""
    if context.metric.rpartition("_")[2] != "loss":
        return
    standardized = {digest for digest, run_score in context.variants.items() if has_standardized_targets(run_score)}
    count = sum(run_score.variant_digest in standardized for run_score in context.run_scores)
    if 0 < count < len(context.run_scores):
        runs = _format_run_share(count, len(context.run_scores))
        yield (
            f"the loss of {runs} is that of standardized targets, so the losses cannot be compared: choose another "
            "--metric"
        )


def _find_size_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if networks differ in size."""
    sizes = [run_score.parameter_count for run_score in context.run_scores]
    if not context.keys and sizes and max(sizes) > _MIN_SIZE_RATIO * min(sizes):
        yield f"the networks have {min(sizes):,} to {max(sizes):,} parameters: the size can cause a difference"


def _find_length_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if runs have different numbers of epochs and the comparison point is `best` or `area`.

    More epochs change the best score and the mean score over all epochs.
    """
    if context.point.text not in ("best", "area"):
        return
    counts = {len(run_score.curve.values) for run_score in context.run_scores}
    if len(counts) > 1:
        shortest, longest = min(counts), max(counts)
        yield (
            f"runs have {shortest} to {longest} epochs, and {context.point.text} depends on the number of epochs: "
            f"--at epoch={shortest} compares at the same epoch"
        )


def _find_environment_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat for every library or device in which runs differ."""
    versions = [run_score.record.versions for run_score in context.run_scores]
    platforms = [run_score.record.platform for run_score in context.run_scores]
    properties: tuple[tuple[str, str, Sequence[Mapping[str, Any]]], ...] = (
        ("TensorFlow", "tensorflow", versions),
        ("Keras", "keras", versions),
        ("device", "device", platforms),
        ("processor", "processor", platforms),
    )
    for title, key, environments in properties:
        values = [environment.get(key) for environment in environments]
        counts = Counter([str(value) for value in values if value is not None])
        if len(counts) > 1:
            texts = format_list([f"{value} ({n})" for value, n in counts.most_common()])
            yield f"the runs differ in {title}: {texts}"


def _find_determinism_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if trainings were not deterministic, because such a training cannot be repeated bit by bit."""
    count = sum(not run_score.record.is_deterministic for run_score in context.run_scores)
    if count:
        runs = f"{count} of {len(context.run_scores)} runs were trained on a GPU with deterministic: false"
        yield f"{runs}, so equal trainings can end with different scores"


def _find_lane_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if only some runs were trained in lanes, because equal runs then differ in rounding."""
    count = sum(run_score.record.lanes > 1 for run_score in context.run_scores)
    if 0 < count < len(context.run_scores):
        runs = _format_run_share(count, len(context.run_scores))
        yield f"{runs} were trained in lanes, and the others alone: last digits of scores can differ"


def _find_tuning_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if more learning rates were tried with one optimizer than with another.

    By chance alone, the best of many learning rates has a better score than the best of a few. Only runs with the
    network and data of a compared run count. With `--by` there is no caveat, because groups then average over
    learning rates.
    """
    if context.keys:
        return
    compared = {digest: run_score.run_info for digest, run_score in context.variants.items()}
    if len({_get_optimizer_type(run_info) for run_info in compared.values()}) < 2:
        return
    all_runs = {
        run_info.details.variant_digest: run_info
        for run_info in context.all_runs
        if run_info.details.config_json is not None
    }
    networks = {digest: _get_optimizer_and_network(run_info) for digest, run_info in (all_runs | compared).items()}
    relevant = {networks[digest] for digest in compared}
    rates: dict[str, set[str]] = defaultdict(set)
    for digest, run_info in (all_runs | compared).items():
        if networks[digest] in relevant:
            rates[networks[digest][0]].add(str(get_config_field(run_info.config, ["optimizer", "learning_rate"])))
    counts = {kind: len(rates_of_kind) for kind, rates_of_kind in rates.items() if kind}
    if len(counts) > 1 and len(set(counts.values())) > 1:
        most_tried = max(counts, key=lambda kind: counts[kind])
        least_tried = min(counts, key=lambda kind: counts[kind])
        yield (
            f"{counts[most_tried]} learning rates were tried with {most_tried} and "
            f"{counts[least_tried]} with {least_tried}: "
            f"the best of {counts[most_tried]} against the best of {counts[least_tried]}"
        )


def _get_optimizer_type(run_info: RunInfo) -> str:
    """Return the type of a run's optimizer; empty if the config has none."""
    optimizer_type = get_config_field(run_info.config, ["optimizer", "type"])
    return optimizer_type if isinstance(optimizer_type, str) else ""


def _get_optimizer_and_network(run_info: RunInfo) -> tuple[str, str]:
    """Return the optimizer's type, and a text that identifies the network and its data.

    Runs that differ only in learning rate have the same type and text.
    """
    experiment = run_info.config or {}
    layers = [{**layer, "name": None} for layer in experiment.get("model", {}).get("layers", [])]
    data = experiment.get("data", {})
    return _get_optimizer_type(run_info), str([layers, data.get("dataset"), data.get("path")])


def _find_selection_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if the best epoch was chosen on the validation set whose score is reported.

    The reported score is then too good, because the epoch was chosen for this score.
    """
    if context.point.text == "best":
        yield (
            "the best epoch was chosen by the reported validation score, which makes all scores too high, and most "
            "those of runs with unstable scores: --at final compares without a choice"
        )
    elif context.point.text == "final" and not is_test_score(context.metric):
        restoring = {digest for digest, run_score in context.variants.items() if _has_restored_best(run_score)}
        if restoring:
            chosen = [run_score for run_score in context.run_scores if run_score.variant_digest in restoring]
            yield (
                f"{_format_run_share(len(chosen), len(context.run_scores))} restored the best "
                "epoch, which was chosen by the reported validation score: their scores are too high"
            )


def _has_restored_best(run_score: RunScore) -> bool:
    """Return whether the saved model has the weights of the best epoch, according to the config of the run."""
    return get_config_field(run_score.run_info.config, ["early_stopping", "restore_best_weights"]) is True


def _find_failure_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if runs of a group have no score: the mean then describes the successful runs alone."""
    labels = label_groups(context.groups) if any(group.failed for group in context.groups) else {}
    without_score: dict[str, list[str]] = defaultdict(list)
    for group in context.groups:
        if not group.failed:
            continue
        seeds = {run_score.seed for run_score in group.run_scores}
        for reason, count in Counter(reason for seed, reason in group.failed.items() if seed not in seeds).items():
            without_score[reason].append(f"{count} of {labels[id(group)]}")
    for reason in ("diverged", "failed"):
        if runs := without_score.pop(reason, None):
            yield f"runs that {reason} are left out of the means: {format_list(runs)}"
    missing = [
        run_info
        for run_info in context.left_out
        if run_info.error and run_info.error == context.point.missing_reason
    ]  # fmt: skip
    if missing:
        counted = {(run_score.variant_digest, run_score.seed) for run_score in context.run_scores}
        missing = [
            run_info for run_info in missing if (run_info.details.variant_digest, run_info.details.seed) not in counted
        ]
    if missing:
        share = _format_run_share(len(missing), len(missing) + len(context.run_scores))
        yield f"left out of the means: {share} ({context.point.missing_reason})"


def _find_repeat_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if the same experiment and seed were trained several times with different results."""
    differing = [repeat for repeat in context.repeats if not repeat.is_copy]
    if differing:
        differences = format_list(dict.fromkeys(text for repeat in differing for text in repeat.differences))
        reason = f" ({differences})" if differences else ""
        runs = format_list([f"{repeat.run} (now {repeat.counted})" for repeat in differing])
        yield f"the same experiment and seed led to other weights{reason}; only the latest run counts, not {runs}"


def _find_test_use_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if several runs have test scores: a score by which a run was chosen is too high."""
    if is_test_score(context.metric):
        if len(context.run_scores) > 1:
            yield (
                "the test score of a run that was chosen by this score is too high: choose by a validation score, then "
                "report the test score of the chosen run"
            )
        return
    tested = [
        run_score
        for run_score in context.run_scores
        # Most runs have no evaluation, and `any` alone is slow for an empty tuple.
        if run_score.record.evaluated and any(evaluation.split == "test" for evaluation in run_score.record.evaluated)
    ]
    if len(tested) > 1:
        yield (
            f"{_format_run_share(len(tested), len(context.run_scores))} were evaluated on the test set: "
            "to choose a run by its test score, use other test data for the report"
        )


def _find_missing_test_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if completed runs have no score on the test set, with the command that computes the score."""
    if not is_test_score(context.metric):
        return
    reason = f"has no {context.metric}"
    missing = [run_info.record.id for run_info in context.left_out if run_info.record and run_info.error == reason]
    if missing:
        share = _format_run_share(len(missing), len(missing) + len(context.run_scores))
        file, best = get_weights_file(context.metric), " --best" if context.metric.startswith(BEST_MODEL_PREFIX) else ""
        yield (
            f"left out, because {file} has no test score: {share} ({format_list(missing)}); "
            f"dnn evaluate RUN{best} computes the score"
        )
        other = context.metric.removeprefix(BEST_MODEL_PREFIX) if best else f"{BEST_MODEL_PREFIX}{context.metric}"
        if any(run_info.record and run_info.record.get_test_score(other) is not None for run_info in context.left_out):
            yield f"{get_weights_file(other)} has a test score: --metric {other} compares this score"


def _find_forced_resume_caveats(context: ComparisonContext) -> Iterator[str]:
    """Yield a caveat if runs were resumed with `--force` after a change, such as a change of config or data.

    The config of such a run then describes only a part of its epochs.
    """
    changed = [
        run_score.record.id
        for run_score in context.run_scores
        if run_score.record.resumed and any(resume.forced for resume in run_score.record.resumed)
    ]
    if changed:
        yield f"resumed with --force after a change: {format_list(changed)}"


def _format_run_share(count: int, total: int) -> str:
    """Return the share of some runs as text, such as `3 of 8 runs` or `both runs`."""
    if count < total:
        return f"{count} of {total:,} runs"
    return {1: "the run", 2: "both runs"}.get(total, f"all {total:,} runs")


_NETWORK_CHECKS: tuple[Callable[[ComparisonContext], Iterator[str]], ...] = (
    _find_setting_caveats,
    _find_size_caveats,
    _find_length_caveats,
    _find_environment_caveats,
    _find_determinism_caveats,
    _find_lane_caveats,
    _find_repeat_caveats,
    _find_tuning_caveats,
    _find_selection_caveats,
    _find_failure_caveats,
)
"""Checks that yield the caveats of the networks of a comparison, the most serious first."""

_TUNING_CHECKS = (_find_setting_caveats, _find_tuning_caveats, _find_test_use_caveats)
"""Checks that do not apply to final runs of a study in one arm.

The values differ in tuned keys by design, were tuned alike, and were not chosen by test scores."""

_TEST_SCORE_CHECKS: tuple[Callable[[ComparisonContext], Iterator[str]], ...] = (
    _find_missing_test_caveats,
    _find_test_use_caveats,
)
"""Checks that yield caveats on test scores of networks and baselines."""
