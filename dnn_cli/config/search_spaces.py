"""Search spaces of studies: the keys that a study tunes for an experiment, each with its range.

The default space depends on the optimizer and on the number of trials:

- The learning rate is always tuned, over four decades around the default of the optimizer.
- With 10 trials, momentum or beta_1 is tuned by its distance from 1, as in AlgoPerf's search spaces (Dahl et al. 2023,
  arXiv 2306.07179). Choi et al. 2019 (arXiv 1910.05446) show that the order of optimizers depends on such keys.
- With 25 trials, epsilon is tuned, too.

The numbers of trials are those of Google's tuning playbook (github.com/google-research/tuning_playbook).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.error_messages import to_located_issues
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.keys import flatten_config
from dnn_cli.config.overrides import apply_overrides, expand_key, partition_override
from dnn_cli.config.schedules import RATE_KEY, BaseSchedule, LearningRate, split_off_warm_up
from dnn_cli.config.sweep_values import ValueChoice, ValueRange, ValuesError, parse_values, suggest_values
from dnn_cli.config.yaml_reader import Document
from dnn_cli.errors import ConfigError, SourceLocation, UsageError, suggest_nearest_name

_RATE_FACTOR = 100.0
"""Factor between the middle and each end of the range of learning rates: the range has four decades."""

_MIN_TRIALS_FOR_MOMENTUM, _MIN_TRIALS_FOR_EPSILON = 10, 25

_MOMENTUM_RANGE = ValueRange("1-log", 0.001, 0.5)
"""Range of momentum and beta_1: from 0.5 to 0.999, with every order of magnitude of 1 − momentum equally likely."""

_EPSILON_RANGE = ValueRange("log", 1e-10, 1e-2)
"""Range of epsilon. Choi et al. 2019 tune epsilon over several orders of magnitude above its usual default."""

_EQUAL_KEYS = ("seed", "epochs", "data", "name")
"""Keys that are equal for all settings of a study, because they determine its data, its budget or its seeds."""

_EXAMPLE = "for example --tune 'learning_rate=log(1e-4, 1e-1)'"


@dataclass(frozen=True)
class TunedKey:
    """Key that a study tunes, with the range from which its values are drawn."""

    key: str
    values: ValueRange

    def __str__(self) -> str:
        return f"{self.key}={self.values}"


SearchSpace = tuple[TunedKey, ...]
"""Keys that a study tunes for one experiment, in the order of the coordinates of a unit point."""


def build_search_space(experiment: Experiment, trials: int, fixed_keys: Collection[str] = ()) -> SearchSpace:
    """Return the keys that a study tunes by default, with the learning rate first.

    Args:
        experiment: The experiment with one value of the question.
        trials: The number of trials for each value of the question.
        fixed_keys: Full keys that are not tuned, because the question varies them.

    Raises:
        UsageError: the experiment has no key to tune, such as a single learning rate.
    """
    optimizer = experiment.optimizer
    center = optimizer.search_center or float(type(optimizer).model_fields["learning_rate"].get_default())
    rate_range = ValueRange("log", _round_short(center / _RATE_FACTOR), _round_short(center * _RATE_FACTOR))
    space = [TunedKey(_find_rate_key(optimizer.learning_rate), rate_range)]
    if trials >= _MIN_TRIALS_FOR_MOMENTUM and (momentum_key := _find_momentum_key(optimizer)):
        space.append(TunedKey(momentum_key, _MOMENTUM_RANGE))
    if trials >= _MIN_TRIALS_FOR_EPSILON and "epsilon" in type(optimizer).model_fields:
        space.append(TunedKey("optimizer.epsilon", _EPSILON_RANGE))
    space = [tuned for tuned in space if tuned.key not in fixed_keys]
    if not space:
        raise UsageError(f"the question varies {RATE_KEY}, and no other key is tuned by default", _suggest_tune())
    return tuple(space)


def _round_short(number: float) -> float:
    """Return a number without the digits that a product of binary fractions adds: 0.1 for 0.10000000000000002."""
    return float(f"{number:.12g}")


def _find_rate_key(rate: LearningRate) -> str:
    """Return the full key of the learning rate that a study tunes: of a fixed rate, or within a schedule.

    Raises:
        UsageError: the schedule has several separate rates.
    """
    if not isinstance(rate, BaseSchedule):
        return RATE_KEY
    if rate.tuned_rate_key is None:
        kind = type(split_off_warm_up(rate).rate).__name__
        raise UsageError(f"{kind} has several learning rates, and a study tunes a single rate", _suggest_tune())
    return f"{RATE_KEY}.{rate.tuned_rate_key}"


def _find_momentum_key(optimizer: KerasConfig) -> str | None:
    """Return the full key of an optimizer's momentum: `momentum` above 0, or `beta_1`; `None` without either.

    Plain SGD stays plain: it differs from SGD with momentum by this key alone.
    """
    if getattr(optimizer, "momentum", 0.0) > 0:
        return "optimizer.momentum"
    return "optimizer.beta_1" if "beta_1" in type(optimizer).model_fields else None


def _suggest_tune() -> str:
    """Return a suggestion to name a key that every experiment has."""
    return "name a key to tune, for example --tune 'optimizer.weight_decay=log(1e-6, 1e-2)'"


def parse_tuned_keys(texts: Sequence[str]) -> SearchSpace:
    """Return the search space of the values of `--tune`, such as `optimizer.weight_decay=log(1e-6, 1e-2)`.

    Raises:
        UsageError: a text is not a key with a range, or two texts have the same key.
    """
    space: dict[str, TunedKey] = {}
    for text in texts:
        tuned = parse_tuned_key(text)
        if tuned.key in space:
            raise UsageError(f"--tune {text}: {tuned.key} is set twice", "write --tune once for each key")
        space[tuned.key] = tuned
    return tuple(space.values())


def parse_tuned_key(text: str) -> TunedKey:
    """Return the key and the range of a value of `--tune`.

    Raises:
        UsageError: the text is not a key with a range, or a study cannot tune the key.
    """
    short_key, equals, values_text = partition_override(text)
    key = expand_key(short_key)
    if not equals or not key:
        raise UsageError(f"--tune {text}: is not KEY=RANGE", _EXAMPLE)
    if key.partition(".")[0] in _EQUAL_KEYS:
        raise UsageError(f"--tune {text}: {key} is equal for all settings of a study", "tune another key")
    try:
        values = parse_values(values_text)
        if isinstance(values, ValueChoice) and (rewritten := suggest_values(key, values_text, alone=True)):
            values = parse_values(rewritten)
            if isinstance(values, ValueRange):
                raise UsageError(f"--tune {text}: is not a range", f"write --tune '{key}={values}'")
    except ValuesError as error:
        raise UsageError(f"--tune {text}: {error}", _EXAMPLE) from None
    if isinstance(values, ValueChoice):
        if len(values.texts) == 1 and (ends := _split_dotted_range(values.texts[0])):
            raise UsageError(f"--tune {text}: A..B is a list of whole numbers", _suggest_range(key, ends))
        message = "is one value" if len(values.texts) == 1 else "is a list of values"
        raise UsageError(f"--tune {text}: {message}, and a study draws from a range", _suggest_range(key, values.texts))
    return TunedKey(key, values)


def _split_dotted_range(text: str) -> list[str]:
    """Return the two numbers of a text such as `0.1..0.9`; an empty list for other texts."""
    ends = text.split("..")
    try:
        return ends if len([float(end) for end in ends]) == 2 else []
    except ValueError:
        return []


def _suggest_range(key: str, texts: Sequence[str]) -> str:
    """Return a suggestion of a range that contains listed values, or of a question with values that are not numbers."""
    try:
        numbers = sorted({float(text) for text in texts})
    except ValueError:
        if len(texts) > 1:
            return f"compare the values as the question of a study: '{key}={','.join(texts)}'"
        return _EXAMPLE
    values = _build_range(numbers)
    return f"write --tune '{key}={values}'" if values else _EXAMPLE


def _build_range(numbers: Sequence[float]) -> ValueRange | None:
    """Return a range that contains several numbers, or surrounds a single number; `None` for unusual numbers.

    `numbers` are in increasing order.
    """
    low, high = numbers[0], numbers[-1]
    if low == 0 < high < 1e12:
        return ValueRange("uniform", low, high)
    if not 0 < low <= high < 1e12:
        return None
    if all(number.is_integer() for number in numbers):
        return ValueRange("int", int(low), int(high)) if low < high else ValueRange("int", 1, int(4 * high))
    if low >= 0.5 and high < 1:
        return ValueRange("1-log", _round_short(min(1 - high, 0.01)), 0.5)
    if low == high:
        return ValueRange("log", _round_short(low / 10), _round_short(high * 10))
    return ValueRange("log" if high >= 10 * low else "uniform", low, high)


def select_search_spaces(space: SearchSpace, experiments: Mapping[str, Experiment]) -> dict[str, SearchSpace]:
    """Return the search space of each value of the question: the tuned keys that its experiment has.

    Args:
        space: The keys of `--tune`.
        experiments: The experiment of each value of the question, by value.

    Raises:
        ConfigError: an experiment refuses an end of a range.
        UsageError: no experiment has one of the keys, or an experiment has none of them.
    """
    spaces = {
        value: tuple(tuned for tuned in space if _has_key(experiment, tuned))
        for value, experiment in experiments.items()
    }
    for tuned in space:
        if not any(tuned in selected for selected in spaces.values()):
            keys = {key for experiment in experiments.values() for key in _list_keys(experiment)}
            raise UsageError(
                f"--tune {tuned}: no value of the question has the key {tuned.key}",
                _suggest_full_key(tuned, keys) or suggest_nearest_name(tuned.key, keys) or _EXAMPLE,
            )
    for value, selected in spaces.items():
        if not selected:
            raise UsageError(
                f"{value} has none of the tuned keys: {', '.join(tuned.key for tuned in space)}", _suggest_tune()
            )
    return spaces


def _suggest_full_key(tuned: TunedKey, keys: Collection[str]) -> str:
    """Return a suggestion of the full keys that end with a short key, such as `beta_1`; empty without such a key."""
    full_keys = sorted(key for key in keys if key.endswith(f".{tuned.key}"))
    return f"write --tune '{full_keys[0]}={tuned.values}'" if full_keys else ""


def _has_key(experiment: Experiment, tuned: TunedKey) -> bool:
    """Return whether an experiment has a tuned key.

    Raises:
        ConfigError: the experiment has the key, but refuses an end of the range.
    """
    return all(_check_override(experiment, f"{tuned.key}={text}") for text in tuned.values.end_values)


def accepts_value(experiment: Experiment, key: str, text: str) -> bool:
    """Return whether an experiment has a key and accepts a value for the key, such as a rate of at most 1000."""
    try:
        return _check_override(experiment, f"{key}={text}")
    except ConfigError:
        return False


def _check_override(experiment: Experiment, override: str) -> bool:
    """Check the value of an override; return whether the experiment has its key.

    Raises:
        ConfigError: the experiment has the key, but refuses the value.
    """
    document = Document(experiment.model_dump(mode="json"), {(): SourceLocation(experiment.name)})
    try:
        changed = apply_overrides(document, [override])
    except ConfigError:
        return False
    try:
        Experiment.model_validate(changed.value)
    except ValidationError as error:
        if any(detail["type"] == "extra_forbidden" for detail in error.errors(include_url=False)):
            return False
        raise ConfigError(to_located_issues(error, changed)) from None
    return True


def _list_keys(experiment: Experiment) -> list[str]:
    """Return the full keys of an experiment, with all arguments of its optimizer."""
    arguments = [f"optimizer.{name}" for name in type(experiment.optimizer).model_fields if name != "type"]
    return [*flatten_config(experiment.model_dump(mode="json")), *arguments]
