"""Arguments of `fit` that depend on the data: pipelines of `tf.data`, steps of an epoch, and weights of classes."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from dnn_cli.errors import LocatedIssue, SourceLocation
from dnn_cli.keras_import.data_pipelines import DataPipeline
from dnn_cli.keras_import.example_counts import is_one_pass
from dnn_cli.keras_import.keras_program import UnknownValue
from dnn_cli.keras_import.script_values import BalancedWeights, DatasetValue, shorten_text

_DEFAULT_BATCH_SIZE = 32
_BATCH_HINT = "call batch(32) on the dataset, and import again"
_UNKNOWN_DATA_REMARK = (
    "fit has {}: its batch size and its changes of examples are left out; "
    "batch_size is a key, and layers such as RandomFlip change images"
)
_UNKNOWN_CHANGES_REMARK = (
    "fit has {}: batch_size {} is from the calls of batch, and changes of examples are left out; "
    "layers such as RandomFlip change images"
)
_STEPS_REMARK = "steps_per_epoch {} is left out: an epoch of dnn has all training examples"
_LAST_BATCH_REMARK = "{} leaves out the last, smaller batch of an epoch, which dnn uses too"
_STEP_HINTS: Mapping[str, str] = {
    "map": "dnn divides pixels itself, and layers such as RandomFlip change images: leave map out of the program",
    "take": "select parts of the arrays, as in X[:5000], or use train_test_split",
    "skip": "select parts of the arrays, as in X[5000:], or use train_test_split",
}
"""What to write in place of a step of a pipeline, by method."""


@dataclass(frozen=True)
class FitArguments:
    """Arguments of `fit` that a config can contain, issues of the others, and remarks."""

    arguments: Mapping[str, Any] | None
    issues: tuple[LocatedIssue, ...] = ()
    remarks: tuple[str, ...] = ()


def resolve_fit_arguments(
    arguments: Mapping[str, Any], location: SourceLocation, batch_sizes: Set[int] = frozenset()
) -> FitArguments:
    """Return the arguments of a call of `fit` with the batch size of its pipeline, and without steps of one pass.

    Args:
        arguments: The arguments by name.
        location: The location of the call.
        batch_sizes: The arguments of all calls of `batch` of the program. A single size is the batch size of data
            that the program computes in an unknown way.
    """
    resolved = dict(arguments)
    issues: list[LocatedIssue] = []
    remarks: list[str] = []
    source: Any = resolved.get("x")
    is_unknown = _is_unknown_data(source) and resolved.get("y") is None
    if isinstance(source, DataPipeline):
        issues += _find_pipeline_issues(source, has_steps=resolved.get("steps_per_epoch") is not None)
        if source.batch_size is not None:
            resolved["batch_size"] = source.batch_size
        if source.drops_last_batch:
            remarks.append(_LAST_BATCH_REMARK.format("drop_remainder"))
    elif is_unknown and len(batch_sizes) == 1 and resolved.get("batch_size") is None:
        resolved["batch_size"] = next(iter(batch_sizes))
        remarks.append(_UNKNOWN_CHANGES_REMARK.format(shorten_text(source.code), resolved["batch_size"]))
    elif is_unknown:
        remarks.append(_UNKNOWN_DATA_REMARK.format(shorten_text(source.code)))
    is_shuffled = source.is_shuffled if isinstance(source, DataPipeline) else resolved.get("shuffle") is not False
    if not is_shuffled:
        remarks.append("fit has the examples in a fixed order; dnn shuffles the training examples in each epoch")
    if isinstance(resolved.get("class_weight"), BalancedWeights):
        resolved["class_weight"] = "balanced"
    steps = resolved.pop("steps_per_epoch", None)
    if steps is not None:
        batch_size = resolved.get("batch_size", _DEFAULT_BATCH_SIZE)
        examples = source.size if isinstance(source, DatasetValue) else None
        if not _is_one_pass(steps, batch_size, examples):
            if is_unknown and isinstance(steps, UnknownValue | DatasetValue):
                # The steps of generators usually are one pass, as in len(generator).
                remarks.append(_STEPS_REMARK.format(shorten_text(steps.code)))
            else:
                issues.append(_build_steps_issue(steps, batch_size, getattr(steps, "location", location)))
        elif not is_one_pass(steps, batch_size, examples, has_last_batch=True):
            remarks.append(_LAST_BATCH_REMARK.format(f"steps_per_epoch {getattr(steps, 'code', steps)}"))
    return FitArguments(resolved, tuple(issues), tuple(remarks))


def _is_unknown_data(source: Any) -> bool:
    """Return whether only a run computes the data of `fit`, as a generator of images does."""
    return isinstance(source, UnknownValue | DatasetValue) and not isinstance(source, DataPipeline)


def _is_one_pass(steps: Any, batch_size: Any, examples: int | None) -> bool:
    """Return whether steps of an epoch are one pass, with or without the last, smaller batch."""
    is_known = isinstance(batch_size, int) and batch_size > 0
    return is_known and any(is_one_pass(steps, batch_size, examples, has_last_batch=last) for last in (False, True))


def _find_pipeline_issues(pipeline: DataPipeline, *, has_steps: bool) -> list[LocatedIssue]:
    """Return the issues of the steps of a pipeline that a config cannot contain."""
    issues = [
        LocatedIssue(
            step.location,
            f"fit, {step.method}",
            "selects or changes examples, and a config has no such step",
            f"{_STEP_HINTS.get(step.method, f'leave {step.method} out of the program')}, and import again",
        )
        for step in pipeline.changing_steps
    ]
    if pipeline.batch_size is None:
        issues.append(LocatedIssue(pipeline.location, "fit, x", "is a dataset without batches", _BATCH_HINT))
    if pipeline.repetitions not in (None, 1) and not has_steps:
        message = "repeats the examples in each epoch, and an epoch of dnn is one pass"
        hint = "leave repeat out, and multiply epochs by its number"
        issues.append(LocatedIssue(pipeline.location, "fit, repeat", message, hint))
    return issues


def _build_steps_issue(steps: Any, batch_size: Any, location: SourceLocation) -> LocatedIssue:
    """Return the issue of steps that are not one pass over the training set."""
    code = getattr(steps, "code", steps)
    batches = f" in batches of {batch_size}" if isinstance(batch_size, int) else ""
    message = f"is {code}, and an epoch of dnn is one pass over the training set{batches}"
    return LocatedIssue(location, "fit, steps_per_epoch", message, "leave it out, adapt epochs, and import again")
