"""From a config to what can run: data is loaded while TensorFlow starts, and the screen says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dnn_cli.execute.log import Log, Watch
    from dnn_cli.execute.session import Session
    from dnn_cli.spec.experiment import Experiment
    from dnn_cli.spec.load import Loaded
    from dnn_cli.training.job import Job
    from dnn_cli.training.network import Networks


class Prepared(NamedTuple):
    """A job, what watches it, and where to send what TensorFlow writes."""

    job: "Job"
    progress: "Watch"
    divert_into: Callable[[Path], None]
    networks: "Networks"


@contextmanager
def preparing(loaded: "Loaded", log: "Log", epochs: int, session: "Session | None" = None) -> Iterator[Prepared]:
    """Introduce an experiment and make it ready to run; as long as the block lasts, only `log` is heard.

    Raises:
        DataError: the data is not to be had.
        UsageError: the device is not there.
    """
    from dnn_cli.data.advice import data_advice
    from dnn_cli.execute.session import Session
    from dnn_cli.training.noise import divert_output
    from dnn_cli.training.programs import clean_up
    from dnn_cli.training.start import starting_tensorflow

    session = session or Session()
    log.leaving.append(clean_up)
    experiment = loaded.experiment
    for line in introduction(experiment, epochs):
        log.say(line)
    for remark in loaded.advice:
        log.say(f"advice: {remark}")
    with (
        log.progress(epochs, experiment.batch_size) as progress,
        divert_output() as divert_into,
        starting_tensorflow() as wait,
    ):
        progress(f"loading {experiment.data.title}")
        examples, split = session.examples(experiment.data, progress)
        for advice in data_advice(experiment, examples, split):
            log.say(f"advice: {advice}")
        progress("starting TensorFlow")
        wait()

        from dnn_cli.training.job import prepare

        yield Prepared(prepare(experiment, examples, split), progress, divert_into, session.networks)


def introduction(experiment: "Experiment", epochs: int) -> list[str]:
    """What is about to be trained on what."""
    from dnn_cli.report.words import count
    from dnn_cli.spec.catalog import short
    from dnn_cli.spec.summary import flow, summarize

    plain = experiment.model_dump(mode="json")
    return [
        f"{experiment.name}: {flow(experiment)}, {count(summarize(experiment).total, 'parameter')}",
        f"  {short(plain['optimizer'])}, {short(plain['loss'])}, batches of {experiment.batch_size}, "
        f"{count(epochs, 'epoch')}, seed {experiment.seed}",
        f"  {data_text(experiment)}",
    ]


def data_text(experiment: "Experiment") -> str:
    """The data in one line."""
    from dnn_cli.report.words import count
    from dnn_cli.spec.datasets import OWN
    from dnn_cli.spec.stack import sizes_text

    data, facts = experiment.data, experiment.data.facts
    parts = [f"{count(data.training_examples, facts.noun)} to train", f"{data.validation_examples:,} to validate"]
    if data.split_off or (data.dataset in OWN and data.test_examples):
        parts.append(f"{data.test_examples:,} kept apart")
    shape = sizes_text(data.input_shape)
    aim = f"{len(facts.classes)} classes" if facts.classes else f"{count(facts.targets, 'number')} to predict"
    if experiment.labels == "binary":
        aim += f", {facts.classes[1]} is positive"
    return f"{data.title}: {', '.join(parts)}, {shape}, {aim}"
