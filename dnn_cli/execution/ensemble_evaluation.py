"""Data of an ensemble that saved predictions lack: weights of validation examples, and outputs on the test set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.ensemble_members import EnsembleMember, MemberSet
from dnn_cli.data.run_context import check_same_data, load_local_examples
from dnn_cli.errors import UsageError
from dnn_cli.execution.evaluation import evaluate_split, record_evaluation
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.test_reads import ReadOrigin, check_test_reads
from dnn_cli.metrics.averaged_predictions import TargetExamples, to_averaged_quantities
from dnn_cli.runs.saved_models import get_last_model


def add_validation_weights(member_set: MemberSet) -> MemberSet:
    """Return a set of members with the weights of its validation examples; unchanged without `data.weight`.

    Saved predictions lack weights, so that the data is read.

    Raises:
        DataError: the data cannot be read.
        RunError: the data has changed since the training.
    """
    if member_set.experiment.data.weight is None:
        return member_set
    first = member_set.members[0]
    _, examples = load_local_examples(first.run_info.run)
    check_same_data(first.record, examples)
    if examples.weights is None:
        return member_set
    return member_set.with_weights(np.asarray(examples.weights[member_set.indices], np.float64))


@dataclass(frozen=True)
class MemberTestOutputs:
    """Targets of the test set, and averaged quantities of each member for it."""

    examples: TargetExamples
    quantities: tuple[NDArray[np.float64], ...]


def evaluate_on_test_set(
    member_set: MemberSet, members: tuple[EnsembleMember, ...], reporter: Reporter, origin: ReadOrigin,
    code_directory: str | None = None,
) -> MemberTestOutputs:  # fmt: skip
    """Evaluate the members of an ensemble on the test set, and record each evaluation in the run of the member.

    If the limit of test reads of one member is reached, no member is evaluated.

    Args:
        member_set: The set of the members, with their experiment.
        members: The evaluated members.
        reporter: The object that shows the number of evaluated members on a terminal.
        origin: The command that evaluates the members.
        code_directory: The directory of custom layers; `None` without permission to run their code.

    Raises:
        UsageError: the data has no test set, or a test set was read as often as `data.test_reads` allows.
        DataError: the data cannot be read.
    """
    experiment = member_set.experiment
    if not experiment.data.test_examples:
        raise UsageError(
            f"{experiment.data.title} has no test set", "omit --split test, or train with data.test_size=0.2"
        )
    for member in members:
        check_test_reads(member.run_info.run, origin)
    cache = ProcessCache()
    outputs, targets, weights = [], np.zeros(0), None
    for number, member in enumerate(members, 1):
        run, model = member.run_info.run, get_last_model(member.run_info)
        with reporter.show_waiting(f"evaluating member {number} of {len(members)} on the test set"):
            # The lines of each evaluation, such as the summary of the network, would hide the progress.
            finished = evaluate_split(run, member.record, model, "test", [], Reporter(), origin, code_directory, cache)
        record_evaluation(run, finished.evaluation, origin, reporter.report_line)
        outputs.append(finished.result.outputs)
        targets = finished.result.targets
        weights = finished.result.weights
    examples = TargetExamples(experiment, targets, weights, member_set.examples.target_scaling)
    return MemberTestOutputs(examples, tuple(to_averaged_quantities(experiment, part) for part in outputs))
