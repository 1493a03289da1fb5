"""Curves as text, in any size."""

import math
import re

import pytest
from rich.color import Color

from dnn_cli.report.terminal_canvas import COLOURS
from dnn_cli.report.terminal_chart import Line, draw
from dnn_cli.report.ticks import linear_ticks, log_ticks, texts

CONTROL = re.compile(r"\x1b\[[0-9;]*m")


def falling(count, slope=5.0):
    return [math.exp(-x / slope) for x in range(count)]


def chart(*lines, width=60, height=12, colour=False, **options):
    return draw(lines, title="loss", x_label="epoch", width=width, height=height, colour=colour, **options)


ADAM = Line("adam", range(1, 31), falling(30))
SGD = Line("sgd", range(1, 31), falling(30, 15))

CASES = {
    "two lines": ((ADAM, SGD), {}),
    "one epoch": ((Line("adam", [1], [0.5]), Line("sgd", [1], [0.7])), {}),
    "one number": ((Line("flat", range(9), [0.5] * 9),), {}),
    "zeros": ((Line("flat", range(9), [0.0] * 9),), {}),
    "gaps": ((Line("holes", range(6), [1, math.nan, 0.5, 0.4, math.inf, 0.1]),), {}),
    "nothing": ((Line("none", [], []),), {}),
    "all nan": ((Line("none", [1, 2], [math.nan] * 2),), {}),
    "huge": ((Line("huge", [1, 2, 3], [1e100, -1e100, 0]),), {}),
    "ten thousand points": ((Line("long", range(10_000), falling(10_000, 2000)), ADAM), {}),
    "learning rates": ((Line("", [1e-6, 1e-3, 1.0], [2.3, 0.5, 4.0]),), {"log_x": True, "marked": 1e-3}),
    "log of what is not above 0": ((Line("", [0, 1, 2], [-1, 0, 5]),), {"log_x": True, "log_y": True}),
    "thirty names": (tuple(Line(f"run {i}", [1, 2], [i, i + 1]) for i in range(30)), {}),
    "wide letters": ((Line("패션 모델", [1, 2], [1, 2]), Line("日本語", [1, 2], [2, 3])), {}),
}


@pytest.mark.parametrize("unicode", [True, False], ids=["braille", "ascii"])
@pytest.mark.parametrize("size", [(140, 40), (80, 18), (20, 6), (5, 3), (2, 1)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_no_line_is_wider_than_asked(case, size, unicode):
    from rich.cells import cell_len

    lines, options = CASES[case]
    for colour in (False, True):
        told = chart(*lines, width=size[0], height=size[1], colour=colour, unicode=unicode, **options)
        shown = CONTROL.sub("", told).splitlines()
        assert max(map(cell_len, shown)) <= size[0]
        assert "\x1b" not in told or colour


def test_the_height_is_that_of_all_together():
    assert len(chart(ADAM, SGD, height=18).splitlines()) == 18
    assert len(chart(ADAM, height=6).splitlines()) == 6


def test_a_falling_curve_falls_from_corner_to_corner():
    rows = chart(ADAM).splitlines()[1:-3]
    first = [next((column for column, sign in enumerate(row[5:]) if sign != " "), None) for row in rows]
    assert first[0] is not None
    assert first[0] < 3
    found = [column for column in first if column is not None]
    assert found == sorted(found)
    assert rows[-1].rstrip()[-1] != " "
    assert len(rows[-1]) == 60


def test_axes_have_round_numbers():
    told = chart(Line("a", range(1, 31), [x / 30 for x in range(30)]), width=80, height=18)
    assert told.splitlines()[-2].split() == ["5", "10", "15", "20", "25", "30"]
    assert [word for row in told.splitlines() if (word := row.partition("┤")[0].strip()) and "┤" in row] == [
        "0.8", "0.6", "0.4", "0.2", "0.0",
    ]  # fmt: skip
    assert told.splitlines()[-1].strip() == "epoch"


def test_epochs_are_never_divided():
    few = chart(Line("a", [1, 2], [1, 2]), width=80)
    assert few.splitlines()[-2].split() == ["1", "2"]


def test_lines_are_told_apart_without_colour():
    told = chart(ADAM, SGD, width=80, height=18)
    *curves, legend = told.splitlines()
    assert legend == "a adam   b sgd"
    assert sum(row.count("a") for row in curves[1:-2]) >= 3
    assert sum(row.count("b") for row in curves[1:-2]) >= 3


def test_one_line_needs_no_letter():
    assert "a" not in chart(ADAM).partition("\n")[2].replace("epoch", "")


@pytest.mark.parametrize("number", COLOURS)
def test_colours_stand_out_from_white_and_from_black(number):
    """By the formula of WCAG 2.2 for graphics, which asks for 3 to 1."""

    def linear(value):
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part / 255) for part in Color.parse(f"color({number})").get_truecolor())
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert 1.05 / (light + 0.05) >= 3
    assert (light + 0.05) / 0.05 >= 3


def test_a_dashed_line_has_gaps_where_a_solid_one_has_none():
    def columns(style):
        rows = chart(Line("a", [0, 1], [1, 1], style), width=80).splitlines()[1:-3]
        return sum(
            any(not sign.isspace() for sign in column)
            for column in zip(*(f"{row[5:]:<75}" for row in rows), strict=True)
        )

    assert columns("solid") == 75
    assert 30 < columns("dashed") < 60


def test_lines_of_one_name_share_a_colour_and_others_do_not():
    both = chart(Line("a", [0, 1], [0, 1], "dashed"), Line("a", [0, 1], [0, 2]), colour=True)
    assert len(set(CONTROL.findall(both)) - {"\x1b[0m"}) == 1
    assert len(set(CONTROL.findall(chart(ADAM, SGD, colour=True))) - {"\x1b[0m"}) == 2


def test_a_gap_is_left_open_and_what_stands_alone_is_a_point():
    told = chart(Line("a", range(5), [1, math.nan, 0.5, math.nan, 0.5]), width=80)
    assert told.count("●") == 3


def test_a_marked_x_has_a_rule():
    told = chart(Line("", [1, 2, 3], [1, 1, 1]), marked=2.0)
    assert told.count("▲") == 1
    column = next(row for row in told.splitlines() if "▲" in row).index("▲")
    assert all(row[column] != " " for row in told.splitlines()[1:-3])


def test_a_title_and_a_name_cannot_steer_the_terminal():
    told = draw(
        [Line("\x1b[2Jx", [1], [1]), Line("b", [1], [2])], title="\x1b]0;t\x07", x_label="epoch", width=40, height=9,
        colour=False,
    )  # fmt: skip
    assert not any(sign in told for sign in "\x1b\x07")


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        pytest.param(0, 1, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], id="shares"),
        pytest.param(0.5, 2.3, 4, ["0.5", "1.0", "1.5", "2.0"], id="losses"),
        pytest.param(1000.00001, 1000.00002, 3, ["1000.00001", "1000.000015", "1000.00002"], id="nearly one number"),
        pytest.param(-1e12, 3e13, 5, ["0", "1e13", "2e13", "3e13"], id="large"),
        pytest.param(1e-9, 5e-9, 5, ["1e-9", "2e-9", "3e-9", "4e-9", "5e-9"], id="small"),
    ],
)
def test_ticks(low, high, most, expected):
    assert texts(linear_ticks(low, high, most)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(1e-6, 1.0, ["1e-6", "1e-4", "0.01", "1"], id="decades"),
        pytest.param(1, 30, ["1", "2", "5", "10", "20"], id="little more than one"),
        pytest.param(0.5, 0.6, ["0.5", "0.52", "0.54", "0.56", "0.58", "0.6"], id="less than one"),
    ],
)
def test_ticks_by_orders_of_magnitude(low, high, expected):
    assert texts(log_ticks(low, high, 5), log=True) == expected
