"""Kernels and feature maps of a run, from its data, its config and its saved model."""

from dataclasses import replace

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.run_context import check_same_data, check_same_split
from dnn_cli.execution.preparation import prepare_training
from dnn_cli.execution.reporters import Reporter
from dnn_cli.metrics.network_filters import NetworkFilters
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.saved_models import SavedModel


def load_network_filters(
    run: Run, record: Record, model: SavedModel, layer: str | None, example: int, reporter: Reporter,
    code_directory: str | None = None,
) -> NetworkFilters:  # fmt: skip
    """Load the data of a run, and compute kernels and feature maps before and after the training.

    `code_directory` is the directory of custom layers; `None` without permission to run their code.

    Raises:
        DataError: the data cannot be read.
        UsageError: the layer or the example does not exist.
        RunError: the data has changed, or the saved model is damaged.
    """
    loaded = replace(load_experiment(str(run.config), [], to_train=True), code_directory=code_directory)
    with prepare_training(loaded, reporter, record.epochs, trains=False) as (job, progress, *_):
        from dnn_cli.training.feature_maps import compute_network_filters
        from dnn_cli.training.resume_checks import list_version_changes

        progress("computing kernels and feature maps")
        check_same_data(record, job.examples)
        check_same_split(record, job.split)
        filters = compute_network_filters(job, model.path, layer, example)
    changes = ", ".join(list_version_changes(record))
    caveats = (f"initial weights can differ from those of the training: {changes}",) if changes else ()
    return replace(filters, caveats=caveats)
