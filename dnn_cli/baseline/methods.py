"""Methods of baselines: constant prediction, linear model and gradient boosting of scikit-learn, and their limits.

Every method is deterministic: its seed is fixed, so that equal examples give equal predictions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dnn_cli.errors import UsageError, suggest_nearest_name

_MAX_LINEAR_STEPS = 1000
"""Largest number of steps of the solver of a linear classifier. Most tables need fewer than 100."""

_MIN_LINEAR_STEPS = 30
"""Smallest number of steps of the solver. If the limit allows fewer, the number of examples is reduced instead."""

_BOOSTING_ROUNDS = 100
"""Number of rounds of boosting, scikit-learn's default. A round adds a tree for each class."""

_MIN_BOOSTING_ROUNDS = 30
"""Smallest number of rounds. If the limit allows fewer, the number of examples is reduced instead."""

_MAX_VALUES = 100_000_000
"""Largest number of input values of the training examples: 400 MB in float32, and 800 MB within boosting."""

_MIN_EXAMPLES = 1000
"""Smallest number of examples to which a limit reduces the training examples."""

_MAX_LINEAR_WORK = 20e9
"""Limit of the work of a linear model, in multiplications: about 15 s on two cores."""

_MAX_BOOSTING_WORK = 6e9
"""Limit of the work of boosting, in additions to histograms: about 15 s on two cores."""

_EXAMPLES_PER_TREE = 8000
"""Number of examples whose addition to histograms takes as long as the search for the splits of a tree."""

_SEED = 0
"""Seed of boosting, which draws examples to choose the borders of bins if there are more than 200,000."""


@dataclass(frozen=True)
class Effort:
    """Number of training examples that a method uses, and largest number of its steps."""

    examples: int
    steps: int | None = None
    """Steps of a solver or rounds of boosting; `None` for a method without steps."""


@dataclass(frozen=True)
class Method:
    """Method of a baseline."""

    name: str
    title: str
    """Name in sentences, such as `gradient boosting`."""

    choose_effort: Callable[[int, int, int, bool], Effort]
    """Function that takes the numbers of training examples, input values and outputs, and whether targets are classes.

    Two classes count as one output. The result depends on these numbers alone, so that a baseline is the same on every
    machine."""

    build_estimator: Callable[[Effort, bool], Any]
    """Function that builds the estimator of scikit-learn. Its second argument says whether targets are classes."""

    is_constant: bool = False
    """Whether predictions ignore the inputs. Class weights are then ignored too: with balanced weights, no class is the
    most frequent one."""


def _use_all_examples(examples: int, inputs: int, outputs: int, is_classification: bool) -> Effort:
    """Return the effort of a constant prediction: all examples."""
    return Effort(examples)


def _build_constant(effort: Effort, is_classification: bool) -> Any:
    """Build the estimator that predicts class shares, and thus the most frequent class, or the mean."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier(strategy="prior") if is_classification else DummyRegressor()


def _choose_linear_effort(examples: int, inputs: int, outputs: int, is_classification: bool) -> Effort:
    """Return the effort of a linear model within `_MAX_LINEAR_WORK`.

    A step of the solver of a classifier multiplies every input value by a weight for each class. The direct solution
    of a regression multiplies every pair of input values, or every pair of examples if there are fewer examples.
    """
    if not is_classification:
        used = _limit_examples(examples, _MAX_VALUES / inputs)
        while used > _MIN_EXAMPLES and used * inputs * min(used, inputs) > _MAX_LINEAR_WORK:
            used = max(_MIN_EXAMPLES, int(used * 0.9))
        return Effort(used)
    limit = min(_MAX_LINEAR_WORK / (_MIN_LINEAR_STEPS * outputs), _MAX_VALUES)
    used = _limit_examples(examples, limit / inputs)
    return Effort(
        used, _limit_steps(_MAX_LINEAR_STEPS, _MIN_LINEAR_STEPS, _MAX_LINEAR_WORK / (used * inputs * outputs))
    )


def _build_linear(effort: Effort, is_classification: bool) -> Any:
    """Build the linear model with scikit-learn's penalty of squared weights, on standardized inputs."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(max_iter=effort.steps) if is_classification else Ridge()
    return make_pipeline(StandardScaler(), model)


def _choose_boosting_effort(examples: int, inputs: int, outputs: int, is_classification: bool) -> Effort:
    """Return the effort of boosting within `_MAX_BOOSTING_WORK`.

    Every tree adds every input value to a histogram, and searches the histograms for splits.
    """
    limit = _MAX_BOOSTING_WORK / (_MIN_BOOSTING_ROUNDS * inputs * outputs) - _EXAMPLES_PER_TREE
    used = _limit_examples(examples, min(limit, _MAX_VALUES / inputs))
    work = (used + _EXAMPLES_PER_TREE) * inputs * outputs
    return Effort(used, _limit_steps(_BOOSTING_ROUNDS, _MIN_BOOSTING_ROUNDS, _MAX_BOOSTING_WORK / work))


def _build_boosting(effort: Effort, is_classification: bool) -> Any:
    """Build gradient boosting with histograms. Several targets have a model each."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings = {"max_iter": effort.steps, "early_stopping": False, "random_state": _SEED}
    if is_classification:
        return HistGradientBoostingClassifier(**settings)
    from sklearn.multioutput import MultiOutputRegressor

    return MultiOutputRegressor(HistGradientBoostingRegressor(**settings))


def _limit_examples(examples: int, limit: float) -> int:
    """Return the number of examples, at most `limit` but not reduced below `_MIN_EXAMPLES`."""
    return min(examples, max(_MIN_EXAMPLES, int(limit)))


def _limit_steps(largest: int, smallest: int, limit: float) -> int:
    """Return the number of steps: at most `largest` and `limit`, but at least `smallest`."""
    return max(smallest, min(largest, int(limit)))


METHODS = {
    method.name: method
    for method in (
        Method("constant", "the constant prediction", _use_all_examples, _build_constant, is_constant=True),
        Method("linear", "the linear model", _choose_linear_effort, _build_linear),
        Method("boosting", "gradient boosting", _choose_boosting_effort, _build_boosting),
    )
}
"""Methods by name, from the simplest to the most complex."""


def resolve_methods(names: list[str] | None) -> list[Method]:
    """Return the methods with these names, in the order of `METHODS`; all methods without names.

    Raises:
        UsageError: a method does not exist.
    """
    for name in names or ():
        if name not in METHODS:
            raise UsageError(
                f"--only {name}: no baseline has this name",
                suggest_nearest_name(name, METHODS) or f"use one of {', '.join(METHODS)}",
            )
    return [method for name, method in METHODS.items() if not names or name in names]
