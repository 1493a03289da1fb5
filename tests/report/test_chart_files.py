"""Curves as pictures."""

import io
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from dnn_cli.report import chart_files
from dnn_cli.report.chart_files import CHART_COLOURS, build_altair_chart, build_point_rows, write_chart
from dnn_cli.report.curves import CurveChart, MeanCurve, Panel
from tests.helpers.settings import RUN_ALL_CASES

SVG = "{http://www.w3.org/2000/svg}"


def make_curve(name, part="validation", values=(0.9, 0.5, 0.3), low=None, high=None, runs=1):
    x = tuple(float(epoch) for epoch in range(1, len(values) + 1))
    return MeanCurve(name, part, x, tuple(values), tuple(low or values), tuple(high or values), runs)


def make_chart(*names, panels=None, log=False):
    panels = panels or [
        Panel(title, tuple(make_curve(name, part) for name in names for part in ("validation", "training")))
        for title in ("loss", "accuracy")
    ]
    return build_altair_chart(CurveChart(tuple(panels), names, "epoch", ()), log=log)


def render_svg(chart):
    stream = io.StringIO()
    chart.save(stream, format="svg")
    return stream.getvalue()


def list_svg_texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_axes_and_curves_are_named():
    texts = list_svg_texts(render_svg(make_chart("adam", "sgd")))
    assert texts.count("epoch") == 2
    assert {"loss", "accuracy", "adam", "sgd", "training", "validation"} <= set(texts)


def test_legend_of_one_run_names_only_splits():
    texts = list_svg_texts(render_svg(make_chart("adam")))
    assert "adam" not in texts
    assert {"training", "validation"} <= set(texts)


def test_same_curves_give_same_svg():
    assert render_svg(make_chart("adam", "sgd")) == render_svg(make_chart("adam", "sgd"))


def test_names_are_plain_text_in_svg():
    names = ["<script>alert(1)</script>", "a&b", "]]><svg onload=x>", "{{7*7}}", "datum.x", "https://a.b/c.png"]
    root = ElementTree.fromstring(render_svg(make_chart(*names)))
    assert set(names) <= {element.text for element in root.iter(f"{SVG}text")}
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "rect", "path", "text", "line", "title", "defs", "clipPath"}
    assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)


def test_long_names_are_shortened_and_unique():
    texts = list_svg_texts(render_svg(make_chart("x" * 500 + "1", "x" * 500 + "2")))
    names = [text for text in texts if text.startswith("xxx")]
    assert len(names) == 2
    assert len(set(names)) == 2
    assert max(map(len, names)) < 70


CASES = {
    "one epoch": [Panel("loss", (make_curve("a", values=(0.5,)),))],
    "one number": [Panel("loss", (make_curve("a", values=(0.001,) * 5),))],
    "zeros": [Panel("loss", (make_curve("a", values=(0.0,) * 5),))],
    "a range": [Panel("loss", (make_curve("a", low=(0.8, 0.4, 0.2), high=(1, 0.6, 0.4), runs=3),))],
    "ten thousand epochs": [Panel("loss", (make_curve("a", values=[1 / x for x in range(1, 10_001)]),))],
    "three panels": [Panel(title, (make_curve("a"),)) for title in ("loss", "accuracy", "auc")],
}


LOG_CASES = CASES if RUN_ALL_CASES else ("zeros", "a range")
AXES = [*((case, False) for case in CASES), *((case, True) for case in LOG_CASES)]


@pytest.mark.parametrize(("case", "log"), AXES, ids=[f"{case}-{'log' if log else 'linear'}" for case, log in AXES])
def test_every_curve_can_be_drawn(case, log):
    svg = render_svg(make_chart("a", panels=CASES[case], log=log))
    assert "NaN" not in svg
    assert CHART_COLOURS[0] in svg or (case == "zeros" and log)
    assert len(svg) < 1_000_000


def test_constant_value_has_all_digits():
    assert "0.0010" in " ".join(
        list_svg_texts(render_svg(make_chart("a", panels=[Panel("rate", (make_curve("a", values=(0.001,) * 5),))])))
    )


@pytest.mark.parametrize(
    ("suffix", "begin"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("SVG", b"<svg")]
)
def test_chart_file_formats(tmp_path, suffix, begin):
    path = tmp_path / f"curves.{suffix}"
    write_chart(make_chart("adam", "sgd"), path)
    assert path.read_bytes().startswith(begin)
    assert [written.name for written in tmp_path.iterdir()] == [path.name]


def test_neighbour_colours_differ_in_lightness():
    def lightness(colour):
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    greys = [lightness(colour) for colour in CHART_COLOURS]
    assert all(abs(grey - other) > 0.08 for grey, other in pairwise(greys))
    assert max(greys) < 0.75  # on white


def test_png_has_colours_on_white(tmp_path):
    from PIL import Image

    write_chart(make_chart("adam", "sgd"), tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert pixels.shape[1] > 2000
    assert (pixels[0, 0] == 255).all()
    assert (pixels.min(2) < 100).any()
    assert (np.ptp(pixels[::4, ::4].astype(int), axis=2) > 100).any()


def test_missing_glyphs_are_reported_by_script():
    unknown = "\U0010fffd"
    assert chart_files.find_missing_glyphs(["adam – 1e-3 × 2", "é"]) == []
    assert chart_files.find_missing_glyphs([f"a{unknown}b{unknown}"]) == [unknown]
    korean, chinese, face, thai = chart_files.format_font_advice("패션中🙂ไ")
    assert "패션 (Hangul)" in korean
    assert "apt-get install fonts-noto-cjk" in korean
    assert "fonts-noto-cjk" in chinese
    assert "fonts-noto-color-emoji" in face
    assert re.search(r"\(Thai\).*fonts-noto-core", thai)


def find_marked_epochs(names, epochs):
    """The epochs with a mark, by experiment and part."""
    values = tuple(1 / epoch for epoch in range(1, epochs + 1))
    both = tuple(make_curve(name, part, values) for name in names for part in ("validation", "training"))
    epochs_by_curve = {}
    for row in build_point_rows(Panel("loss", both), {name: name for name in names}, log=False):
        if row["marked"]:
            epochs_by_curve.setdefault((row["run"], row["part"]), []).append(row["x"])
    return epochs_by_curve


def test_marks_are_per_group_not_per_split():
    marks = find_marked_epochs(["adam", "sgd"], 12)
    for name in "adam", "sgd":
        assert marks[name, "training"] == marks[name, "validation"]
    assert not set(marks["adam", "training"]) & set(marks["sgd", "training"])


def test_single_group_has_marks_only_for_one_epoch():
    assert find_marked_epochs(["adam"], 12) == {}
    assert set(find_marked_epochs(["adam"], 1)) == {("adam", "validation"), ("adam", "training")}


def test_band_caption_is_below_the_panels():
    band = Panel("loss", (make_curve("a", low=(0.8, 0.4, 0.2), high=(1, 0.6, 0.4), runs=3),))
    texts = " ".join(re.sub("<[^>]*>", " ", render_svg(make_chart("a", panels=[band]))).split())
    assert "lines: mean of the runs; shaded: from the lowest to the highest run in each epoch" in texts
    assert "shaded" not in render_svg(make_chart("a", "b"))
