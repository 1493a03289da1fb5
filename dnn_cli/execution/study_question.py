"""The question of a study: the values that vary, their experiments, and the checks that they can be compared."""

from collections.abc import Sequence
from dataclasses import replace

from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.overrides import expand_key, partition_override
from dnn_cli.config.sweep_values import ValueRange
from dnn_cli.config.sweeps import Sweep
from dnn_cli.errors import ConfigError, LocatedIssue, UsageError
from dnn_cli.execution.study_halves import HALVES_KEY
from dnn_cli.execution.sweep_plan import SweepPlanner
from dnn_cli.report.sweep_view import format_sweep_settings
from dnn_cli.study.plan import StudyTask, Value


def check_arguments(arguments: Sequence[str]) -> None:
    """Check that no argument has a key that a study sets itself.

    Raises:
        UsageError: an argument sets the seed or the reporting half.
    """
    for argument in arguments:
        key = expand_key(partition_override(argument)[0].removeprefix("~"))
        if key == "seed":
            raise UsageError(
                "a study chooses its seeds itself",
                f"remove {argument}, and use --seeds N for the number of final seeds",
            )
        if key == HALVES_KEY:
            raise UsageError("a study divides the validation examples itself", f"remove {argument}")


def list_values(sweep: Sweep) -> list[Value]:
    """Return the values of the question of a study.

    Raises:
        UsageError: several keys vary, or the values are a range.
    """
    if len(sweep.parameters) + (sweep.zipped is not None) > 1:
        keys = [*sweep.parameters, *([" and ".join(sweep.zipped.keys)] if sweep.zipped else [])]
        raise UsageError(
            f"a study has one question, but {', '.join(keys)} vary",
            "give all but one a single value, or use --zip for values that belong together",
        )
    if sweep.zipped is not None:
        settings = sweep.zipped.list_settings()
    else:
        ((key, values),) = sweep.parameters.items()
        if isinstance(values, ValueRange):
            raise UsageError(
                f"the question of a study needs values, and {key}={values} is a range",
                f"to tune {key}, use --tune '{key}={values}'",
            )
        settings = [{key: text} for text in values.texts]
    labels = [_format_label(setting) for setting in settings]
    # Values with one short text, such as adam and {type: adam}, keep the text that the user typed.
    return [
        Value(label=label if labels.count(label) == 1 else ", ".join(setting.values()), settings=setting)
        for label, setting in zip(labels, settings, strict=True)
    ]


def _format_label(setting: dict[str, str]) -> str:
    """Return the label of a value, such as `adam` or `sgd momentum=0.9`. Numbers and several keys have their key."""
    text = format_sweep_settings(setting)
    if len(setting) > 1:
        return text
    value = text.partition("=")[2]
    is_clear = value[:1].isalpha() and value not in ("true", "false", "none", "null")
    return value if is_clear else text


def build_experiments(sweep: Sweep, values: Sequence[Value]) -> list[Experiment]:
    """Return the experiment of each value, without a fold and with the seed of the config.

    Raises:
        ConfigError: an experiment is not valid. The error lists the issues of all values.
        UsageError: there are fewer than two validation examples.
    """
    planner = SweepPlanner(replace(sweep, repetitions=None))
    experiments: list[Experiment] = []
    issues: dict[LocatedIssue, None] = {}
    for value in values:
        try:
            experiments.append(planner.plan_run(0, value.settings).loaded.experiment)
        except ConfigError as error:
            issues.update(dict.fromkeys(error.issues))
    if any(issue.key == HALVES_KEY for issue in issues):
        raise UsageError(
            "a study needs two validation examples or more: one to choose settings, and one to judge them",
            "set data.validation_size=0.2",
        )
    if issues:
        raise ConfigError(list(issues))
    return experiments


def check_question(values: Sequence[Value], experiments: Sequence[Experiment]) -> None:
    """Check that the values give different experiments with one score.

    Raises:
        UsageError: two values are one experiment, or the scores differ.
    """
    labels: dict[str, str] = {}
    for value, experiment in zip(values, experiments, strict=True):
        digest = compute_outcome_digest(experiment)
        if digest in labels:
            raise UsageError(f"{labels[digest]} and {value.label} are one experiment", "remove one of the two values")
        labels[digest] = value.label
    scores = dict.fromkeys(experiment.monitor for experiment in experiments)
    if len(scores) > 1:
        raise UsageError(
            f"the values have different scores: {', '.join(scores)}", "set the same first metric for all values"
        )


def check_task(experiment: Experiment, earlier_tasks: Sequence[StudyTask]) -> None:
    """Check that a task differs from the earlier tasks in more than its name.

    Raises:
        UsageError: the experiment with the first value is that of an earlier task.
    """
    digest = compute_outcome_digest(experiment)
    for task in earlier_tasks:
        if task.experiment == digest:
            raise UsageError(f"{task.name} and {experiment.name} are one task", "remove one of the two configs")


def check_losses(values: Sequence[Value], experiments: Sequence[Experiment]) -> None:
    """Check that the values have one loss if the loss is their score.

    Raises:
        UsageError: the score is the loss, and two values have different losses.
    """
    first, *others = experiments
    if first.monitor != "val_loss":
        return
    for value, experiment in zip(values[1:], others, strict=True):
        if experiment.loss != first.loss:
            metric = "accuracy" if first.data.info.is_classification else "mae"
            raise UsageError(
                f"{values[0].label} and {value.label} have different losses, so that their losses cannot be compared",
                f"set metrics=[{metric}]",
            )
