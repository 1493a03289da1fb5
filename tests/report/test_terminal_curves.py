"""Panels of curves in a terminal."""

import re
from dataclasses import replace

import pytest

from dnn_cli.report.curves import CurveChart, MeanCurve, Panel
from dnn_cli.report.terminal_curves import draw_terminal_curves


def make_chart(*names):
    def curve(name, part):
        return MeanCurve(name, part, (1.0, 2.0, 3.0), (0.9, 0.5, 0.3), (0.9, 0.5, 0.3), (0.9, 0.5, 0.3), 1)

    panels = [Panel(title, tuple(curve(name, part) for name in names for part in ("validation", "training")))
              for title in ("loss", "accuracy")]  # fmt: skip
    return CurveChart(tuple(panels), names, "epoch", ())


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_wide_terminal_has_two_panels_in_a_row(colour):
    wide, narrow = (
        draw_terminal_curves(make_chart("a", "b"), width=width, height=9, colour=colour, unicode=True)
        for width in (140, 80)
    )
    first = wide.splitlines()[0]
    assert first.startswith("loss")
    assert first.index("accuracy") == (140 - 3) // 2 + 3
    assert (len(wide.splitlines()), len(narrow.splitlines())) == (9 + 1, 9 + 1 + 9 + 1)
    axes = [row for row in re.sub(r"\x1b\[[\d;]*m", "", wide).splitlines() if row.count("│") == 2]
    assert axes
    assert len({row.rindex("│") for row in axes}) == 1


def test_letters_are_the_same_in_every_panel():
    text = draw_terminal_curves(make_chart("a", "b"), width=80, height=12, colour=False, unicode=True)
    assert text.splitlines()[-1] == "a a   b b"


def test_a_single_run_is_named():
    text = draw_terminal_curves(make_chart("x" * 200), width=40, height=9, colour=False, unicode=True)
    assert text.splitlines()[-1] == "x" * 39 + "…"


def test_band_bounds_are_dotted_and_explained():
    mean = (0.5, 0.5, 0.5, 0.5)
    band = MeanCurve("a", "validation", (1.0, 2.0, 3.0, 4.0), mean, (0.1,) * 4, (0.9,) * 4, 3)
    drawn = [draw_terminal_curves(CurveChart((Panel("val_loss", (curve,)),), ("a",), "epoch", ()), width=60, height=12,
                             colour=False, unicode=True) for curve in (band, replace(band, run_count=1))]  # fmt: skip
    rows = [sum(any("⠀" < letter <= "⣿" for letter in line) for line in text.splitlines()) for text in drawn]
    assert rows == [3, 1]  # the mean alone, or between two bounds
    assert "dotted: from the lowest to the highest run" in " ".join(drawn[0].split()) and "dotted" not in drawn[1]
    assert max(map(len, drawn[0].splitlines())) <= 60
