"""Dates in a TensorFlow graph, compared with the reader of tables."""

import re
from datetime import datetime

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.errors import RunError
from dnn_cli.export.date_operations import build_date_pattern, encode_days, parse_dates
from dnn_cli.formats.date_cells import parse_date
from dnn_cli.formats.table_columns import TableColumn
from dnn_cli.formats.table_encoding import ColumnEncoding

FORMATS = ["%d/%m/%Y", "%m/%d/%y %I:%M %p", "%d %b %Y", "%B %d, %Y %H:%M:%S", "%Y.%m.%d", "%d-%b-%y", "%Y%m%d", None]


def parse(texts, date_format):
    """Return the days of texts in a graph, with NaN for other texts."""
    days, is_date = parse_dates(tf.constant(texts), build_date_pattern("when", date_format))
    return np.where(is_date, days, np.nan)


def expect(texts, date_format):
    """Return the days of texts as the reader of tables parses them."""
    days = [parse_date(text, date_format) for text in texts]
    return np.array([np.nan if day is None else day for day in days])


@pytest.mark.parametrize("date_format", FORMATS)
def test_dates_have_the_days_of_the_reader(date_format):
    rng = np.random.default_rng(0)
    moments = [datetime.fromordinal(int(day)) for day in rng.integers(366_000, 3_652_000, 100)]
    moments = [moment.replace(hour=at % 24, minute=at % 60, second=at % 59) for at, moment in enumerate(moments)]
    texts = [moment.isoformat(" ") if date_format is None else moment.strftime(date_format) for moment in moments]
    np.testing.assert_array_equal(parse(texts, date_format), expect(texts, date_format))


@pytest.mark.parametrize(
    ("date_format", "texts"),
    [
        (
            None,
            ["2024-02-29", "2023-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "2024-01-00", "20240101", "", "x"],
        ),
        (None, ["2024-01-01T10:20", "2024-01-01 24:00", "2024-01-01 10:60", "2024-01-01 10:20:30.5", "0001-01-01"]),
        (None, ["2024-01-01T00:30Z", "2024-01-01 00:30+02:00", "2024-01-01 23:30:00-05:30", "2024-01-01T10"]),
        ("%d/%m/%Y", ["1/2/2024", "01/02/2024", "31/02/2024", "32/01/2024", "1/2/24", "1/2/2024x", "29/2/2023"]),
        ("%d %b %Y", ["3 jan 2024", "3 JAN 2024", "3  Feb   2024", "3 Foo 2024", "3 January 2024"]),
        ("%I:%M %p", ["12:00 AM", "12:00 pm", "1:05 PM", "13:00 PM"]),
        ("%y", ["68", "69", "00"]),
        ("%d.%m.%Y", ["01.02.2024", "01x02x2024"]),
    ],
)
def test_invalid_and_unusual_dates_are_those_of_the_reader(date_format, texts):
    np.testing.assert_array_equal(parse(texts, date_format), expect(texts, date_format))


@settings(deadline=None, max_examples=10)
@given(st.lists(st.datetimes() | st.datetimes(timezones=st.timezones()), min_size=1, max_size=6))
def test_any_date_has_the_days_of_the_reader(moments):
    texts = ["2024-05-31", *(moment.isoformat() for moment in moments)]
    # Offsets with seconds are those of local mean times.
    texts = [text for text in texts if not re.search(r"[+-]\d\d:\d\d:\d\d", text)]
    # Microseconds of distant years are rounded.
    np.testing.assert_allclose(parse(texts, None), expect(texts, None), rtol=1e-15, atol=1e-10)


@pytest.mark.parametrize("date_format", ["%j %Y", "%d/%m/%Y %z", "%d %d"])
def test_format_without_a_pattern_is_refused(date_format):
    with pytest.raises(RunError, match=f"column when: dates in the format {date_format}") as caught:
        build_date_pattern("when", date_format)
    assert caught.value.suggestion == "use --format keras, onnx or litert, which take encoded inputs"


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.integers(-700_000, 2_900_000) | st.floats(-700_000, 2_900_000, allow_subnormal=False), min_size=1),
    st.booleans(),
)
def test_days_are_encoded_as_in_the_training(days, has_time):
    days = np.array(days, np.float64)
    encoding = ColumnEncoding(TableColumn("when", "date", has_time=has_time), first_day=19_000.5)
    # TensorFlow reads numbers below the smallest normal float as 0.
    np.testing.assert_allclose(encode_days(tf.constant(days), encoding), encoding.encode(days, ()), rtol=0, atol=1e-37)
