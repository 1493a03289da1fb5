"""Curves as text, in any size."""

import math
import re

import pytest
from rich.color import Color

from dnn_cli.report.chart_math import compute_linear_ticks, compute_log_ticks, format_ticks
from dnn_cli.report.terminal_canvas import TERMINAL_COLOURS
from dnn_cli.report.terminal_chart import ChartLine, draw_chart

CONTROL_CODE = re.compile(r"\x1b\[[0-9;]*m")


def make_falling_values(count, slope=5.0):
    return [math.exp(-x / slope) for x in range(count)]


def draw_test_chart(*lines, width=60, height=12, colour=False, **options):
    return draw_chart(lines, title="loss", x_label="epoch", width=width, height=height, colour=colour, **options)


ADAM = ChartLine("adam", range(1, 31), make_falling_values(30))
SGD = ChartLine("sgd", range(1, 31), make_falling_values(30, 15))

CASES = {
    "two lines": ((ADAM, SGD), {}),
    "one epoch": ((ChartLine("adam", [1], [0.5]), ChartLine("sgd", [1], [0.7])), {}),
    "one number": ((ChartLine("flat", range(9), [0.5] * 9),), {}),
    "zeros": ((ChartLine("flat", range(9), [0.0] * 9),), {}),
    "gaps": ((ChartLine("holes", range(6), [1, math.nan, 0.5, 0.4, math.inf, 0.1]),), {}),
    "nothing": ((ChartLine("none", [], []),), {}),
    "all nan": ((ChartLine("none", [1, 2], [math.nan] * 2),), {}),
    "huge": ((ChartLine("huge", [1, 2, 3], [1e100, -1e100, 0]),), {}),
    "ten thousand points": ((ChartLine("long", range(10_000), make_falling_values(10_000, 2000)), ADAM), {}),
    "learning rates": ((ChartLine("", [1e-6, 1e-3, 1.0], [2.3, 0.5, 4.0]),), {"log_x": True, "marked_x": 1e-3}),
    "log of what is not above 0": ((ChartLine("", [0, 1, 2], [-1, 0, 5]),), {"log_x": True, "log_y": True}),
    "thirty names": (tuple(ChartLine(f"run {i}", [1, 2], [i, i + 1]) for i in range(30)), {}),
    "wide letters": ((ChartLine("패션 모델", [1, 2], [1, 2]), ChartLine("日本語", [1, 2], [2, 3])), {}),
}


@pytest.mark.parametrize("unicode", [True, False], ids=["braille", "ascii"])
@pytest.mark.parametrize("size", [(140, 40), (80, 18), (20, 6), (5, 3), (2, 1)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_no_line_is_wider_than_asked(case, size, unicode):
    from rich.cells import cell_len

    lines, options = CASES[case]
    for colour in (False, True):
        text = draw_test_chart(*lines, width=size[0], height=size[1], colour=colour, unicode=unicode, **options)
        printed = CONTROL_CODE.sub("", text).splitlines()
        assert max(map(cell_len, printed)) <= size[0]
        assert "\x1b" not in text or colour


def test_height_includes_title_axis_and_legend():
    assert len(draw_test_chart(ADAM, SGD, height=18).splitlines()) == 18
    assert len(draw_test_chart(ADAM, height=6).splitlines()) == 6


def test_falling_curve_goes_from_corner_to_corner():
    rows = draw_test_chart(ADAM).splitlines()[1:-3]
    first = [next((column for column, sign in enumerate(row[5:]) if sign != " "), None) for row in rows]
    assert first[0] is not None
    assert first[0] < 3
    columns = [column for column in first if column is not None]
    assert columns == sorted(columns)
    assert rows[-1].rstrip()[-1] != " "
    assert len(rows[-1]) == 60


def test_axes_have_round_numbers():
    text = draw_test_chart(ChartLine("a", range(1, 31), [x / 30 for x in range(30)]), width=80, height=18)
    assert text.splitlines()[-2].split() == ["5", "10", "15", "20", "25", "30"]
    assert [word for row in text.splitlines() if (word := row.partition("┤")[0].strip()) and "┤" in row] == [
        "0.8", "0.6", "0.4", "0.2", "0.0",
    ]  # fmt: skip
    assert text.splitlines()[-1].strip() == "epoch"


def test_epoch_ticks_are_integers():
    few = draw_test_chart(ChartLine("a", [1, 2], [1, 2]), width=80)
    assert few.splitlines()[-2].split() == ["1", "2"]


def test_lines_have_letters_without_colour():
    text = draw_test_chart(ADAM, SGD, width=80, height=18)
    *curves, legend = text.splitlines()
    assert legend == "a adam   b sgd"
    assert sum(row.count("a") for row in curves[1:-2]) >= 3
    assert sum(row.count("b") for row in curves[1:-2]) >= 3


def test_one_line_needs_no_letter():
    assert "a" not in draw_test_chart(ADAM).partition("\n")[2].replace("epoch", "")


@pytest.mark.parametrize("number", TERMINAL_COLOURS)
def test_colours_contrast_with_white_and_black(number):
    """By the formula of WCAG 2.2 for graphics, which asks for 3 to 1."""

    def linear(value):
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part / 255) for part in Color.parse(f"color({number})").get_truecolor())
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert 1.05 / (light + 0.05) >= 3
    assert (light + 0.05) / 0.05 >= 3


def test_dashed_line_has_gaps_and_solid_line_none():
    def columns(style):
        rows = draw_test_chart(ChartLine("a", [0, 1], [1, 1], style), width=80).splitlines()[1:-3]
        return sum(
            any(not sign.isspace() for sign in column)
            for column in zip(*(f"{row[5:]:<75}" for row in rows), strict=True)
        )

    assert columns("solid") == 75
    assert 30 < columns("dashed") < 60


def test_lines_of_one_name_share_a_colour():
    both = draw_test_chart(ChartLine("a", [0, 1], [0, 1], "dashed"), ChartLine("a", [0, 1], [0, 2]), colour=True)
    assert len(set(CONTROL_CODE.findall(both)) - {"\x1b[0m"}) == 1
    assert len(set(CONTROL_CODE.findall(draw_test_chart(ADAM, SGD, colour=True))) - {"\x1b[0m"}) == 2


def test_isolated_value_is_a_point():
    text = draw_test_chart(ChartLine("a", range(5), [1, math.nan, 0.5, math.nan, 0.5]), width=80)
    assert text.count("●") == 3


def test_a_marked_x_has_a_rule():
    text = draw_test_chart(ChartLine("", [1, 2, 3], [1, 1, 1]), marked_x=2.0)
    assert text.count("▲") == 1
    column = next(row for row in text.splitlines() if "▲" in row).index("▲")
    assert all(row[column] != " " for row in text.splitlines()[1:-3])


def test_control_codes_in_names_are_replaced():
    text = draw_chart(
        [ChartLine("\x1b[2Jx", [1], [1]), ChartLine("b", [1], [2])],
        title="\x1b]0;t\x07",
        x_label="epoch",
        width=40,
        height=9,
        colour=False,
    )
    assert not any(sign in text for sign in "\x1b\x07")


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
def test_linear_ticks(low, high, most, expected):
    assert format_ticks(compute_linear_ticks(low, high, most)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(1e-6, 1.0, ["1e-6", "1e-4", "0.01", "1"], id="decades"),
        pytest.param(1, 30, ["1", "2", "5", "10", "20"], id="little more than one"),
        pytest.param(0.5, 0.6, ["0.5", "0.52", "0.54", "0.56", "0.58", "0.6"], id="less than one"),
    ],
)
def test_log_ticks(low, high, expected):
    assert format_ticks(compute_log_ticks(low, high, 5), log=True) == expected
