"""Run directories of baselines: config, record, scores, predictions and input profile, written at once."""

from dnn_cli.baseline.training import TrainedBaseline
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import to_yaml
from dnn_cli.data.data_remarks import list_data_remarks
from dnn_cli.data.examples import Examples, Split
from dnn_cli.errors import RunError
from dnn_cli.metrics.saved_predictions import write_predictions
from dnn_cli.runs.input_profile import InputProfile, write_input_profile
from dnn_cli.runs.record import SCHEMA_VERSION, Baseline, Record, Results, get_utc_now
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training import environment

_PACKAGES = ("dnn", "python", "numpy", "scikit-learn")
"""Names of the versions that influence a baseline."""


def save_baseline(
    trained: TrainedBaseline,
    examples: Examples,
    split: Split,
    profile: InputProfile,
    store: Store,
    started: str,
) -> tuple[Run, Record]:
    """Write the run of a trained baseline, and return the run with its record.

    The run appears with all its files, or not at all. Its name is that of the experiment with the name of the method,
    such as `digits-linear`. The config has the name of the experiment, so that it can be used again. No model is saved,
    because reading a pickled model executes code.

    Args:
        trained: The baseline.
        examples: The examples of the training.
        split: The split of the training.
        profile: The input profile of the data.
        store: The store in which the run is created.
        started: The start of the training, UTC in ISO 8601.

    Raises:
        RunError: the directory cannot be written.
    """
    name = f"{trained.experiment.name}-{trained.method.name}"
    with store.create_atomically(name) as (run_id, hidden, final):
        record = _build_record(trained, examples, split, run_id, name, started)
        try:
            hidden.config.write_text(to_yaml(trained.experiment), encoding="utf-8")
            lines = (record.baseline.estimator if record.baseline else "", *trained.notes)
            hidden.log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        except OSError as error:
            raise RunError(f"{hidden.directory} cannot be written: {error.strerror}") from None
        hidden.write_metrics([_build_row(trained)])
        write_input_profile(hidden, profile)
        if len(split.validation):
            labels = examples.targets[split.validation]
            write_predictions(hidden.predictions, trained.outputs, labels, split.validation)
        if len(split.reporting):
            half = examples[split.reporting]
            outputs = trained.predict(half.inputs)
            write_predictions(hidden.reporting_predictions, outputs, half.targets, split.reporting, half.weights)
        hidden.write_record(record)
    return final, record


def _build_row(trained: TrainedBaseline) -> dict[str, int | float]:
    """Return the only row of `metrics.csv`. Scores that are not finite numbers have no column."""
    scores = {name: trained.scores[name] for name in trained.experiment.score_names if name in trained.scores}
    return {"epoch": 1, **scores, "seconds": trained.seconds}


def _build_record(
    trained: TrainedBaseline, examples: Examples, split: Split, run_id: str, name: str, started: str
) -> Record:
    """Return the record of a trained baseline."""
    experiment, versions = trained.experiment, environment.read_versions()
    row = _build_row(trained)
    saved = {score: value for score, value in row.items() if score.startswith("val_")}
    return Record(
        schema_version=SCHEMA_VERSION,
        kind="baseline",
        id=run_id,
        name=name,
        status="completed",
        started=started,
        ended=get_utc_now(),
        seconds=trained.seconds,
        epochs=1,
        process=environment.get_current_process(),
        baseline=Baseline(
            method=trained.method.name,
            title=trained.method.title,
            estimator=" ".join(repr(trained.estimator).split()),
            examples=trained.effort.examples,
            steps=trained.effort.steps,
            notes=trained.notes,
        ),
        results=Results.from_rows([row], _choose_monitor(experiment, row), model=saved or None),
        parameters={},
        data={
            "dataset": experiment.data.dataset,
            "fingerprint": examples.compute_fingerprint(),
            "split": split.compute_fingerprint(),
            "train": len(split.train),
            "validation": len(split.validation),
            **({"reporting": len(split.reporting)} if len(split.reporting) else {}),
            "test": experiment.data.test_examples,
        },
        remarks=tuple(map(str, list_data_remarks(experiment.data, examples))),
        versions={package: versions[package] for package in _PACKAGES},
        platform=environment.describe_machine(),
        git=environment.read_git_state(),
    )


def _choose_monitor(experiment: Experiment, row: dict[str, int | float]) -> str:
    """Return the monitor of the experiment, or the loss if the row lacks the monitor."""
    if experiment.monitor in row:
        return experiment.monitor
    return "val_loss" if "val_loss" in row else "loss"
