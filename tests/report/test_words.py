import pytest

from dnn_cli.report.words import count, duration, score, sparkline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 00 s"), (185.4, "3 min 05 s"), (7800, "2 h 10 min")],
    ids=str,
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0.0000"), (0.87654, "0.8765"), (1e-5, "1e-05"), (123456.7, "1.23e+05")],
    ids=str,
)
def test_scores(value, text):
    assert score(value) == text


def test_a_sparkline_spans_its_bounds_and_its_width():
    assert sparkline([0.0, 0.5, 1.0], 0, 1) == "▁▅█"
    assert sparkline([0.3, 0.3], 0.3, 0.3) == "▁▁"
    assert len(sparkline([i / 99 for i in range(100)], 0, 1)) == 12
    assert sparkline([i / 99 for i in range(100)], 0, 1)[::11] == "▁█"


def test_counts():
    assert (count(1, "epoch"), count(5000, "epoch")) == ("1 epoch", "5,000 epochs")
