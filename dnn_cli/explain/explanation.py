"""Explanation of a run: the rules that yield findings, and the order of the findings."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from dnn_cli.errors import RunError
from dnn_cli.explain import curve_rules, data_rules, layer_rules, layer_setting_rules, prediction_rules, setting_rules
from dnn_cli.explain.evidence import Evidence, read_evidence
from dnn_cli.explain.findings import Explanation, Finding, Suggestion
from dnn_cli.explain.judgement import ScoreJudgement
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.saved_models import SavedModel

_Rule = Callable[[Evidence], Iterator[Finding]]

_RULES: tuple[_Rule, ...] = (
    curve_rules.find_unfinished_training,
    data_rules.find_unscaled_inputs,
    data_rules.find_input_shift,
    data_rules.find_target_shift,
    data_rules.find_copied_examples,
    data_rules.find_row_numbers,
    setting_rules.find_output_mismatch,
    setting_rules.find_unreachable_targets,
    layer_setting_rules.find_equal_weights,
    layer_setting_rules.find_large_initial_weights,
    setting_rules.find_schedule_mismatch,
    layer_setting_rules.find_inaccurate_averages,
    prediction_rules.find_memorization,
    layer_setting_rules.find_strong_penalty,
    layer_setting_rules.find_strong_dropout,
    layer_setting_rules.find_strong_noise,
    curve_rules.find_early_rate_drop,
    layer_rules.find_gradient_problems,
    layer_rules.find_dead_units,
    layer_rules.find_saturated_outputs,
    layer_rules.find_wrong_step_sizes,
    setting_rules.find_large_batch,
    prediction_rules.find_far_outputs,
    prediction_rules.find_single_class,
    prediction_rules.find_learning_failure,
    data_rules.find_target_in_inputs,
    setting_rules.find_metric_mismatch,
    curve_rules.find_loss_spike,
    curve_rules.find_over_fitting,
    curve_rules.find_under_training,
    curve_rules.find_under_fitting,
    curve_rules.find_validation_above_training,
)
"""Rules that yield findings. Rules for causes come before rules for their effects."""

_MAX_STEADY_RATIO = 1.02
"""The loss counts as settled if the last loss is at most this multiple of the lowest loss."""

_SEVERITIES = ("trouble", "advice", "good")

_FAILURE_KINDS = ("no_better_than_guessing", "worse_than_constant", "divergence")
"""Kinds of findings that show a training without success."""

_CAUSE_KINDS = ("unscaled_inputs", "schedule", "large_batch", "output_misfit", "label_in_inputs", "unstable")
"""Kinds of findings that get the severity `trouble` if the training was without success."""

_CURVE_KINDS = ("under_training", "under_fitting", "over_fitting", "validation_above_training")
"""Kinds of findings that are left out if the training was without success."""


def explain_run(run_info: RunInfo, model: SavedModel | None = None) -> Explanation:
    """Return the explanation of a run.

    Args:
        run_info: The run.
        model: The best model, which is judged by the scores of its epoch. With `None`, the model in `model.keras` is
            judged. In both cases, findings about curves and layers describe the whole training.

    Raises:
        RunError: the run has no record, its files are damaged, or they lack scores for the epoch of the model.
        ConfigError: the config of the run cannot be read.
    """
    if model is not None and model.scores is None:
        raise RunError(f"{run_info.run.metrics} has no scores for the epoch of {model.file_name}", "omit --best")
    evidence = read_evidence(run_info, model.epoch if model else None)
    findings = _arrange_findings([finding for rule in _RULES for finding in rule(evidence)])
    if all(finding.severity == "good" for finding in findings):
        findings = [_build_healthy_finding(evidence), *findings]
    reason = _find_unmeasured_reason(evidence)
    suggestion = Suggestion("train", ("diagnostics=true",)) if reason else None
    return Explanation(evidence.run, evidence.record, tuple(findings), evidence.layer_states, reason, suggestion, model)


def _arrange_findings(findings: list[Finding]) -> list[Finding]:
    """Return findings sorted by severity, without those that are effects of other findings.

    In a training without success, findings that can be its causes get the severity `trouble`.
    """
    kinds = {finding.kind for finding in findings}
    if kinds.intersection(_FAILURE_KINDS):
        findings = [finding for finding in findings if finding.kind not in _CURVE_KINDS]
        findings = [replace(f, severity="trouble") if f.kind in _CAUSE_KINDS else f for f in findings]
    # The finding of the divergence suggests scaling first.
    if "divergence" in kinds:
        findings = [replace(f, suggestions=()) if f.kind == "unscaled_inputs" else f for f in findings]
    # Where only the averages are inaccurate, the steps were enough for the weights.
    if "batch_norm_averages" in kinds:
        findings = [f for f in findings if f.kind != "large_batch"]
    elif "large_batch" in kinds:
        findings = [f for f in findings if f.kind != "barely_moving"]
    # Large positive inputs make half of the relu units 0 from the start.
    if "unscaled_inputs" in kinds:
        findings = [f for f in findings if not (f.kind == "dead_relu" and f.since_epoch == 0)]
    causes = {finding.kind for finding in findings if finding.severity == "trouble"} - {"no_better_than_guessing"}
    # The causes have their own suggestions.
    if causes:
        findings = [replace(f, suggestions=()) if f.kind == "no_better_than_guessing" else f for f in findings]
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))


def _build_healthy_finding(evidence: Evidence) -> Finding:
    """Return the finding for a run without trouble: how well the model learned, or that it is too early to judge."""
    if not evidence.epoch_scores:
        observation = "no epoch is completed"
        return Finding(
            "too_early", "good", "it is too early to judge the run", observation, "Curves begin after the first epoch."
        )
    judgement, hits = evidence.score_judgement, evidence.hit_counts
    if not isinstance(judgement, ScoreJudgement) or judgement.verdict != "better":
        epochs = len(evidence.epoch_scores)
        count = f"{epochs} epochs are" if epochs != 1 else "1 epoch is"
        observation = f"{count} completed, and the run is {evidence.record.status}"
        title = "it is too early to judge the run"
        return Finding("too_early", "good", title, observation, "Only a completed run can be judged.")
    curve = evidence.get_curve(evidence.main_loss)
    of_epoch = f" of epoch {evidence.judged_epoch}" if evidence.judged_epoch else ""
    best = min(range(len(curve)), key=curve.__getitem__)
    lowest = f" (lowest: {curve[best]:.4g} in epoch {best + 1})" if best + 1 < len(curve) else ""
    weighed = ", weighted by class_weight," if evidence.experiment.class_weight else ""
    parts = [
        f"the {judgement.split} loss{of_epoch}{weighed} is {judgement.model_loss:.4g}, and the best constant "
        f"prediction has {judgement.constant_loss:.4g}",
        f"{evidence.main_loss} of the last epoch is {curve[-1]:.4g}{lowest}",
    ]
    if hits is not None:
        parts.insert(
            1, f"the accuracy is {hits.accuracy:.4f}, and the most frequent class has {hits.constant_accuracy:.4f}"
        )
    ratio = (
        layer_rules.compute_gradient_ratio(evidence, max(layer_rules.list_measured_epochs(evidence)))
        if evidence.layer_states
        else None
    )
    if ratio is not None:
        parts.append(f"the gradient of the first layer is {ratio:.2g} times that of the last")
    worst = layer_rules.find_worst_layer(evidence, "dead") if evidence.layer_states else None
    if worst is not None:
        parts.append(f"at most {worst.dead:.0%} of the units of a layer are dead")
    end = "does not rise at the end" if curve[-1] <= _MAX_STEADY_RATIO * curve[best] else "fluctuates"
    meaning = f"The network has learned, and the loss {end}" + ("; all layers learn." if evidence.layer_states else ".")
    figures = {"loss": judgement.model_loss, "constant": judgement.constant_loss}
    title = "the network has learned little" if evidence.is_weak else "the network has learned well"
    return Finding("healthy", "good", title, "; ".join(parts), meaning, None, figures)


def _find_unmeasured_reason(evidence: Evidence) -> str | None:
    """Return the reason why no layer was measured; `None` if layers were measured."""
    if evidence.layer_states:
        return None
    if evidence.layer_states_error:
        return evidence.layer_states_error
    if evidence.experiment.diagnostics is False:
        return "the config contains diagnostics: false"
    if evidence.record.status != "running" and evidence.epoch_scores:
        return "an older version of dnn trained the run"
    return "no epoch has been measured yet"
