"""Training of the baselines of an experiment, each into its own run."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dnn_cli.baseline.baseline_run import save_baseline
from dnn_cli.baseline.training import train_baseline
from dnn_cli.config.cross_validation import format_fold
from dnn_cli.data.data_remarks import list_data_remarks
from dnn_cli.data.input_statistics import build_input_profile
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.runs.record import get_utc_now

if TYPE_CHECKING:
    from dnn_cli.baseline.methods import Method
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store


def train_baselines(
    loaded: "LoadedExperiment",
    methods: "Sequence[Method]",
    store: "Store",
    reporter: "Reporter",
    cache: ProcessCache,
) -> "Iterator[tuple[Run, Record]]":
    """Train baselines on the data of an experiment, and yield the run of each with its record.

    TensorFlow is not imported. A run is created after the training of its baseline.

    Args:
        loaded: The experiment.
        methods: The methods of the baselines.
        store: The store in which the runs are created.
        reporter: The object that receives the lines of the training.
        cache: The cache of this process for its trainings, so that several folds load their data once.

    Raises:
        DataError: the data cannot be read, or a method cannot be trained on the data.
        RunError: the runs directory cannot be written.
    """
    experiment = loaded.experiment
    reporter.begin_run()
    store.check_writable()
    with reporter.open_progress(epochs=1, batch_size=1) as report_progress:
        report_progress(f"loading {experiment.data.title}")
        examples, split = cache.load_examples(experiment.data, report_progress)
        for remark in list_data_remarks(experiment.data, examples):
            reporter.report_line(f"data: {remark}", config=loaded.file)
        preprocessing = compute_preprocessing(experiment, examples, split)
        profile = build_input_profile(experiment.data.info, examples, split, preprocessing)
        for number, method in enumerate(methods):
            fold = format_fold(experiment.data.model_dump())
            label = ", ".join(filter(None, (experiment.name, fold)))
            report_progress(f"{label}: training {method.title}", number, len(methods))
            started = get_utc_now()
            trained = train_baseline(experiment, examples, split, method)
            yield save_baseline(trained, examples, split, profile, store, started)
