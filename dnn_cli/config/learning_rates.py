"""Learning rate of each step with a schedule, and issues of schedules that do not fit the length of a training."""

import math
from dataclasses import dataclass
from typing import Literal

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.schedules import (
    RATE_KEY,
    CosineDecay,
    CosineDecayRestarts,
    DecaySchedule,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRate,
    PiecewiseConstantDecay,
    PolynomialDecay,
    Warmup,
    split_off_warm_up,
)

_MAX_SAMPLED_STEPS = 400
"""Number of equal parts into which the checks of a schedule divide a training.

The checks compute the learning rate at the end of each part, and at each of the first 400 steps.
"""

_NEGLIGIBLE_SHARE = 0.01
"""A learning rate of at most this share of the peak rate is negligible: it hardly changes any weight."""

_EARLY_SHARE = 0.25
"""A learning rate is an issue if it becomes and remains negligible within this share of the training's steps."""

_MIN_FALL_SHARE = 0.1
"""A schedule is an issue if its rate falls by less than this share of the peak rate, almost like a fixed rate."""

_MIN_EPOCHS = 4
"""A schedule that ends within the first epoch is an issue if the training has at least this number of epochs.

In shorter trainings such a schedule can be intended.
"""


@dataclass(frozen=True)
class ScheduleIssue:
    """Issue of a learning rate schedule.

    The schedule ends too early (`short`), is too long for the training (`long`), or has a warm-up without an end within
    the training (`warm_up`).
    """

    kind: Literal["short", "long", "warm_up"]
    message: str
    overrides: tuple[str, ...]
    """Overrides that make the schedule fit the training."""

    figures: dict[str, float]


def compute_rate(schedule: LearningRate, step: int) -> float:
    """Return the learning rate of a step, computed with Keras's formulas.

    Args:
        schedule: The schedule, or a constant rate.
        step: The number of batches trained so far.
    """
    if isinstance(schedule, float):
        return schedule
    if isinstance(schedule, Warmup):
        rate = compute_rate(schedule.learning_rate, max(step - schedule.warmup_steps, 0))
        if step >= schedule.warmup_steps:
            return rate
        return rate * (schedule.start_factor + (1 - schedule.start_factor) * step / schedule.warmup_steps)
    if isinstance(schedule, ExponentialDecay | InverseTimeDecay):
        part = step / schedule.decay_steps
        part = math.floor(part) if schedule.staircase else part
        if isinstance(schedule, InverseTimeDecay):
            return schedule.initial_learning_rate / (1 + schedule.decay_rate * part)
        # math.exp overflows above 709.
        exponent = min(part * math.log(schedule.decay_rate), 700.0)
        return schedule.initial_learning_rate * math.exp(exponent)
    if isinstance(schedule, PolynomialDecay):
        length = schedule.decay_steps * (max(1, math.ceil(step / schedule.decay_steps)) if schedule.cycle else 1)
        left = 1 - min(step, length) / length
        span = schedule.initial_learning_rate - schedule.end_learning_rate
        return float(span * left**schedule.power + schedule.end_learning_rate)
    if isinstance(schedule, PiecewiseConstantDecay):
        return schedule.values[sum(step > boundary for boundary in schedule.boundaries)]
    if isinstance(schedule, CosineDecay):
        initial = schedule.initial_learning_rate
        if schedule.warmup_target is None:
            return initial * _compute_cosine_factor(step / schedule.decay_steps, schedule.alpha)
        if step < schedule.warmup_steps:
            return initial + (schedule.warmup_target - initial) * step / schedule.warmup_steps
        part = (step - schedule.warmup_steps) / schedule.decay_steps
        return schedule.warmup_target * _compute_cosine_factor(part, schedule.alpha)
    return _compute_restarted_rate(schedule, step / schedule.first_decay_steps)


def _compute_cosine_factor(part: float, alpha: float) -> float:
    """Return the factor by which a cosine decay multiplies the rate.

    Args:
        part: The step as a share of the decay's length.
        alpha: The factor at the end of the decay.
    """
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * min(part, 1))) + alpha


def _compute_restarted_rate(schedule: CosineDecayRestarts, part: float) -> float:
    """Return the rate of a cosine decay with restarts; `part` is the step in units of the first decay's length."""
    if schedule.t_mul == 1:
        round_, progress = math.floor(part), part % 1
    else:
        content = 1 - part * (1 - schedule.t_mul)
        # With t_mul below 1 the decays get shorter and shorter, and all of them end at a finite step.
        if content <= 0:
            return schedule.initial_learning_rate * schedule.alpha
        round_ = math.floor(math.log(content) / math.log(schedule.t_mul))
        length = schedule.t_mul**round_
        progress = (part - (1 - length) / (1 - schedule.t_mul)) / length
    height = 0.5 * schedule.m_mul**round_ * (1 + math.cos(math.pi * progress))
    return schedule.initial_learning_rate * ((1 - schedule.alpha) * height + schedule.alpha)


def _get_schedule_length(schedule: DecaySchedule) -> int:
    """Return the length of a schedule in steps: up to its last boundary, or to the end of its first or only decay."""
    if isinstance(schedule, PiecewiseConstantDecay):
        return schedule.boundaries[-1]
    return schedule.first_decay_steps if isinstance(schedule, CosineDecayRestarts) else schedule.decay_steps


def find_schedule_issue(experiment: Experiment, batches: int) -> ScheduleIssue | None:
    """Return the issue of a learning rate schedule that does not fit the length of the training.

    Return `None` for a schedule that fits, and for a fixed learning rate.

    Args:
        experiment: The experiment, with a schedule or a fixed learning rate.
        batches: The number of batches, and thus of steps, in an epoch.
    """
    part, all_steps = split_off_warm_up(experiment.optimizer.learning_rate), batches * experiment.epochs
    schedule, total = part.rate, all_steps - part.warmup_steps
    unit = f"{batches:,} {'step' if batches == 1 else 'steps'} per epoch"
    warmup_steps = part.warmup_steps
    if isinstance(schedule, CosineDecay) and schedule.warmup_target is not None:
        warmup_steps += schedule.warmup_steps
    figures = {"steps": float(all_steps), "steps_of_an_epoch": float(batches)}
    if warmup_steps >= all_steps > 0:
        message = f"the warm-up needs {warmup_steps:,} steps, but the training has {all_steps:,} ({unit})"
        return ScheduleIssue("warm_up", message, _shorten_warm_up(all_steps), figures)
    if isinstance(schedule, float):
        return None
    steps = sorted(
        {round(total * at / _MAX_SAMPLED_STEPS) for at in range(_MAX_SAMPLED_STEPS + 1)}
        | set(range(min(total, _MAX_SAMPLED_STEPS) + 1))
    )
    rates = {step: compute_rate(schedule, step) for step in steps}
    peak = max(rates.values())
    last = steps[-1]
    if peak <= 0:
        return None
    small = [step for step in steps if rates[step] <= _NEGLIGIBLE_SHARE * peak]
    ended = next(
        (step for step in small if all(rates[s] <= _NEGLIGIBLE_SHARE * peak for s in steps if s >= step)), None
    )
    figures |= {"first": rates[0], "last": rates[last]}
    if ended is not None and ended <= _EARLY_SHARE * total and batches > 1:
        value = f"below {_NEGLIGIBLE_SHARE:.0%} of its peak"
        if isinstance(schedule, CosineDecay | PolynomialDecay):
            ended = _get_schedule_length(schedule) + (getattr(schedule, "warmup_steps", 0) or 0)
            value = f"{compute_rate(schedule, ended):.2g}"
        ended += part.warmup_steps
        message = f"the learning rate is {value} after {ended:,} of {all_steps:,} steps ({unit})"
        overrides = _lengthen_schedule(schedule, part.key, batches, total)
        return ScheduleIssue("short", message, overrides, {**figures, "ended": float(ended)})
    is_short = _get_schedule_length(schedule) <= batches and experiment.epochs >= _MIN_EPOCHS and batches > 1
    has_end = isinstance(schedule, CosineDecay | PolynomialDecay | PiecewiseConstantDecay)
    if is_short and has_end and rates[last] <= peak / 2 and not getattr(schedule, "cycle", False):
        message = (
            f"the learning rate reaches its last value, {rates[last]:.2g}, after "
            f"{part.warmup_steps + _get_schedule_length(schedule):,} of {all_steps:,} steps ({unit})"
        )
        return ScheduleIssue("short", message, _lengthen_schedule(schedule, part.key, batches, total), figures)
    if min(rates.values()) > (1 - _MIN_FALL_SHARE) * peak and rates[last] <= rates[0]:
        message = (
            f"the learning rate falls only from {rates[0]:.4g} to {rates[last]:.4g} in {total:,} steps, "
            f"because the schedule is for {_get_schedule_length(schedule):,} steps ({unit})"
        )
        return ScheduleIssue("long", message, _shorten_schedule(schedule, part.key, total), figures)
    return None


def _shorten_warm_up(all_steps: int) -> tuple[str, ...]:
    """Return overrides that end a warm-up after a tenth of a training of `all_steps` steps.

    A training of a single step also becomes longer, because a warm-up has at least one step.
    """
    override = f"{RATE_KEY}.warmup_steps={max(1, all_steps // 10)}"
    return (override,) if all_steps > 1 else ("epochs=10", override)


def _lengthen_schedule(schedule: DecaySchedule, rate_key: str, batches: int, total: int) -> tuple[str, ...]:
    """Return overrides that lengthen a schedule.

    A length that was probably intended as a number of epochs is converted to steps. Otherwise the schedule becomes as
    long as the training.

    Args:
        schedule: The schedule.
        rate_key: The key of the schedule, such as `optimizer.learning_rate`.
        batches: The number of steps in an epoch.
        total: The number of steps in the training after a warm-up by `Warmup`.
    """
    key = f"{rate_key}."
    if isinstance(schedule, PiecewiseConstantDecay):
        in_steps = [boundary * batches for boundary in schedule.boundaries]
        if in_steps[-1] >= total:
            in_steps = _spread_boundaries(schedule, total)
        return (f"{key}boundaries={in_steps}",)
    if isinstance(schedule, CosineDecayRestarts):
        return (f"{key}first_decay_steps={schedule.first_decay_steps * batches}",)
    if isinstance(schedule, ExponentialDecay | InverseTimeDecay):
        in_steps_ = schedule.decay_steps * batches
        return (f"{key}decay_steps={in_steps_ if in_steps_ <= total else batches}",)
    warm_up = schedule.warmup_steps if isinstance(schedule, CosineDecay) and schedule.warmup_target else 0
    return (f"{key}decay_steps={max(1, total - warm_up)}",)


def _shorten_schedule(schedule: DecaySchedule, rate_key: str, total: int) -> tuple[str, ...]:
    """Return overrides that make the rate of the schedule at a key fall within `total` steps."""
    key = f"{rate_key}."
    if isinstance(schedule, PiecewiseConstantDecay):
        return (f"{key}boundaries={_spread_boundaries(schedule, total)}",)
    if isinstance(schedule, CosineDecayRestarts):
        return (f"{key}first_decay_steps={max(1, total // 3)}",)
    if isinstance(schedule, ExponentialDecay) and schedule.decay_rate < 1:
        # Number of decays after which a tenth of the rate is left.
        tenth = math.log(0.1) / math.log(schedule.decay_rate)
        return (f"{key}decay_steps={max(1, math.floor(total / tenth))}",)
    if isinstance(schedule, InverseTimeDecay):
        # A tenth of the rate is left after 9 / decay_rate decays.
        return (f"{key}decay_steps={max(1, math.floor(total * schedule.decay_rate / 9))}",)
    return (f"{key}decay_steps={max(1, total)}",)


def _spread_boundaries(schedule: PiecewiseConstantDecay, total: int) -> list[int]:
    """Return distinct boundaries that divide a training of `total` steps into equal parts."""
    parts = len(schedule.boundaries) + 1
    return [max(at, total * at // parts) for at in range(1, parts)]
