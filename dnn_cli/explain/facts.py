"""`Facts`: everything that an explanation is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import OwnDataError, RunError
from dnn_cli.formats.npz_archive import opened_archive
from dnn_cli.runs.diagnostics import LayerState, read_diagnostics
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.inputs import Inputs, read_inputs
from dnn_cli.runs.record import Record, Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.augmentation import Augmentation
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Dropout, GaussianNoise, Kernel
from dnn_cli.spec.load import load_resolved, read_base
from dnn_cli.spec.yaml_file import Document

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dnn_cli.explain.judgement import Hits, Judgement

ACCURACIES = ("accuracy", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")

DECAYED = 0.1
"""A learning rate below this share of its largest value has been lowered, so that little moves any more."""

WEAK = 0.5
"""The share of the mistakes of the commonest class that a network should avoid."""

ENOUGH = 30
"""Examples from which on the mean of a loss is nearly normal, so that its standard errors can be trusted."""

WEAK_LOSS = 0.25
"""The share of the constant's loss that a regression should avoid: of `diabetes` the best ones avoid half."""

PENALTIES = ("kernel_regularizer", "bias_regularizer", "activity_regularizer", "gamma_regularizer", "beta_regularizer")


@dataclass(frozen=True)
class Facts:
    """A run: its config, its curves, the states of its layers, its predictions and statistics of its data."""

    run: Run
    record: Record
    experiment: Experiment
    """Its `data.facts` are known without the data, unless `knows_data` is false."""

    document: Document
    """The config of the run, to be changed."""

    rows: Sequence[Scores]
    states: Sequence[LayerState]
    trouble: str | None = None
    """Why `states` is empty, if its file is damaged."""

    inputs: Inputs | None = None
    """Statistics of the training data; `None` in runs of an older dnn."""

    knows_data: bool = True
    epoch: int | None = None
    """The epoch whose model is judged, by the scores of the epoch; `None` for the model in `model.keras`."""

    def curve(self, name: str) -> list[float]:
        """Return a score of every epoch; nothing where there is no such score."""
        return [float(row[name]) for row in self.rows if name in row]

    def judged_score(self, name: str) -> float:
        """Return a score of the judged epoch, by default of the last one."""
        return self.curve(name)[-1 if self.epoch is None else self.epoch - 1]

    @cached_property
    def looks(self) -> dict[int, list[LayerState]]:
        """The states of the layers by epoch, in the order of the epochs."""
        found: dict[int, list[LayerState]] = {}
        for state in sorted(self.states, key=lambda state: state.epoch):
            found.setdefault(state.epoch, []).append(state)
        return found

    @cached_property
    def watched(self) -> str:
        """The name of the loss that says most: on the validation set if there is one."""
        return "val_loss" if self.curve("val_loss") else "loss"

    @cached_property
    def accuracy(self) -> str | None:
        """The name of the training accuracy that was measured, if any."""
        found = (metric.type for metric in self.experiment.metrics if metric.type in ACCURACIES)
        return next(found, None)

    @cached_property
    def is_decayed(self) -> bool:
        """Whether the learning rate of the last epoch is much lower than it was."""
        rates = self.curve("learning_rate")
        return bool(rates) and rates[-1] < DECAYED * max(rates)

    @cached_property
    def classes(self) -> int | None:
        """The number of classes, 0 for a regression; `None` where the data is gone."""
        return len(self.experiment.data.facts.classes) if self.knows_data else None

    @cached_property
    def training_examples(self) -> int | None:
        """The number of training examples, if it is known."""
        found = self.record.data.get("train")
        if isinstance(found, int) and found > 0:
            return found
        return self.experiment.data.training_examples if self.knows_data else None

    @cached_property
    def batches(self) -> int | None:
        """The number of batches of an epoch, if it is known."""
        return -(-self.training_examples // self.experiment.batch_size) if self.training_examples else None

    @cached_property
    def predictions(self) -> "tuple[NDArray[Any], NDArray[Any]] | None":
        """Labels and outputs of `model.keras` on the validation set; `None` where another model is judged."""
        if self.record.status != "completed":  # those of a run that was resumed and failed are of an earlier model
            return None
        if self.epoch is not None:
            return None
        found = arrays_of(self.run, "labels", "outputs")
        if found is None or not self.knows_data:
            return None
        labels, outputs = found
        if outputs.ndim != 2 or outputs.shape[1:] != self.experiment.output_shape or len(labels) != len(outputs):
            return None
        if labels.ndim != (1 if self.classes else 2) or not len(labels) or outputs.dtype.kind != "f":
            return None
        if self.classes and (labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < self.classes):
            return None
        return labels, outputs

    @cached_property
    def judged(self) -> "Judgement | str":
        """The judgement of the loss, or why there is none."""
        from dnn_cli.explain.judgement import judge

        return judge(self)

    @cached_property
    def hits(self) -> "Hits | None":
        """The examples that are predicted right, on the validation set if there is one."""
        from dnn_cli.explain.judgement import count_hits

        return count_hits(self)

    @cached_property
    def learned(self) -> "Hits | None":
        """The training examples that are predicted right."""
        from dnn_cli.explain.judgement import training_hits

        return training_hits(self)

    @cached_property
    def floor(self) -> float:
        """The loss of perfect predictions, which is above 0 with label smoothing."""
        from dnn_cli.explain.judgement import least_loss

        return least_loss(self)

    @cached_property
    def is_weak(self) -> bool:
        """Whether the saved model is not good, or makes most of the mistakes of a constant prediction."""
        if not self.is_good or isinstance(self.judged, str):
            return True
        if self.hits is not None and not self.is_told_by_loss:
            return self.hits.accuracy - self.hits.guess < WEAK * (1 - self.hits.guess)
        return self.judged.own > (1 - WEAK_LOSS) * self.judged.constant

    @cached_property
    def is_told_by_loss(self) -> bool:
        """Whether the loss alone shows that the network has learned, where its accuracy does not.

        With class weights an accuracy below that of the commonest class is what was asked for.
        """
        if isinstance(self.judged, str) or self.judged.verdict != "better" or self.hits is None:
            return False
        is_weighted = self.experiment.class_weight is not None
        return is_weighted or (self.hits.verdict == "unclear" and self.hits.examples >= ENOUGH)

    @cached_property
    def is_good(self) -> bool:
        """Whether the saved model is clearly better than a constant prediction, in loss and accuracy."""
        if isinstance(self.judged, str) or self.judged.verdict != "better":
            return False
        return self.hits is None or self.hits.verdict == "better" or self.is_told_by_loss

    @cached_property
    def last(self) -> LayerState | None:
        """The row of the last measured epoch that has the loss of the network on training examples, if any."""
        epochs = list(self.looks)
        if not epochs or epochs[-1] != len(self.rows):
            return None
        return next((state for state in self.looks[epochs[-1]] if state.loss is not None), None)

    @cached_property
    def has_penalties(self) -> bool:
        """Whether the losses of the curves contain penalties of layers, beside what the config's `loss` says."""
        stack = self.experiment.model.stack
        return any(getattr(layer, key, None) is not None for layer in stack for key in PENALTIES)

    @cached_property
    def has_noise(self) -> bool:
        """Whether training scores are lowered by dropout, noise or augmentation."""
        return any(isinstance(layer, Dropout | GaussianNoise | Augmentation) for layer in self.experiment.model.stack)

    @cached_property
    def output_path(self) -> tuple[str | int, ...] | None:
        """Where in the config the last layer with a kernel is written."""
        stack, paths = self.experiment.model.stack, self.experiment.model.paths
        places = [path for layer, path in zip(stack, paths, strict=True) if isinstance(layer, Kernel)]
        return places[-1] if places else None


def read_facts(entry: Entry, epoch: int | None = None) -> Facts:
    """Return everything that is known of a run.

    Args:
        entry: The run.
        epoch: The epoch whose model is judged; `None` for the model in `model.keras`.

    Raises:
        RunError: it has no record, or its metrics cannot be read.
        ConfigError: its config cannot be read.
    """
    run, record = entry.run, entry.record
    if record is None:
        raise RunError(f"{run.directory} cannot be explained: {entry.broken}")
    experiment = load_resolved(str(run.config))
    try:
        inputs = read_inputs(run)
    except RunError:  # a damaged file hides no curve
        inputs = None
    if inputs is not None:
        experiment = experiment.model_copy(update={"data": experiment.data.with_facts(inputs.facts)})
    try:
        knows_data = bool(experiment.data.facts)
    except OwnDataError:
        knows_data = False
    try:
        states, trouble = read_diagnostics(run), None
    except RunError as error:
        states, trouble = (), error.message
    document = read_base(str(run.config))
    return Facts(run, record, experiment, document, run.read_metrics(), states, trouble, inputs, knows_data, epoch)


def arrays_of(run: Run, *names: str) -> "list[NDArray[Any]] | None":
    """Return arrays of `predictions.npz`; `None` where they are missing or damaged."""
    try:
        with opened_archive(str(run.predictions)) as archive:
            headers = [archive.header(name) for name in names]
            if sum(header.nbytes for header in headers) > run.predictions.stat().st_size:  # dnn does not compress them
                return None
            return [archive.read(header) for header in headers]
    except (OwnDataError, OSError, KeyError):
        return None
