"""The experiment and the input profile of a run, read from its directory.

Older versions of `dnn` saved no input profile. For their runs, the profile is computed from the data.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, IdxDataset
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.config.validation import find_experiment_issues, find_machine_issues
from dnn_cli.data.dataset_sources import get_dataset_cache_directory
from dnn_cli.data.encoded_examples import load_encoded_examples
from dnn_cli.data.examples import Examples, Split, load_examples
from dnn_cli.data.input_statistics import build_input_profile, find_white_value
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.errors import DataError, RunError, UsageError
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.runs.input_profile import InputProfile, read_input_profile
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run

if TYPE_CHECKING:
    from dnn_cli.formats.prediction_inputs import InputSpec


class RunContext(NamedTuple):
    """Experiment and input profile of a run.

    For a user's own data, the dataset info of the experiment comes from the input profile, because the data files may
    be missing.
    """

    experiment: Experiment
    input_profile: InputProfile

    def build_input_spec(self, *, resize: bool, invert: bool = False, kept_columns: Sequence[str] = ()) -> "InputSpec":
        """Build the form of the training inputs, in which new files are read.

        Args:
            resize: Whether images are resized to the size of the training images.
            invert: Whether the brightness of images is inverted.
            kept_columns: The names of columns of a table whose cells are kept for output.
        """
        from dnn_cli.formats.prediction_inputs import InputSpec

        dataset_info, data = self.input_profile.dataset_info, self.experiment.data
        return InputSpec(
            dataset_info.input_shape,
            dataset_info.input_columns,
            find_white_value(self.input_profile),
            resize,
            invert,
            channels_first=data.channels == "first",
            csv_options=data.csv_options,
            kept_columns=tuple(kept_columns),
            rules=data.reading_rules,
            encoding=self.input_profile.encoding,
        )


def load_run_context(run: Run, record: Record, report_progress: ReadProgress = ignore_progress) -> RunContext:
    """Load the experiment and the input profile of a run.

    The input profile is read from `inputs.npz`. For a run without this file, the profile is computed from the data.

    Raises:
        ConfigError: the config of the run is damaged.
        RunError: the run is damaged, or `inputs.npz` is missing and the data cannot be read or has changed.
    """
    experiment = load_resolved_experiment(str(run.config))
    input_profile = read_input_profile(run)
    if input_profile is None:
        input_profile = _build_profile_from_data(run, record, experiment, report_progress)
    data = experiment.data
    if data.dataset not in DATASETS:
        data = data.with_info(input_profile.dataset_info)
    elif (
        data.info.input_shape != input_profile.dataset_info.input_shape
        or data.info.classes != input_profile.dataset_info.classes
    ):
        raise RunError(
            f"{run.inputs} does not match the dataset {data.dataset}", "train the run again to create a new file"
        )
    if data.standardize_target and input_profile.target_scaling is None:
        raise RunError(
            f"{run.inputs} lacks mean and deviation of the targets", "train the run again to create a new file"
        )
    experiment = experiment.model_copy(update={"data": data})
    if issues := find_experiment_issues(experiment) or find_machine_issues(experiment):
        raise RunError(f"{run.config} does not match the inputs of the run: {issues[0].message}")
    return RunContext(experiment, input_profile)


def _build_profile_from_data(
    run: Run, record: Record, experiment: Experiment, report_progress: ReadProgress
) -> InputProfile:
    """Build the input profile of a run from its data. The result equals the profile that a training would save.

    Raises:
        RunError: the data cannot be read or has changed.
    """
    try:
        examples, split = load_encoded_examples(experiment.data, report_progress)
        check_same_data(record, examples)
    except (DataError, RunError) as error:
        reason = error.message.splitlines()[0]
        raise RunError(
            f"{run.directory} has no inputs.npz (an older dnn trained the run), and its data cannot be used: {reason}",
            "restore the data at the path in config.yaml, or train the run again",
        ) from None
    return build_input_profile(
        experiment.data.info, examples, split, compute_preprocessing(experiment, examples, split)
    )


def check_same_split(record: Record, split: Split) -> None:
    """Check that a split equals the split of the training, which the run record identifies by its digest.

    With another split, the model would be tested on examples of its training. A record without this digest passes.

    Raises:
        UsageError: the splits differ.
    """
    if record.data.get("split") not in (None, split.compute_fingerprint()):
        raise UsageError(
            "the split of the data differs from the split of the training", "remove the overrides that change the split"
        )


def check_same_data(record: Record, examples: Examples) -> None:
    """Check that examples equal the examples of the training. Other examples would be split differently.

    Raises:
        RunError: the examples differ.
    """
    if record.data.get("fingerprint") != examples.compute_fingerprint():
        raise RunError(
            "the data differs from the data that this run was trained on", "restore the data of the training"
        )


def load_local_examples(run: Run) -> tuple[Data, Examples]:
    """Load the data of a run from this machine, without a download.

    Raises:
        ConfigError: the config of the run has issues.
        DataError: the data cannot be read.
    """
    data = load_resolved_experiment(str(run.config)).data
    dataset = DATASETS.get(data.dataset)
    # Without a path, missing files would be downloaded.
    if isinstance(dataset, IdxDataset) and data.path is None:
        data = data.model_copy(update={"path": str(get_dataset_cache_directory(dataset))})
    return data, load_examples(data)
