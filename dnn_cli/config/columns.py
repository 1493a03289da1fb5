"""Typed columns of a table in a config: the values of `data.columns`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from dnn_cli.config.base import BareName, ByType, ConfigModel
from dnn_cli.formats.date_cells import find_format_error
from dnn_cli.formats.table_columns import ColumnOptions, MissingMethod


def _check_date_format(date_format: str) -> str:
    """Return a format of dates unchanged.

    Raises:
        PydanticCustomError: Python cannot read dates in this format.
    """
    if error := find_format_error(date_format):
        raise PydanticCustomError("date_format", "{error}: use parts such as %d/%m/%Y %H:%M", {"error": error})
    return date_format


class _TypedColumn(ConfigModel):
    """Input column of a table with the options of its type."""

    @property
    def options(self) -> ColumnOptions:
        """Options of the reader."""
        return ColumnOptions(**{name: getattr(self, name) for name in type(self).model_fields})


class NumberColumn(_TypedColumn):
    """Column of numbers."""

    type: Literal["number"] = "number"
    missing: MissingMethod = "median"
    """Replacement of missing cells: the median or mean of the training examples. A column with missing cells gets an
    input more, which is 1 for missing cells. With `error`, missing cells are errors."""


class BooleanColumn(_TypedColumn):
    """Column of yes and no, true and false, or 1 and 0: one input of 1 or 0."""

    type: Literal["boolean"] = "boolean"
    missing: MissingMethod = "median"
    """Replacement of missing cells: the median or mean of the training examples. A column with missing cells gets an
    input more, which is 1 for missing cells. With `error`, missing cells are errors."""


class CategoryColumn(_TypedColumn):
    """Column of texts or codes: one input for each category, which is 1 for examples of this category."""

    type: Literal["category"] = "category"
    min_frequency: Annotated[int, Field(ge=1, le=1_000_000)] = 2
    """Minimum number of training examples of a category with an input of its own. Other categories share one input."""

    max_categories: Annotated[int, Field(ge=2, le=10_000)] = 50
    """Maximum number of inputs, including the input for other categories. The most frequent categories have inputs."""


class DateColumn(_TypedColumn):
    """Column of dates: inputs for year, month, day of week, days since the first training date, and any hour."""

    type: Literal["date"] = "date"
    format: Annotated[str, Field(min_length=2, max_length=100), AfterValidator(_check_date_format)] | None = None
    """Format in Python's notation, such as `%d/%m/%Y`: by default ISO 8601, such as 2024-05-31."""

    missing: MissingMethod = "median"
    """Replacement of missing cells: the median or mean of the training examples. A column with missing cells gets an
    input more, which is 1 for missing cells. With `error`, missing cells are errors."""


Column = Annotated[NumberColumn | CategoryColumn | BooleanColumn | DateColumn, ByType, BareName]

COLUMNS_BY_TYPE: dict[str, type[ConfigModel]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "boolean": BooleanColumn,
    "date": DateColumn,
}
