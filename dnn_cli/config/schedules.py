"""Learning rate schedules: the rate as a function of the step (the number of batches so far)."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Discriminator, Field, Strict, Tag

from dnn_cli.config.base import BelowOne, ByType, Count, KerasConfig, NotNegative, Positive

RATE_KEY = "optimizer.learning_rate"

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


_Decay = (
    ExponentialDecay | InverseTimeDecay | PolynomialDecay | PiecewiseConstantDecay | CosineDecay | CosineDecayRestarts
)
DecaySchedule = Annotated[_Decay, ByType]
"""Schedule of Keras, which can follow a warm-up."""


def _get_rate_tag(value: Any) -> str:
    """Return the tag of a learning rate: `schedule`, or `rate` for a number.

    The tag makes pydantic validate the value with the rules of a number or of a schedule only.
    """
    return "schedule" if isinstance(value, dict | KerasConfig) else "rate"


class Warmup(BaseSchedule):
    """Linear warm-up to a constant learning rate, or to a schedule that begins after the warm-up; Goyal et al. 2017."""

    keras_name: ClassVar[str] = "dnn>Warmup"
    type: Literal["Warmup"] = "Warmup"
    warmup_steps: Steps
    """Number of steps of the warm-up; without a warm-up, 0."""

    learning_rate: Annotated[
        Annotated[_Rate, Tag("rate")] | Annotated[DecaySchedule, Tag("schedule")], Discriminator(_get_rate_tag)
    ]
    """Learning rate after the warm-up: a number, or a schedule. Step 0 of the schedule is the end of the warm-up."""

    start_factor: BelowOne = 0.0
    """Learning rate of the first step, as a share of the rate at the end of the warm-up."""

    @property
    def tuned_rate_key(self) -> str | None:
        if isinstance(self.learning_rate, float):
            return "learning_rate"
        inner_key = self.learning_rate.tuned_rate_key
        return None if inner_key is None else f"learning_rate.{inner_key}"


Schedule = Annotated[_Decay | Warmup, ByType]

LearningRate = Annotated[
    Annotated[_Rate, Tag("rate")] | Annotated[Schedule, Tag("schedule")], Discriminator(_get_rate_tag)
]


@dataclass(frozen=True)
class RateAfterWarmup:
    """Learning rate after a warm-up by `Warmup`, or the whole learning rate without such a warm-up."""

    rate: float | DecaySchedule
    key: str
    """Dotted key of the rate in the config."""

    warmup_steps: int
    """Number of steps before step 0 of the rate; without a warm-up, 0."""


def split_off_warm_up(rate: LearningRate) -> RateAfterWarmup:
    """Return the part of a learning rate that applies after a warm-up by `Warmup`."""
    if isinstance(rate, Warmup):
        return RateAfterWarmup(rate.learning_rate, f"{RATE_KEY}.learning_rate", rate.warmup_steps)
    return RateAfterWarmup(rate, RATE_KEY, 0)
