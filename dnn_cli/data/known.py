"""What is known of a run without its data; of one that an older `dnn` trained, by its data."""

from typing import NamedTuple

from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.data.measured import measure
from dnn_cli.data.statistics import describe
from dnn_cli.errors import DataError, RunError, UsageError
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.runs.inputs import Inputs, read_inputs
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.spec.check import machine_misfits, misfits
from dnn_cli.spec.datasets import DATASETS
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.load import load_resolved


class Known(NamedTuple):
    """An experiment that asks no file what its data holds, and its inputs."""

    experiment: Experiment
    inputs: Inputs


def known_of(run: Run, record: Record, watch: Watcher = quiet) -> Known:
    """The experiment of a run and its inputs, from its `inputs.npz` where it has one.

    Raises:
        ConfigError, RunError: the run is damaged.
        RunError: the run has no `inputs.npz`, and its data is not to be had or is another now.
    """
    experiment = load_resolved(str(run.config))
    inputs = read_inputs(run)
    if inputs is None:
        inputs = by_data(run, record, experiment, watch)
    data = experiment.data
    if data.dataset not in DATASETS:
        data = data.with_facts(inputs.facts)
    elif data.facts.input_shape != inputs.facts.input_shape or data.facts.classes != inputs.facts.classes:
        raise RunError(f"{run.inputs} is not of {data.dataset}", "a run trained anew has another")
    experiment = experiment.model_copy(update={"data": data})
    if remarks := misfits(experiment) or machine_misfits(experiment):
        raise RunError(f"{run.config} describes no network for its inputs: {remarks[0].message}")
    return Known(experiment, inputs)


def by_data(run: Run, record: Record, experiment: Experiment, watch: Watcher) -> Inputs:
    """The same from the data, as the training would have written it."""
    try:
        examples = load_examples(experiment.data, watch)
        check_same_data(record, examples)
    except (DataError, RunError) as error:
        why = error.message.splitlines()[0]
        raise RunError(
            f"{run.directory} has no inputs.npz, as an older dnn trained it, and its data is needed: {why}",
            "bring the data back to where config.yaml says it is, or train the run anew",
        ) from None
    split = split_examples(experiment.data, examples)
    return describe(experiment.data.facts, examples, split, measure(experiment, examples, split))


def check_same_split(record: Record, split: Split) -> None:
    """Refuse a division that is not that of the training: what was trained on is no test.

    Raises:
        UsageError: it is not.
    """
    if record.data.get("split") not in (None, split.fingerprint()):
        raise UsageError("the data is divided otherwise than in the training", "leave out what changes its division")


def check_same_data(record: Record, examples: Examples) -> None:
    """Refuse data that is not what the run was trained on: its split would be another.

    Raises:
        RunError: it is not.
    """
    if record.data.get("fingerprint") != examples.fingerprint():
        raise RunError("the data is not what this run was trained on", "its fingerprint in run.json is another")
