"""Learning rate schedules of Keras: the rate as a function of the step (the number of batches so far)."""

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Discriminator, Field, Strict, Tag

from dnn_cli.config.base import ByType, Count, KerasConfig, NotNegative, Positive

_Rate = Annotated[float, Field(gt=0, le=1000)]
Steps = Annotated[int, Field(ge=0, le=1_000_000_000)]


class BaseSchedule(KerasConfig):
    """Base class of schedules."""

    @property
    def tuned_rate_key(self) -> str | None:
        """Key of the rate that a study tunes: every rate of the schedule is proportional to it, or decays from it.

        The key is `None` for a schedule of several separate rates.
        """
        return "initial_learning_rate"


class ExponentialDecay(BaseSchedule):
    """Exponential decay: initial_learning_rate × decay_rate ^ (step / decay_steps)."""

    keras_name: ClassVar[str] = "optimizers.schedules.ExponentialDecay"
    type: Literal["ExponentialDecay"] = "ExponentialDecay"
    initial_learning_rate: _Rate
    decay_steps: Count
    decay_rate: Positive
    staircase: bool = False


class InverseTimeDecay(BaseSchedule):
    """Inverse time decay: initial_learning_rate / (1 + decay_rate × step / decay_steps)."""

    keras_name: ClassVar[str] = "optimizers.schedules.InverseTimeDecay"
    type: Literal["InverseTimeDecay"] = "InverseTimeDecay"
    initial_learning_rate: _Rate
    decay_steps: Count
    decay_rate: Positive
    staircase: bool = False


class PolynomialDecay(BaseSchedule):
    """Decay from the initial to the end rate: end + (initial − end) × (1 − step / decay_steps) ^ power."""

    keras_name: ClassVar[str] = "optimizers.schedules.PolynomialDecay"
    type: Literal["PolynomialDecay"] = "PolynomialDecay"
    initial_learning_rate: _Rate
    decay_steps: Count
    end_learning_rate: NotNegative = 0.0001
    power: Positive = 1.0
    cycle: bool = False


class PiecewiseConstantDecay(BaseSchedule):
    """Constant rates: values[i] up to step boundaries[i], and the last value after the last boundary."""

    keras_name: ClassVar[str] = "optimizers.schedules.PiecewiseConstantDecay"
    type: Literal["PiecewiseConstantDecay"] = "PiecewiseConstantDecay"
    boundaries: Annotated[tuple[Count, ...], Strict(False), Len(1, 100)]
    values: Annotated[tuple[_Rate, ...], Strict(False), Len(2, 101)]

    @property
    def tuned_rate_key(self) -> str | None:
        return None


class CosineDecay(BaseSchedule):
    """Decay along half a cosine to alpha × the peak, after an optional linear warm-up; Loshchilov and Hutter 2017."""

    keras_name: ClassVar[str] = "optimizers.schedules.CosineDecay"
    type: Literal["CosineDecay"] = "CosineDecay"
    initial_learning_rate: NotNegative
    decay_steps: Count
    alpha: NotNegative = 0.0
    warmup_target: _Rate | None = None
    warmup_steps: Steps = 0

    @property
    def tuned_rate_key(self) -> str | None:
        # The decay begins at the end of the warm-up. The initial rate, often 0, is the start of the warm-up.
        return "initial_learning_rate" if self.warmup_target is None else "warmup_target"


class CosineDecayRestarts(BaseSchedule):
    """Repeated decay along half a cosine. Each is t_mul times as long and m_mul times as high as the previous decay."""

    keras_name: ClassVar[str] = "optimizers.schedules.CosineDecayRestarts"
    type: Literal["CosineDecayRestarts"] = "CosineDecayRestarts"
    initial_learning_rate: _Rate
    first_decay_steps: Count
    t_mul: Positive = 2.0
    m_mul: Positive = 1.0
    alpha: NotNegative = 0.0


Schedule = Annotated[
    ExponentialDecay | InverseTimeDecay | PolynomialDecay | PiecewiseConstantDecay | CosineDecay | CosineDecayRestarts,
    ByType,
]


def _get_rate_tag(value: Any) -> str:
    """Return the tag of a learning rate: `schedule`, or `rate` for a number.

    The tag makes pydantic validate the value with the rules of a number or of a schedule only.
    """
    return "schedule" if isinstance(value, dict | KerasConfig) else "rate"


LearningRate = Annotated[
    Annotated[_Rate, Tag("rate")] | Annotated[Schedule, Tag("schedule")], Discriminator(_get_rate_tag)
]
