from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.formats.date_cells import find_date_formats, find_format_error, parse_date

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


@given(MOMENTS)
def test_iso_dates_become_days_since_1970(moment):
    days = (moment - datetime(1970, 1, 1)).total_seconds() / 86_400
    assert parse_date(f" {moment.isoformat()} ") == days
    assert parse_date(moment.strftime("%Y-%m-%d")) == days // 1


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        pytest.param("2024-05-31T12:00:00Z", "2024-05-31 12:00:00", id="Z"),
        pytest.param("2024-05-31T12:00:00+02:00", "2024-05-31 10:00:00", id="offset"),
    ],
)
def test_moments_are_converted_to_utc(cell, same):
    assert parse_date(cell) == parse_date(same)


@pytest.mark.parametrize("cell", ["", "abc", "20240531", "12", "2024-02-30", "31/05/2024", "0000-01-01"])
def test_other_cells_are_not_iso_dates(cell):
    assert parse_date(cell) is None


@given(st.lists(MOMENTS, min_size=1), st.sampled_from(["%d.%m.%Y", "%m/%d/%Y %H:%M", "%d %b %Y", "%Y/%m/%d %H:%M:%S"]))
def test_the_format_of_a_column_is_found(moments, date_format):
    assert date_format in find_date_formats([moment.strftime(date_format) for moment in moments])


def test_a_day_above_12_decides_the_order_of_day_and_month():
    assert find_date_formats(["05/06/2024", "07/08/2024"]) == ["%m/%d/%Y", "%d/%m/%Y"]
    assert find_date_formats(["05/06/2024", "13/08/2024"]) == ["%d/%m/%Y"]
    assert find_date_formats(["05/06/2024", "soon"]) == find_date_formats([]) == find_date_formats(["red"]) == []


@pytest.mark.parametrize(
    ("date_format", "error"),
    [
        ("%d/%m/%Y", ""),
        ("%Y년 %H:%M", ""),
        ("%d %d", "has a part of a date twice"),
        ("%Q %Y", "%Q is not a part of a date"),
        ("%-d.%m", "%- is not a part of a date"),
        ("%Y%", "ends with a single %"),
        ("2024 %%", "has no part of a date"),
    ],
)
def test_formats_that_python_cannot_read_are_named(date_format, error):
    assert find_format_error(date_format) == error
