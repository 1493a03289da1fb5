"""Dates as operations of TensorFlow: parsing of texts, and the inputs of a column of dates."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dnn_cli.errors import RunError
from dnn_cli.formats.table_encoding import ColumnEncoding

_ISO_PATTERN = (
    r"(\d{4})-(\d{2})-(\d{2})(?:[^0-9](\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?)?(Z|[+-]\d{2}:\d{2})?)?"
)
"""Pattern of dates in ISO 8601 with hyphens, and of an optional time with colons and an optional offset."""

_ISO_GROUPS = ("Y", "m", "d", "H", "M", "S", "f", "z")

_DIRECTIVES = {
    "Y": r"(\d{4})",
    "y": r"(\d{2})",
    "m": r"(1[0-2]|0[1-9]|[1-9])",
    "d": r"(3[01]|[12]\d|0[1-9]|[1-9])",
    "H": r"(2[0-3]|[01]\d|\d)",
    "I": r"(1[0-2]|0[1-9]|[1-9])",
    "M": r"([0-5]\d|\d)",
    "S": r"([0-5]\d|\d)",
    "f": r"(\d{1,6})",
    "p": r"([ap]m)",
    "b": r"([a-z]{3})",
    "B": r"([a-z]+)",
}
"""Patterns of the directives of `datetime.strptime` that are exported, as in CPython's module `_strptime`."""

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class _DatePattern:
    """Regular expression of a format of dates, with the directive of each group."""

    pattern: str
    groups: tuple[str, ...]

    def extract(self, texts: tf.Tensor, directive: str) -> tf.Tensor:
        """Extract the text of a directive; texts are empty if the format or the text lacks it."""
        if directive not in self.groups:
            return tf.fill(tf.shape(texts), "")
        group = self.groups.index(directive) + 1
        return tf.strings.regex_replace(texts, f"^{self.pattern}$", rf"\{group}")

    def extract_number(self, texts: tf.Tensor, directive: str, default: int = 0) -> tf.Tensor:
        """Extract the number of a directive as int64, with a default for empty texts."""
        digits = self.extract(texts, directive)
        return tf.strings.to_number(tf.where(tf.equal(digits, ""), str(default), digits), tf.int64)


def build_date_pattern(column: str, date_format: str | None) -> _DatePattern:
    """Build the pattern of a format of dates; `None` is ISO 8601.

    Raises:
        RunError: the format has a directive that cannot be exported.
    """
    if date_format is None:
        return _DatePattern(_ISO_PATTERN, _ISO_GROUPS)
    pattern, groups = "(?i)", []
    for part in re.findall(r"%.|\s+|[^%\s]+", date_format, re.DOTALL):
        directive = part[1:]
        if part[0] != "%":
            pattern += r"\s+" if part.isspace() else re.escape(part)
        elif directive == "%":
            pattern += "%"
        elif directive in _DIRECTIVES and directive not in groups:
            pattern += _DIRECTIVES[directive]
            groups.append(directive)
        else:
            raise RunError(
                f"column {column}: dates in the format {date_format} cannot be read by a SavedModel",
                "use --format keras, onnx or litert, which take encoded inputs",
            )
    return _DatePattern(pattern, tuple(groups))


def parse_dates(texts: tf.Tensor, pattern: _DatePattern) -> tuple[tf.Tensor, tf.Tensor]:
    """Parse dates as `parse_date` in `dnn_cli.formats.date_cells` does.

    Args:
        texts: The texts, of shape (n,), without spaces at their ends.
        pattern: The pattern of their format.

    Returns:
        The days since 1970-01-01 UTC, float64 of shape (n,), and whether each text is a date. Other texts have any
        number of days.
    """
    is_date = tf.strings.regex_full_match(texts, pattern.pattern)
    texts = tf.where(is_date, texts, "")
    year = _extract_year(texts, pattern)
    month, is_month = _extract_month(texts, pattern)
    day = pattern.extract_number(texts, "d", 1)
    days = _count_days(year, month, day)
    # The 30th of February is another date after the count.
    is_date &= is_month & tf.reduce_all(tf.stack(_split_days(days)) == tf.stack([year, month, day]), axis=0)
    hour, is_hour = _extract_hour(texts, pattern)
    minute, second = (pattern.extract_number(texts, directive) for directive in "MS")
    is_date &= is_hour & (minute < 60) & (second < 60)
    digits = pattern.extract(texts, "f")
    micros = tf.strings.to_number(tf.strings.substr(tf.strings.join([digits, "000000"]), 0, 6), tf.int64)
    seconds = days * _SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - _extract_offset(texts, pattern)
    total = tf.cast(seconds * 1_000_000 + micros, tf.float64) / 1e6
    return total / _SECONDS_PER_DAY, is_date


def _extract_year(texts: tf.Tensor, pattern: _DatePattern) -> tf.Tensor:
    """Extract the year. A year of two digits is between 1969 and 2068, as in POSIX, and a missing year is 1900."""
    if "y" not in pattern.groups:
        return pattern.extract_number(texts, "Y", 1900)
    short = pattern.extract_number(texts, "y")
    return short + tf.where(short < 69, tf.constant(2000, tf.int64), tf.constant(1900, tf.int64))


def _extract_month(texts: tf.Tensor, pattern: _DatePattern) -> tuple[tf.Tensor, tf.Tensor]:
    """Extract the month, a number or an English name, and whether it is a month."""
    directive = next((name for name in "bB" if name in pattern.groups), None)
    if directive is None:
        month = pattern.extract_number(texts, "m", 1)
        return month, (month >= 1) & (month <= 12)
    names = [name[:3] if directive == "b" else name for name in _MONTHS]
    is_equal = tf.equal(tf.strings.lower(pattern.extract(texts, directive))[:, None], tf.constant(names)[None])
    return tf.argmax(tf.cast(is_equal, tf.int8), axis=1) + 1, tf.reduce_any(is_equal, axis=1)


def _extract_hour(texts: tf.Tensor, pattern: _DatePattern) -> tuple[tf.Tensor, tf.Tensor]:
    """Extract the hour of 24 hours, and whether it is below 24."""
    if "I" not in pattern.groups:
        hour = pattern.extract_number(texts, "H")
        return hour, hour < 24
    hour = pattern.extract_number(texts, "I", 12) % 12
    is_afternoon = tf.equal(tf.strings.lower(pattern.extract(texts, "p")), "pm")
    return hour + 12 * tf.cast(is_afternoon, tf.int64), tf.ones_like(is_afternoon)


def _extract_offset(texts: tf.Tensor, pattern: _DatePattern) -> tf.Tensor:
    """Extract the offset of a time from UTC, in seconds as int64."""
    offset = pattern.extract(texts, "z")
    has_offset = tf.strings.length(offset) == 6
    offset = tf.where(has_offset, offset, "+00:00")
    hours, minutes = (tf.strings.to_number(tf.strings.substr(offset, at, 2), tf.int64) for at in (1, 4))
    sign = tf.where(tf.equal(tf.strings.substr(offset, 0, 1), "-"), tf.constant(-1, tf.int64), tf.constant(1, tf.int64))
    return sign * (hours * 3600 + minutes * 60)


def _count_days(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Count the days since 1970-01-01 of a date in the Gregorian calendar, as int64.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    """
    year -= tf.cast(month <= 2, tf.int64)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def _split_days(days: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Split days since 1970-01-01 into year, month and day, as int64.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    """
    shifted = days + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = (shifted_month + 2) % 12 + 1
    return year_of_era + era * 400 + tf.cast(month <= 2, tf.int64), month, day


def encode_days(days: tf.Tensor, encoding: ColumnEncoding) -> tf.Tensor:
    """Encode days since 1970-01-01 as `ColumnEncoding.encode` does, float32 of shape (n, parts of a date).

    Args:
        days: The days, float64 of shape (n,).
        encoding: The encoding of the column.
    """
    floors = tf.floor(days)
    numbers = tf.cast(floors, tf.int64)
    year, month, _ = _split_days(numbers)
    parts: list[Any] = [tf.cast(part, tf.float64) for part in (year, month, (numbers + 3) % 7)]
    parts.append(days - np.float64(encoding.first_day))
    if encoding.column.has_time:
        parts.append((days - floors) * 24)
    return tf.cast(tf.stack(parts, axis=1), tf.float32)
