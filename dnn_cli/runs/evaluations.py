"""Evaluations in a run record: scores of a saved model, its temperature and its threshold."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_SCORE = 1e100
"""Largest absolute value of a score: a file with larger values was not written by a training."""

Scores = dict[
    str, Annotated[int, Field(ge=-(10**15), le=10**15)] | Annotated[float, Field(ge=-MAX_SCORE, le=MAX_SCORE)]
]
"""Values of scores by name, such as `val_loss`. The scores of an epoch include the number of the epoch as `epoch`."""

Interval = tuple[float, float]
"""Lower and upper end of a 95% interval."""

TEST_PREFIX = "test_"
"""Prefix of the names of scores on the test set, which `dnn evaluate` computes."""

BEST_MODEL_PREFIX = "best."
"""Prefix of test scores of the model `best.keras`, as in `best.test_accuracy`."""

EVALUATE_HINT = "dnn evaluate RUN computes the test scores of a run"
"""Suggestion for a missing test score."""


def is_test_score(name: str) -> bool:
    """Return whether a score name is that of a test score: `test_accuracy`, or `best.test_accuracy` of `best.keras`."""
    return name.removeprefix(BEST_MODEL_PREFIX).startswith(TEST_PREFIX)


def get_weights_file(score: str) -> str:
    """Return the name of the tested weights file: `best.keras` for `best.test_accuracy`, else `model.keras`."""
    return "best.keras" if score.startswith(BEST_MODEL_PREFIX) else "model.keras"


class Evaluation(BaseModel):
    """One evaluation of a saved model on a split."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    at: str
    """Time of the evaluation: UTC in ISO 8601."""

    split: Literal["test", "validation"]
    examples: int
    scores: Scores
    intervals: dict[str, Interval] = {}
    """95% intervals of the scores over examples by name. Earlier versions and scores without an interval have none."""

    model: str = "model.keras"
    """Name of the file with the evaluated weights."""

    epoch: int | None = None
    """Epoch of the weights; `None` if the epoch is unknown."""

    digest: str | None = None
    """Digest of the inputs and targets, as in `FileEvaluation`; `None` in runs of dnn 0.11.0 and older."""

    command: str | None = None
    """Command that evaluated the model, such as `dnn evaluate --best`; `None` in runs of dnn 0.11.0 and older."""

    forced: bool = False
    """Whether `--force` allowed a test read beyond the limit `data.test_reads`."""

    @property
    def is_test_read(self) -> bool:
        """Whether the evaluation has read the targets of the test set."""
        return self.split == "test"

    @property
    def examples_id(self) -> str:
        """Text that is equal for two evaluations of a run if both used the same examples: the name of the split."""
        return self.split


class FileEvaluation(BaseModel):
    """One evaluation of a saved model on labelled examples in a file."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    at: str
    """Time of the evaluation: UTC in ISO 8601."""

    file: str
    """Path of the file, as the user typed it."""

    digest: str
    """Digest of the inputs and targets, equal only for equal examples.

    Versions up to 0.11.0 computed another digest, which differs for other types of equal numbers."""

    examples: int
    scores: Scores
    intervals: dict[str, Interval] = {}
    """95% intervals of the scores over examples by name, as in `Evaluation`."""

    model: str
    """Name of the file with the evaluated weights."""

    epoch: int | None = None
    """Epoch of the weights; `None` if the epoch is unknown."""

    command: str | None = None
    """Command that evaluated the model, as in `Evaluation`."""

    forced: bool = False
    """Whether `--force` allowed a test read beyond the limit `data.test_reads`."""

    is_test_read: bool = False
    """Whether the file had the test set of the run, by its path or by the digest of earlier test reads."""

    @property
    def examples_id(self) -> str:
        """Text that is equal for two evaluations if both used the same examples: the digest of the examples."""
        return self.digest


class FittedTemperature(BaseModel):
    """Temperature of a classification, fitted to the validation examples by `dnn evaluate --temperature`."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    at: str
    """Time of the fit: UTC in ISO 8601."""

    model: str
    """Name of the file with the weights."""

    temperature: float = Field(gt=0)
    examples: int
    """Number of validation examples."""


class ChosenThreshold(BaseModel):
    """Threshold of two classes, chosen on the validation examples by `dnn evaluate --threshold`."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    at: str
    """Time of the choice: UTC in ISO 8601."""

    model: str
    """Name of the file with the weights."""

    threshold: float = Field(gt=0, lt=1)
    """Probability of the second class, before a temperature, above which this class is predicted."""

    criterion: str
    """Score that the threshold maximizes: `f1` or `balanced_accuracy`."""

    score: float
    """Value of the criterion on the validation examples."""

    examples: int
    """Number of validation examples."""
