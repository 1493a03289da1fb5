"""Dates in the cells of a table: parsing, and detection of their format."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta, timezone

ISO_FORMAT = "ISO 8601"
"""Name of the default format in messages."""

_EPOCH = datetime(1970, 1, 1)
_SECONDS_PER_DAY = 86_400

_DAY_FORMATS = (
    "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y",
    "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%B %d, %Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y",
)  # fmt: skip
"""Formats of days that are tried after ISO 8601, in this order. For an ambiguous column, the first one is chosen."""

_TIME_FORMATS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def parse_date(cell: str, date_format: str | None = None) -> float | None:
    """Parse a date, with or without a time of day. Return the days since 1970-01-01 UTC, or `None` for other cells.

    Args:
        cell: The text of the cell.
        date_format: The format as in `datetime.strptime`; `None` for ISO 8601.
    """
    text = cell.strip()
    try:
        if date_format is not None:
            moment = datetime.strptime(text, date_format)
        else:
            # A plain number such as 20240531 is a date in ISO 8601, and can as well be another number.
            if text.isdigit():
                return None
            moment = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        return (moment - _EPOCH).total_seconds() / _SECONDS_PER_DAY
    except (ValueError, OverflowError):
        return None


def find_format_error(date_format: str) -> str:
    """Return what is wrong with a format of dates, such as `%Q is not a part of a date`; empty for a valid format."""
    try:
        datetime.strptime("", date_format)
    except re.error:
        return "has a part of a date twice"
    except ValueError as error:
        if match := re.match(r"'(.*)' is a bad directive", str(error), re.DOTALL):
            return f"%{match[1]} is not a part of a date"
        if str(error).startswith("stray %"):
            return "ends with a single %"
    return "" if re.search("%[A-Za-z]", date_format) else "has no part of a date"


def format_date(days: float, *, with_time: bool = False) -> str:
    """Format days since 1970-01-01 as a date in ISO 8601, to the nearest second if the time of day is included."""
    moment = _EPOCH + timedelta(seconds=round(days * _SECONDS_PER_DAY))
    return moment.isoformat(" ") if with_time else moment.date().isoformat()


def find_date_formats(cells: Collection[str]) -> list[str | None]:
    """Find the formats in which all cells are dates; `None` in the list is ISO 8601. The list is empty for other cells.

    Several formats are possible if no day is above 12, as in 05/06/2024.
    """
    first = next(iter(cells), None)
    if first is None or not any(character.isdigit() for character in first):
        return []
    candidates: list[str | None] = [None, *(f"{day}{time}" for day in _DAY_FORMATS for time in _TIME_FORMATS)]
    candidates = [candidate for candidate in candidates if parse_date(first, candidate) is not None]
    return [candidate for candidate in candidates if all(parse_date(cell, candidate) is not None for cell in cells)]
