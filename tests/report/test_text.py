import pytest

from dnn_cli.report.text import format_count, format_duration, format_mean, format_score, format_sparkline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0.0 s"),
        (0.04, "0.04 s"),
        (0.096, "0.1 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (185.4, "3 min 05 s"),
        (7800, "2 h 10 min"),
    ],
    ids=str,
)
def test_format_duration(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0.0000"), (0.87654, "0.8765"), (1e-5, "1e-05"), (123456.7, "1.23e+05")],
    ids=str,
)
def test_format_score(value, text):
    assert format_score(value) == text


def test_mean_has_a_deviation_from_two_scores():
    assert format_mean(0.88314, 0.00209) == "0.8831 ± 0.0021"
    assert format_mean(0.88314, None) == "0.8831"


def test_sparkline_spans_bounds_and_width():
    assert format_sparkline([0.0, 0.5, 1.0], 0, 1) == "▁▅█"
    assert format_sparkline([0.3, 0.3], 0.3, 0.3) == "▁▁"
    assert len(format_sparkline([i / 99 for i in range(100)], 0, 1)) == 12
    assert format_sparkline([i / 99 for i in range(100)], 0, 1)[::11] == "▁█"


def test_format_count():
    assert (format_count(1, "epoch"), format_count(5000, "epoch")) == ("1 epoch", "5,000 epochs")
