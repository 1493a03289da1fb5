"""Mistakes that the page of a run lists: misclassified examples, and large errors of a regression."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MistakeRow:
    """A misclassified example, or an example of a regression with a large error."""

    index: int
    """Index of the example in the data."""

    true: str
    predicted: str
    measure: str
    """Probability of the predicted class, or the error of the predicted number."""


def format_digits(value: Any) -> str:
    """Format a number with five significant digits."""
    return f"{value:.5g}".replace("-", "−")
