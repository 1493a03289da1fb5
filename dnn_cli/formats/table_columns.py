"""Typed columns of a table: their options in a config, and their descriptions after a file is read."""

from dataclasses import dataclass
from typing import Literal

_ColumnType = Literal["number", "category", "boolean", "date"]
MissingMethod = Literal["median", "mean", "error"]

MISSING_CELLS = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>", "#N/A", "#NA")
"""Texts that programs write for a missing value, as in pandas. Spaces around them are ignored."""

MAX_MISSING_TEXT = 100
"""Maximum number of characters of a text that marks missing cells."""

DAYS_PART = "days since first"
"""Input of a column of dates that counts days."""

_DATE_PARTS = ("year", "month", "day of week", DAYS_PART)
"""Inputs of a column of dates. Monday is day 0 of a week. The first date is the earliest of the training examples."""

_OTHER_CATEGORIES = "other"
"""Name of the input for rare and unknown categories, unless a category of the table has this name."""


@dataclass(frozen=True)
class ColumnOptions:
    """Options of a column: the values of one key of `data.columns`."""

    type: _ColumnType
    missing: MissingMethod = "median"
    """Replacement of missing numbers, computed from the training examples; `error` refuses missing cells.

    A missing category is a category of its own."""

    min_frequency: int = 2
    """Minimum number of training examples of a category with an input of its own."""

    max_categories: int = 50
    """Maximum number of inputs of a column of categories, including the input for other categories."""

    format: str | None = None
    """Format of dates as in `datetime.strptime`; `None` for dates in ISO 8601, such as 2024-05-31."""


PLAIN_NUMBER = ColumnOptions("number", missing="error")
"""Options of a column that `data.columns` does not name."""


@dataclass(frozen=True)
class TableColumn:
    """Description of a typed column, which determines the number of inputs that the column makes."""

    name: str
    type: _ColumnType
    missing: MissingMethod = "median"
    min_frequency: int = 2
    max_categories: int = 50
    format: str | None = None
    has_missing: bool = False
    """Whether cells of the training file are missing. A column of numbers or dates then has an indicator input."""

    has_time: bool = False
    """Whether dates have a time of day. The column then has an input for the hour."""

    frequent_categories: int = 0
    """Number of categories with at least `min_frequency` cells in the training file."""

    @property
    def has_indicator(self) -> bool:
        """Whether the column has an input that is 1 for missing cells and else 0."""
        return self.has_missing and self.type != "category"

    @property
    def category_inputs(self) -> int:
        """Number of inputs of a column of categories, including the input for other categories."""
        return min(self.frequent_categories + 1, self.max_categories)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the inputs of a date."""
        return (*_DATE_PARTS, *(("hour",) if self.has_time else ()))

    @property
    def inputs(self) -> int:
        """Number of inputs that the column makes. The number is the same for all splits of the file."""
        if self.type == "category":
            return self.category_inputs
        return (len(self.parts) if self.type == "date" else 1) + self.has_indicator

    def list_input_names(self, categories: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """List the names of the inputs that the column makes.

        Args:
            categories: The names of categories with an input of their own. Without them, and for further inputs, the
                inputs of categories are numbered.
        """
        if self.type == "category":
            names = list(categories or ())
            names += [str(number) for number in range(len(names) + 1, self.category_inputs)]
            other = _OTHER_CATEGORIES if _OTHER_CATEGORIES not in names else f"({_OTHER_CATEGORIES})"
            return tuple(f"{self.name}={name}" for name in (*names, other))
        values = tuple(f"{self.name} {part}" for part in self.parts) if self.type == "date" else (self.name,)
        return (*values, f"{self.name} missing") if self.has_indicator else values
