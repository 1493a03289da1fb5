"""Halves of the validation set of a study: their sizes and their digest, which are equal for all values."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from dnn_cli.config.data import Data
from dnn_cli.config.sweeps import Sweep
from dnn_cli.errors import UsageError, UserDataError
from dnn_cli.execution.sweep_plan import SweepPlanner
from dnn_cli.study.plan import Halves, Value

HALVES_KEY = "data.reporting_half"
"""Key that divides the validation set. A study sets it."""


def find_halves(sweep: Sweep, values: Sequence[Value]) -> tuple[Halves, ...]:
    """Return the halves of the validation set, one entry for each fold of a cross-validation.

    Raises:
        UsageError: the values have different halves, so that their scores cannot be compared.
        DataError: the data cannot be read.
    """
    planner = SweepPlanner(replace(sweep, seeds=()))
    first: tuple[Halves, ...] | None = None
    cache: dict[str, tuple[Halves, ...]] = {}
    for value in values:
        folds = [planned.loaded.experiment.data for planned in planner.plan_seeds(0, value.settings)]
        key = json.dumps([data.model_dump(mode="json") for data in folds])
        if key not in cache:
            cache[key] = tuple(_split_in_halves(data) for data in folds)
        first = first or cache[key]
        if cache[key] != first:
            raise UsageError(
                f"{values[0].label} and {value.label} have different validation examples, so that their scores cannot "
                "be compared",
                "use the same data.validation_size and data.split_seed for all values",
            )
    return first or ()


def _split_in_halves(data: Data) -> Halves:
    """Return the sizes of the halves of the validation set, and a digest of the indices of their examples.

    Raises:
        DataError: the data cannot be read.
    """
    from dnn_cli.data.examples import load_targets, split_examples

    try:
        split = split_examples(data, load_targets(data))
    except UserDataError as error:
        # A study cannot do without the reporting half.
        suggestion = error.suggestion.removesuffix(f", or set {HALVES_KEY}=false")
        raise UserDataError(error.message, suggestion, error.key) from None
    content = b"|".join(part.tobytes() for part in (split.validation, split.reporting))
    return Halves(
        tuning=len(split.validation),
        reporting=len(split.reporting),
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
