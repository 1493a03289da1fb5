"""Evidence: the files and derived values of a run from which findings are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import find_output_layer
from dnn_cli.config.loading import load_resolved_experiment, read_config
from dnn_cli.config.yaml_reader import Document
from dnn_cli.errors import RunError, UserDataError
from dnn_cli.formats.npz_archive import open_archive
from dnn_cli.runs.diagnostics_csv import LayerState, read_diagnostics
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.input_profile import InputProfile, read_input_profile
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dnn_cli.explain.judgement import HitCounts, ScoreJudgement

_ACCURACY_METRICS = ("accuracy", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")

_DECAYED_RATE_SHARE = 0.1
"""A learning rate below this share of the largest rate counts as decayed: weights then change little."""

_WEAK_ACCURACY_SHARE = 0.5
"""A network counts as weak if it avoids less than this share of the mistakes of predicting only the commonest class."""

_MIN_NORMAL_EXAMPLES = 30
"""Smallest number of examples for which the mean of a loss is nearly normal, so that its standard error is reliable."""

_WEAK_LOSS_SHARE = 0.25
"""A network counts as weak if its loss is less than this share below the loss of the best constant prediction.

For comparison: the best networks for the dataset `diabetes` have half the loss of the best constant prediction."""

_PENALTY_KEYS = (
    "kernel_regularizer",
    "bias_regularizer",
    "activity_regularizer",
    "gamma_regularizer",
    "beta_regularizer",
)


@dataclass(frozen=True)
class Evidence:
    """Evidence about a run: config, curves, states of layers, predictions, and statistics of the data."""

    run: Run
    record: Record
    experiment: Experiment
    """Experiment of the run. `data.info` is available without the data, unless `has_dataset_info` is false."""

    document: Document
    """Config of the run as a document, to which overrides can be applied."""

    epoch_scores: Sequence[Scores]
    layer_states: Sequence[LayerState]
    layer_states_error: str | None = None
    """Reason why `layer_states` is empty, where `diagnostics.csv` is damaged."""

    input_profile: InputProfile | None = None
    """Statistics of the inputs; `None` in runs of an older dnn, and where the file is damaged."""

    has_dataset_info: bool = True
    judged_epoch: int | None = None
    """Epoch of the best model, if findings judge the best model; `None` if they judge the model in `model.keras`."""

    def get_curve(self, name: str) -> list[float]:
        """Return the values of a score such as `val_loss`, one for each epoch; empty if the run lacks the score."""
        return [float(scores[name]) for scores in self.epoch_scores if name in scores]

    def get_judged_score(self, name: str) -> float:
        """Return a score of the judged model: that of its epoch, or of the last epoch for `model.keras`."""
        return self.get_curve(name)[-1 if self.judged_epoch is None else self.judged_epoch - 1]

    @cached_property
    def states_by_epoch(self) -> dict[int, list[LayerState]]:
        """The states of the layers by epoch, in the order of the epochs."""
        states: dict[int, list[LayerState]] = {}
        for state in sorted(self.layer_states, key=lambda state: state.epoch):
            states.setdefault(state.epoch, []).append(state)
        return states

    @cached_property
    def main_loss(self) -> str:
        """The name of the loss to judge by: `val_loss` if the run has a validation set, else `loss`."""
        return "val_loss" if self.get_curve("val_loss") else "loss"

    @cached_property
    def accuracy_name(self) -> str | None:
        """The name of the first accuracy among the metrics of the config; `None` without an accuracy."""
        names = (metric.type for metric in self.experiment.metrics if metric.type in _ACCURACY_METRICS)
        return next(names, None)

    @cached_property
    def is_decayed(self) -> bool:
        """Whether the learning rate of the last epoch is much lower than the largest."""
        rates = self.get_curve("learning_rate")
        return bool(rates) and rates[-1] < _DECAYED_RATE_SHARE * max(rates)

    @cached_property
    def class_count(self) -> int | None:
        """The number of classes, 0 for a regression; `None` if no dataset info is available."""
        return len(self.experiment.data.info.classes) if self.has_dataset_info else None

    @cached_property
    def training_examples(self) -> int | None:
        """The number of training examples; `None` if unknown."""
        count = self.record.data.get("train")
        if isinstance(count, int) and count > 0:
            return count
        return self.experiment.data.training_examples if self.has_dataset_info else None

    @cached_property
    def batches_per_epoch(self) -> int | None:
        """The number of batches of an epoch; `None` if unknown."""
        return -(-self.training_examples // self.experiment.batch_size) if self.training_examples else None

    @cached_property
    def predictions(self) -> "tuple[NDArray[Any], NDArray[Any]] | None":
        """Targets and outputs of `model.keras` on the validation set.

        Targets have shape (examples,) with classes, else (examples, units); outputs have shape (examples, units).
        The value is `None` if another model is judged, the run is not completed, or the file is missing or unusable.
        """
        # The predictions of a run that was resumed and failed come from an earlier model.
        if self.record.status != "completed":
            return None
        if self.judged_epoch is not None:
            return None
        arrays = _read_prediction_arrays(self.run, "labels", "outputs")
        if arrays is None or not self.has_dataset_info:
            return None
        targets, outputs = arrays
        if outputs.ndim != 2 or outputs.shape[1:] != self.experiment.output_shape or len(targets) != len(outputs):
            return None
        if targets.ndim != (1 if self.class_count else 2) or not len(targets) or outputs.dtype.kind != "f":
            return None
        if self.class_count and (
            targets.dtype.kind not in "iu" or not 0 <= targets.min() <= targets.max() < self.class_count
        ):
            return None
        return targets, outputs

    def to_loss_scale(self, numbers: "NDArray[Any]") -> "NDArray[Any]":
        """Return targets or outputs on the scale of the loss: standardized if `data.standardize_target` is set."""
        scaling = self.input_profile.target_scaling if self.input_profile else None
        return numbers if scaling is None else scaling.standardize(numbers)

    @cached_property
    def score_judgement(self) -> "ScoreJudgement | str":
        """The comparison of the loss with that of the best constant prediction, or why a comparison is impossible."""
        from dnn_cli.explain.judgement import judge_score

        return judge_score(self)

    @cached_property
    def hit_counts(self) -> "HitCounts | None":
        """The numbers of examples and right predictions, on the validation set if there is one; `None` if unknown."""
        from dnn_cli.explain.judgement import count_hits

        return count_hits(self)

    @cached_property
    def training_hit_counts(self) -> "HitCounts | None":
        """The numbers of training examples and of right predictions; `None` if unknown."""
        from dnn_cli.explain.judgement import count_training_hits

        return count_training_hits(self)

    @cached_property
    def min_loss(self) -> float:
        """The loss of perfect predictions, which is above 0 with label smoothing."""
        from dnn_cli.explain.judgement import compute_min_loss

        return compute_min_loss(self)

    @cached_property
    def is_weak(self) -> bool:
        """Whether the model is hardly better than a constant prediction.

        A model is weak if it is not good (see `is_good`). A model is also weak if it avoids only a small share of the
        constant prediction's mistakes or loss.
        """
        if not self.is_good or isinstance(self.score_judgement, str):
            return True
        if self.hit_counts is not None and not self.is_better_by_loss:
            return self.hit_counts.accuracy - self.hit_counts.constant_accuracy < _WEAK_ACCURACY_SHARE * (
                1 - self.hit_counts.constant_accuracy
            )
        return self.score_judgement.model_loss > (1 - _WEAK_LOSS_SHARE) * self.score_judgement.constant_loss

    @cached_property
    def is_better_by_loss(self) -> bool:
        """Whether the loss shows that the network has learned, in cases where the accuracy cannot show it.

        The accuracy cannot show it if the accuracy is too uncertain for a verdict; the loss then needs at least 30
        examples. The accuracy cannot show it with class weights either, because class weights can lower the accuracy
        below that of always predicting the commonest class.
        """
        if isinstance(self.score_judgement, str) or self.score_judgement.verdict != "better" or self.hit_counts is None:
            return False
        is_weighted = self.experiment.class_weight is not None
        return is_weighted or (
            self.hit_counts.verdict == "unclear" and self.hit_counts.examples >= _MIN_NORMAL_EXAMPLES
        )

    @cached_property
    def is_good(self) -> bool:
        """Whether the model is clearly better than a constant prediction, in loss and, with classes, in accuracy."""
        if isinstance(self.score_judgement, str) or self.score_judgement.verdict != "better":
            return False
        return self.hit_counts is None or self.hit_counts.verdict == "better" or self.is_better_by_loss

    @cached_property
    def last_measurement(self) -> LayerState | None:
        """The layer state, measured after the last epoch, that also contains the loss of the whole network.

        This loss was computed on a sample of training examples. The value is `None` if the layers were not measured
        after the last epoch.
        """
        epochs = list(self.states_by_epoch)
        if not epochs or epochs[-1] != len(self.epoch_scores):
            return None
        return next((state for state in self.states_by_epoch[epochs[-1]] if state.loss is not None), None)

    @cached_property
    def has_penalties(self) -> bool:
        """Whether recorded losses contain penalties of layers (regularization) in addition to the config's `loss`."""
        layers = [nested.layer for nested in self.experiment.model.nested_layers]
        return any(getattr(layer, key, None) is not None for layer in layers for key in _PENALTY_KEYS)

    @cached_property
    def has_noise(self) -> bool:
        """Whether training scores are lowered by dropout, noise or augmentation."""
        return any(nested.layer.is_training_only for nested in self.experiment.model.nested_layers)

    @cached_property
    def output_layer_path(self) -> tuple[str | int, ...] | None:
        """The path in the config of the last layer with a kernel; `None` if no layer has a kernel."""
        index = find_output_layer(self.experiment.model.stack)
        return None if index is None else self.experiment.model.layer_paths[index]


def read_evidence(run_info: RunInfo, epoch: int | None = None) -> Evidence:
    """Read the evidence about a run.

    Args:
        run_info: The run.
        epoch: The epoch whose model is judged; `None` for the model in `model.keras`.

    Raises:
        RunError: the run has no record, or its metrics cannot be read.
        ConfigError: the config of the run cannot be read.
    """
    run, record = run_info.run, run_info.record
    if record is None:
        raise RunError(f"{run.directory} cannot be explained: {run_info.error}")
    experiment = load_resolved_experiment(str(run.config))
    try:
        input_profile = read_input_profile(run)
    except RunError:
        # With a damaged input profile, findings from the curves remain possible.
        input_profile = None
    if input_profile is not None:
        experiment = experiment.model_copy(update={"data": experiment.data.with_info(input_profile.dataset_info)})
    try:
        has_dataset_info = bool(experiment.data.info)
    except UserDataError:
        has_dataset_info = False
    try:
        layer_states, layer_states_error = read_diagnostics(run), None
    except RunError as error:
        layer_states, layer_states_error = (), error.message
    document = read_config(str(run.config))
    return Evidence(
        run,
        record,
        experiment,
        document,
        run.read_metrics(),
        layer_states,
        layer_states_error,
        input_profile,
        has_dataset_info,
        epoch,
    )


def _read_prediction_arrays(run: Run, *names: str) -> "list[NDArray[Any]] | None":
    """Return some arrays of `predictions.npz`; `None` if an array is missing or damaged."""
    try:
        with open_archive(str(run.predictions)) as archive:
            headers = [archive.read_header(name) for name in names]
            # dnn writes arrays uncompressed, so that arrays larger than the file are from another program.
            if sum(header.nbytes for header in headers) > run.predictions.stat().st_size:
                return None
            return [archive.read_array(header) for header in headers]
    except (UserDataError, OSError, KeyError):
        return None
