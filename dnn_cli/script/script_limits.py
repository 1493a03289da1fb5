"""What a script of plain Keras cannot do, and where its training differs from that of the run."""

from collections.abc import Iterator

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import compute_stages, iter_nested_stages
from dnn_cli.errors import UsageError
from dnn_cli.script.origin import TrainingOrigin
from dnn_cli.script.training_settings import choose_settings

_EXPORT_HINT = "dnn export RUN --format keras writes the trained model of a run for plain Keras"


def check_script_support(experiment: Experiment) -> None:
    """Check that a script can do what an experiment describes.

    Raises:
        UsageError: a part of the experiment has no counterpart in plain Keras.
    """
    data = experiment.data
    if data.dataset == "parquet":
        raise UsageError("data.dataset: a script cannot read Parquet files", "save the table as a CSV file")
    for nested in experiment.model.nested_layers:
        if nested.layer.registered_name:
            raise UsageError(f"{nested.layer.type} is not a layer of Keras, so a script cannot build it", _EXPORT_HINT)
    if data.folds and data.fold is None:
        raise UsageError(
            f"data.folds: the config describes {data.folds} trainings, and a script trains one",
            "choose a fold, for example data.fold=1",
        )
    for key in ("decimal", "thousands", "strip", "drop_unlabelled"):
        if getattr(data, key):
            raise UsageError(
                f"data.{key}: a script reads plain numbers only",
                "save the table with a point for decimals, without other marks and without rows that have no target",
            )
    if data.columns is not None:
        raise UsageError(
            "data.columns: a script cannot encode typed columns",
            "use a table of numbers, or dnn export RUN --format savedmodel for a model that takes the cells",
        )
    for key in ("group", "time"):
        if getattr(data, key) is not None:
            raise UsageError(
                f"data.{key}: a script splits examples at random only",
                "save the sets as separate files, and use data.validation_path and data.test_path",
            )


def list_differences(experiment: Experiment, origin: TrainingOrigin) -> list[str]:
    """Return sentences about the differences between the training of a script and that of `dnn`."""
    return [*_iter_differences(experiment, origin), *origin.differences]


def _iter_differences(experiment: Experiment, origin: TrainingOrigin) -> Iterator[str]:
    """Yield sentences about differences that the config and the execution plan cause."""
    settings = origin.settings
    if settings.lanes > 1:
        yield (
            f"The run was trained in a program of {settings.lanes} lanes, which adds numbers in another order: the "
            "last digits of the weights differ."
        )
    if settings.determinism == "none":
        yield "On this GPU, equal trainings end with different weights, because the programs are not deterministic."
    elif settings.is_gpu:
        yield "Equal weights on a GPU have not been tried: the weights may differ in their last digits."
    if experiment.jit is True and not settings.is_gpu and settings.lanes == 1 and _has_other_bits(experiment):
        yield (
            "With jit: true, XLA sums the products of a layer in another order in the programs of dnn: the last digits "
            "of the weights differ."
        )


def list_notes(experiment: Experiment) -> list[str]:
    """Return sentences about what a script leaves out without a change of the weights."""
    if experiment.data.test_reads is None:
        return []
    return ["dnn does not count the evaluations of this program as readings of the test set (data.test_reads)."]


def _has_other_bits(experiment: Experiment) -> bool:
    """Return whether XLA computes other bits in the programs of the engine than in those of plain Keras, on a CPU."""
    automatic = experiment.model_copy(update={"jit": "auto"})
    stages = compute_stages(experiment.model.stack, experiment.data.input_shape)
    has_one_input = any(stage.layer.has_other_bits_with_xla(stage.input_shape) for stage in iter_nested_stages(stages))
    return has_one_input or not choose_settings(automatic, gpu=False).jit
