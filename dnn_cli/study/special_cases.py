"""Consistency check of a study: values that are worse than their own special case were tuned too little.

A method that can imitate another one with some setting is at least as good as the other one if both are tuned long
enough. Choi et al. 2019 (arXiv 1910.05446) state this rule and the inclusions of `_RELATIONS`. They observe no
exception after long tuning.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dnn_cli.config.digests import remove_names_and_measurements

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment

_RATE = "learning_rate"


@dataclass(frozen=True)
class SpecialCase:
    """Value of a question that another value imitates with some setting of its tuned keys."""

    general: str
    """Value with more freedom, such as SGD with momentum."""

    special: str
    """Value that is the special case, such as plain SGD."""

    limits: Mapping[str, str]
    """Keys of the general value, such as `optimizer.momentum`, each with the setting of the special case as text."""

    is_exact: bool
    """Whether a setting of the general value equals the special case. Otherwise the special case is a limit."""

    untuned: tuple[str, ...]
    """Keys of `limits` that the study does not tune, which is a reason for too little tuning."""


@dataclass(frozen=True)
class _Relation:
    """Optimizer that is a special case of another one, apart from the learning rate."""

    special: str
    general: str
    limits: Mapping[str, str]
    """Arguments of the general optimizer, each with the setting that gives the special case."""

    shared: Mapping[str, str] = field(default_factory=dict)
    """Arguments of the special optimizer, each with the argument of the general optimizer that has the same meaning."""

    fixed: tuple[Mapping[str, Any], ...] = ({},)
    """Arguments that the special optimizer must have; one of these sets suffices."""

    is_exact: bool = False
    can_be_untuned: bool = False
    """Whether the relation also holds if the study does not tune the arguments of `limits`.

    Momentum is what an optimizer with momentum adds. A fixed momentum is then a setting that more trials would tune."""


_ADAM_ARGUMENTS = {name: name for name in ("beta_1", "beta_2", "epsilon", "amsgrad")}
_RELATIONS = (
    _Relation("sgd", "sgd", {"momentum": "0"}, fixed=({"momentum": 0.0},), is_exact=True, can_be_untuned=True),
    # A large epsilon makes the division by the size of the gradient a division by a constant.
    _Relation("sgd", "rmsprop", {"epsilon": "∞"}, {"momentum": "momentum"}, ({"nesterov": False}, {"momentum": 0.0})),
    _Relation("sgd", "adam", {"epsilon": "∞"}, {"momentum": "beta_1"}, ({"nesterov": False}, {"momentum": 0.0})),
    _Relation("sgd", "nadam", {"epsilon": "∞"}, {"momentum": "beta_1"}, ({"nesterov": True}, {"momentum": 0.0})),
    # Keras's Adam with weight decay is AdamW.
    _Relation("adam", "adamw", {"weight_decay": "0"}, _ADAM_ARGUMENTS, ({"weight_decay": None},), is_exact=True),
)

_CONSTANT_SCHEDULES = {
    "ExponentialDecay": ("decay_rate", "1"),
    "InverseTimeDecay": ("decay_rate", "0"),
    "CosineDecay": ("alpha", "1"),
}
"""Argument of a learning rate schedule, and the number with which the rate is constant."""

_BASE_ARGUMENTS = (
    "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency",
    "loss_scale_factor", "gradient_accumulation_steps",
)  # fmt: skip
"""Arguments of all optimizers that must be equal.

Weight decay must be absent, because its strength follows the learning rate."""


def find_special_cases(
    values: Mapping[str, "Experiment"], tuned_keys: Mapping[str, Collection[str]], question_keys: Collection[str]
) -> tuple[SpecialCase, ...]:
    """Return all pairs of values of which one is a special case of the other.

    The two experiments must be equal except for their optimizers. A key that is itself the question, such as
    `optimizer.momentum=0,0.9`, has no relation: the user asks about these very settings.

    Args:
        values: The experiment of each value with its defaults.
        tuned_keys: The keys that the study tunes for each value, such as `optimizer.learning_rate`.
        question_keys: The keys of the question.
    """
    return tuple(
        SpecialCase(general, special, limits, is_exact, tuple(key for key in limits if key not in tuned_keys[general]))
        for general, ours in values.items()
        for special, theirs in values.items()
        if general != special and _has_equal_rest(ours, theirs)
        for limits, is_exact in _iter_relations(
            _read_optimizer(theirs), _read_optimizer(ours), tuned_keys[special], tuned_keys[general], question_keys
        )
    )


def find_under_tuned(
    special_cases: Iterable[SpecialCase], worse: Collection[tuple[str, str]]
) -> dict[str, SpecialCase]:
    """Return the values that were tuned too little, each with the special case that is better.

    Args:
        special_cases: The special cases of the study.
        worse: Pairs of values from verdicts: the first is significantly worse than the second.
    """
    return {case.general: case for case in special_cases if (case.general, case.special) in worse}


def _has_equal_rest(ours: "Experiment", theirs: "Experiment") -> bool:
    """Return whether two experiments are equal except for optimizer, names, seed and measurements."""
    ignored = ("optimizer", "seed")
    configs = [remove_names_and_measurements(experiment.model_dump(mode="json")) for experiment in (ours, theirs)]
    rests = [{key: value for key, value in config.items() if key not in ignored} for config in configs]
    return rests[0] == rests[1]


def _read_optimizer(experiment: "Experiment") -> dict[str, Any]:
    """Return the arguments of the optimizer of an experiment, with all defaults."""
    config: dict[str, Any] = experiment.model_dump(mode="json")["optimizer"]
    return config


def _iter_relations(
    special: Mapping[str, Any],
    general: Mapping[str, Any],
    special_tuned: Collection[str],
    general_tuned: Collection[str],
    question_keys: Collection[str],
) -> Iterable[tuple[dict[str, str], bool]]:
    """Yield the settings with which one optimizer imitates another, and whether it then equals the other.

    Args:
        special: The arguments of the special case.
        general: The arguments of the general optimizer.
        special_tuned: The keys that are tuned for the special case.
        general_tuned: The keys that are tuned for the general optimizer.
        question_keys: The keys of the question.
    """

    def has_same_argument(name: str, general_name: str) -> bool:
        if f"optimizer.{general_name}" in general_tuned:
            return True
        return f"optimizer.{name}" not in special_tuned and special.get(name) == general.get(general_name)

    if not all(has_same_argument(name, name) for name in _BASE_ARGUMENTS):
        return
    limits = _find_equal_rate(special, general)
    if limits and set(limits) <= set(general_tuned):
        names = special.keys() | general.keys()
        if all(has_same_argument(name, name) for name in names if name != _RATE):
            yield limits, True
    if _remove_rate(special.get(_RATE)) != _remove_rate(general.get(_RATE)):
        return
    for relation in _RELATIONS:
        limits = {f"optimizer.{name}": setting for name, setting in relation.limits.items()}
        if (
            (special["type"], general["type"]) == (relation.special, relation.general)
            and any(_has_fixed_arguments(special, special_tuned, fixed) for fixed in relation.fixed)
            and all(has_same_argument(*names) for names in relation.shared.items())
            and ("weight_decay" in relation.limits or not (special.get("weight_decay") or general.get("weight_decay")))
            and not (special == general and set(special_tuned) == set(general_tuned))
            and _is_tuned(limits, general_tuned, question_keys, can_be_untuned=relation.can_be_untuned)
        ):
            yield limits, relation.is_exact


def _is_tuned(
    limits: Mapping[str, str], tuned: Collection[str], question_keys: Collection[str], *, can_be_untuned: bool
) -> bool:
    """Return whether the study tunes the keys, or the question is about a key above them, such as `optimizer`."""
    if set(limits) <= set(tuned):
        return True
    return can_be_untuned and all(any(key.startswith(f"{asked}.") for asked in question_keys) for key in limits)


def _has_fixed_arguments(arguments: Mapping[str, Any], tuned: Collection[str], fixed: Mapping[str, Any]) -> bool:
    """Return whether an optimizer has these arguments and the study does not tune them."""
    return all(arguments.get(name) == value and f"optimizer.{name}" not in tuned for name, value in fixed.items())


def _find_equal_rate(special: Mapping[str, Any], general: Mapping[str, Any]) -> dict[str, str]:
    """Return the setting with which the schedule of one optimizer is the rate of another; else empty.

    A warm-up of 0 steps is the rate after the warm-up. The other settings make a schedule a constant rate.
    """
    rate, schedule = special.get(_RATE), general.get(_RATE)
    if not isinstance(schedule, Mapping):
        return {}
    if schedule["type"] == "Warmup" and _remove_rate(rate) == _remove_rate(schedule[_RATE]):
        return {f"optimizer.{_RATE}.warmup_steps": "0"}
    name, setting = _CONSTANT_SCHEDULES.get(schedule["type"], ("", ""))
    return {f"optimizer.{_RATE}.{name}": setting} if name and not isinstance(rate, Mapping) else {}


def _remove_rate(rate: Any) -> Any:
    """Return a schedule without its initial rate, or without its rate after a warm-up; `None` for a constant rate."""
    if not isinstance(rate, Mapping):
        return None
    ignored = "initial_learning_rate"
    return {key: _remove_rate(value) if key == _RATE else value for key, value in rate.items() if key != ignored}
