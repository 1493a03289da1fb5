"""Charts of a study, and how a terminal, a picture and the HTML report draw charts of series."""

import math
import re
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dnn_cli.report.html
from dnn_cli.report.chart_files import write_chart
from dnn_cli.report.html.svg_series import build_series_figure
from dnn_cli.report.series_chart import ChartPoint, Series, SeriesChart, SeriesPanel
from dnn_cli.report.series_pictures import build_series_picture
from dnn_cli.report.study_charts import build_budget_panel, build_profile_panel, combine_panels
from dnn_cli.report.tables import compute_text_width
from dnn_cli.report.terminal_series import draw_terminal_series

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def study_chart():
    """A budget curve and a performance profile of two optimizers."""
    budget = build_budget_panel({"sgd": [0.5, 0.7, 0.8], "adam": [0.6, 0.75, 0.81]}, "val_accuracy", 2)
    profile = build_profile_panel({"sgd": [(1.0, 0.5), (2.0, 1.0)], "adam": [(1.0, 0.5), (math.inf, 1.0)]})
    return combine_panels([budget, profile], ["a caption"])


def build_point_chart(**changes):
    """A chart with points of two series, a failure and a best point."""
    series = (
        Series("a", (ChartPoint(1, 0.5, "run 1"), ChartPoint(2, 0.6, HOSTILE)), failures=(3.0,)),
        Series("b", (ChartPoint(1, 0.5, "run 3"),)),
    )
    panel = SeriesPanel("loss", "units", series, best=ChartPoint(2, 0.6), **changes)
    return SeriesChart((panel,), ("a", "b"))


def draw(chart, **changes):
    return draw_terminal_series(chart, **{"width": 80, "height": 12, "colour": False, "unicode": True, **changes})


def render(chart):
    """The HTML of a chart."""
    templates = Path(dnn_cli.report.html.__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), autoescape=True, undefined=jinja2.StrictUndefined
    )
    text = '{% from "series.html.j2" import draw_figure %}{{ draw_figure(figure) }}'
    return environment.from_string(text).render(figure=build_series_figure(chart))


def test_budget_curve_has_a_score_for_each_number_of_trials(study_chart):
    panel = study_chart.panels[0]
    assert panel.series[0].lines == (((1.0, 0.5), (2.0, 0.7), (3.0, 0.8)),)
    assert (panel.title, panel.marked_x, panel.lower_is_better) == ("expected best val_accuracy", 2, False)


def test_profile_is_a_step_function_that_leaves_out_infinite_factors(study_chart):
    sgd, adam = study_chart.panels[1].series
    assert sgd.lines == (((1.0, 0.0), (1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (2.1, 1.0)),)
    assert adam.lines == (((1.0, 0.0), (1.0, 0.5), (2.1, 0.5)),)


@given(st.lists(st.lists(st.tuples(st.floats(1, 1e9), st.floats(0, 1))), min_size=1))
def test_profiles_rise_and_end_together(profiles):
    panel = build_profile_panel({str(number): sorted(steps) for number, steps in enumerate(profiles)})
    assert len({series.lines[0][-1][0] for series in panel.series}) == 1
    for series in panel.series:
        factors = [factor for factor, _ in series.lines[0]]
        assert factors == sorted(factors)


@pytest.mark.parametrize("width", [40, 80, 140])
def test_terminal_shows_both_panels_with_a_common_legend(study_chart, width):
    lines = draw(study_chart, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[-2:] == ["a sgd   b adam", "a caption"]
    assert ("expected best val_accuracy" in lines[0], "share of tasks" in lines[0]) == (True, width == 140)


def test_points_of_several_series_in_one_cell_have_a_common_sign():
    lines = draw(build_point_chart()).splitlines()
    assert lines[-1] == "#: several series"
    assert sum(line.count("#") for line in lines[:-1]) == 1


def test_failures_are_at_the_edge_with_the_worst_scores():
    rows = [line for line in draw(build_point_chart()).splitlines() if "┤" in line or "│" in line]
    assert rows[-1].split() == ["×┤", "a"]
    rows = [line for line in draw(build_point_chart(lower_is_better=True)).splitlines() if "┤" in line or "│" in line]
    assert rows[0].split() == ["×┤", "a"]


def test_ascii_chart_is_ascii(study_chart):
    assert draw(study_chart, unicode=False).isascii()
    assert draw(build_point_chart(categories=("x", "y", "z", "end")), unicode=False).isascii()


def test_long_categories_are_shortened():
    panel = SeriesPanel("loss", "optimizer", (Series("a", (ChartPoint(0, 1.0), ChartPoint(1, 2.0))),),
                        categories=("sgd momentum=0.9 nesterov=true", "패션" * 20))  # fmt: skip
    text = draw(SeriesChart((panel,), ("a",)), width=40)
    assert "sgd momentum=0." in text
    assert "패션" in text
    assert max(map(compute_text_width, text.splitlines())) <= 40


def test_single_point_and_equal_scores_can_be_drawn():
    panel = SeriesPanel("loss", "lr", (Series("a", (ChartPoint(0.1, 0.5),)),), x_log=True, best=ChartPoint(0.1, 0.5))
    chart = SeriesChart((panel,), ("a",))
    assert "●" in draw(chart)
    assert render(chart).count("<path") == 2
    build_series_picture(chart).to_dict()


@pytest.mark.parametrize("scores", [(0.0, 0.0), (0.0, 0.5), (0.5, 5000.0)])
def test_losses_of_zero_can_be_drawn_on_a_logarithmic_axis(scores):
    points = tuple(ChartPoint(float(x), y) for x, y in enumerate(scores))
    panel = SeriesPanel("loss", "x", (Series("a", points),), lower_is_better=True, best=points[0])
    chart = SeriesChart((panel,), ("a",))
    assert build_series_picture(chart, log=True).to_dict()
    assert "loss" in draw(chart, log=True)


def test_html_has_marks_lines_a_table_and_escaped_texts(study_chart):
    text = render(build_point_chart())
    assert HOSTILE not in text
    assert text.count('class="point"') == 4
    assert text.count('class="failure') == 1
    assert text.count('class="ring"') == 1
    assert re.search(r'<tr><th scope="row">a</th><td class="n">3</td><td class="n">no score</td></tr>', text)
    lines = render(study_chart)
    assert lines.count("<polyline") == 4
    assert "style=" not in lines


def test_picture_has_marks_on_lines(study_chart, tmp_path):
    write_chart(build_series_picture(study_chart), tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text("utf-8")
    assert text.count('aria-roledescription="line mark"') == 4
    assert 'aria-roledescription="point"' in text
    assert "a caption" in text
