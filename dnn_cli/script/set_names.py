"""Names of the arrays in a script: `X_train`, `y_train` and those of the other sets, as textbooks write them."""

from dataclasses import dataclass
from typing import NamedTuple

from dnn_cli.config.data import Data


@dataclass(frozen=True)
class SetNames:
    """Names of the inputs, the targets and the weights of one set of examples."""

    suffix: str
    """End of the names: `_train`, `_valid`, `_test`; empty for all examples of a file."""

    @property
    def inputs(self) -> str:
        return f"X{self.suffix}"

    @property
    def targets(self) -> str:
        return f"y{self.suffix}"

    @property
    def weights(self) -> str:
        return f"w{self.suffix}"


TRAIN, VALIDATION, TEST = SetNames("_train"), SetNames("_valid"), SetNames("_test")
ALL, ALL_BUT_TEST = SetNames(""), SetNames("_train_full")


@dataclass(frozen=True)
class SplitPlan:
    """Steps that divide the loaded examples into training, validation and test set."""

    splits_test: bool
    """Whether a test set is split off."""

    splits_validation: bool
    """Whether a validation set is split off, at random or as a fold."""

    has_own_validation: bool
    """Whether the validation set is loaded separately."""

    has_own_test: bool
    """Whether the test set is loaded separately."""

    uses_indices: bool
    """Whether the split divides indices instead of arrays.

    The standardization of the run uses the training examples in an order that only their indices determine."""

    @property
    def loaded(self) -> SetNames:
        """Names of the examples that are loaded and then split."""
        if self.uses_indices and (self.splits_test or self.splits_validation):
            return ALL
        if not self.splits_test and not self.splits_validation:
            return TRAIN
        return ALL_BUT_TEST if self.has_own_test else ALL

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation set."""
        return self.splits_validation or self.has_own_validation

    @property
    def has_test(self) -> bool:
        """Whether there is a test set."""
        return self.splits_test or self.has_own_test

    @property
    def loaded_sets(self) -> list[SetNames]:
        """Names of all sets before the split."""
        own = [(self.has_own_validation, VALIDATION), (self.has_own_test, TEST)]
        return [self.loaded, *(names for exists, names in own if exists)]

    @property
    def final_sets(self) -> list[SetNames]:
        """Names of all sets after the split."""
        others = [(self.has_validation, VALIDATION), (self.has_test, TEST)]
        return [TRAIN, *(names for exists, names in others if exists)]


def list_array_names(names: SetNames, data: Data) -> list[str]:
    """Return the names of the inputs, the targets and, with weighted examples, the weights of a set."""
    return [names.inputs, names.targets, *([names.weights] if data.weight else [])]


def plan_split(data: Data) -> SplitPlan:
    """Return the steps that split the examples of an experiment."""
    has_own_validation = data.info.validation_examples > 0
    return SplitPlan(
        splits_test=data.split_off_test_examples > 0,
        splits_validation=not has_own_validation and (data.folds is not None or data.validation_size > 0),
        has_own_validation=has_own_validation,
        has_own_test=data.info.test_examples > 0,
        uses_indices=data.standardize or data.folds is not None or data.reporting_half,
    )


class LoadingCode(NamedTuple):
    """Code that loads the examples into arrays."""

    blocks: tuple[str, ...]
    """Blocks of code. A definition of a function is a block of its own."""

    imports: tuple[str, ...]
