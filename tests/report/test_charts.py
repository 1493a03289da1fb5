"""Curves as pictures."""

import io
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest

from dnn_cli.report import fonts
from dnn_cli.report.charts import COLOURS, curves_chart, rows_of, write_chart
from dnn_cli.report.curves import Curve, Curves, Panel

SVG = "{http://www.w3.org/2000/svg}"


def curve(name, part="validation", values=(0.9, 0.5, 0.3), low=None, high=None, runs=1):
    x = tuple(float(epoch) for epoch in range(1, len(values) + 1))
    return Curve(name, part, x, tuple(values), tuple(low or values), tuple(high or values), runs)


def picture(*names, panels=None, log=False):
    panels = panels or [
        Panel(title, tuple(curve(name, part) for name in names for part in ("validation", "training")))
        for title in ("loss", "accuracy")
    ]
    return curves_chart(Curves(tuple(panels), names, "epoch", ()), log=log)


def svg_of(chart):
    stream = io.StringIO()
    chart.save(stream, format="svg")
    return stream.getvalue()


def texts_of(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_axes_and_curves_have_their_names():
    texts = texts_of(svg_of(picture("adam", "sgd")))
    assert texts.count("epoch") == 2
    assert {"loss", "accuracy", "adam", "sgd", "training", "validation"} <= set(texts)


def test_one_run_needs_no_legend_but_for_its_parts():
    texts = texts_of(svg_of(picture("adam")))
    assert "adam" not in texts
    assert {"training", "validation"} <= set(texts)


def test_the_same_curves_are_the_same_bytes():
    assert svg_of(picture("adam", "sgd")) == svg_of(picture("adam", "sgd"))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a&b", "]]><svg onload=x>", "{{7*7}}", "datum.x", "https://a.b/c.png"]
)
def test_a_name_is_text(name):
    root = ElementTree.fromstring(svg_of(picture(name, "b")))
    assert name in [element.text for element in root.iter(f"{SVG}text")]
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "rect", "path", "text", "line", "title", "defs", "clipPath"}
    assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)


def test_a_long_name_is_cut_and_names_stay_apart():
    texts = texts_of(svg_of(picture("x" * 500 + "1", "x" * 500 + "2")))
    shown = [text for text in texts if text.startswith("xxx")]
    assert len(shown) == 2
    assert len(set(shown)) == 2
    assert max(map(len, shown)) < 70


CASES = {
    "one epoch": [Panel("loss", (curve("a", values=(0.5,)),))],
    "one number": [Panel("loss", (curve("a", values=(0.001,) * 5),))],
    "zeros": [Panel("loss", (curve("a", values=(0.0,) * 5),))],
    "a range": [Panel("loss", (curve("a", low=(0.8, 0.4, 0.2), high=(1, 0.6, 0.4), runs=3),))],
    "ten thousand epochs": [Panel("loss", (curve("a", values=[1 / x for x in range(1, 10_001)]),))],
    "three panels": [Panel(title, (curve("a"),)) for title in ("loss", "accuracy", "auc")],
}


@pytest.mark.parametrize("log", [False, True], ids=["linear", "log"])
@pytest.mark.parametrize("case", CASES)
def test_every_curve_can_be_drawn(case, log):
    svg = svg_of(picture("a", panels=CASES[case], log=log))
    assert "NaN" not in svg
    assert COLOURS[0] in svg or (case == "zeros" and log)
    assert len(svg) < 1_000_000


def test_a_constant_is_told_in_full():
    assert "0.0010" in " ".join(
        texts_of(svg_of(picture("a", panels=[Panel("rate", (curve("a", values=(0.001,) * 5),))])))
    )


@pytest.mark.parametrize(
    ("suffix", "begin"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("SVG", b"<svg")]
)
def test_formats(tmp_path, suffix, begin):
    path = tmp_path / f"curves.{suffix}"
    write_chart(picture("adam", "sgd"), path)
    assert path.read_bytes().startswith(begin)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_print_without_colour_tells_neighbours_apart():
    def lightness(colour):
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    greys = [lightness(colour) for colour in COLOURS]
    assert all(abs(one - other) > 0.08 for one, other in pairwise(greys))
    assert max(greys) < 0.75  # on white


def test_a_png_has_ink_on_white(tmp_path):
    from PIL import Image

    write_chart(picture("adam", "sgd"), tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert pixels.shape[1] > 2000
    assert (pixels[0, 0] == 255).all()
    assert (pixels.min(2) < 100).any()
    assert (np.ptp(pixels[::4, ::4].astype(int), axis=2) > 100).any()


def test_what_no_font_can_draw_is_told_by_its_script():
    unknown = "\U0010fffd"
    assert fonts.missing(["adam – 1e-3 × 2", "é"]) == []
    assert fonts.missing([f"a{unknown}b{unknown}"]) == [unknown]
    korean, chinese, face, thai = fonts.advice("패션中🙂ไ")
    assert "패션 (Hangul)" in korean
    assert "apt-get install fonts-noto-cjk" in korean
    assert "fonts-noto-cjk" in chinese
    assert "fonts-noto-color-emoji" in face
    assert re.search(r"\(Thai\).*fonts-noto-core", thai)


def marked(names, epochs):
    """The epochs with a mark, by experiment and part."""
    values = tuple(1 / epoch for epoch in range(1, epochs + 1))
    both = tuple(curve(name, part, values) for name in names for part in ("validation", "training"))
    found = {}
    for row in rows_of(Panel("loss", both), {name: name for name in names}, log=False):
        if row["marked"]:
            found.setdefault((row["run"], row["part"]), []).append(row["x"])
    return found


def test_marks_tell_experiments_apart_and_not_training_from_validation():
    found = marked(["adam", "sgd"], 12)
    for name in "adam", "sgd":
        assert found[name, "training"] == found[name, "validation"]
    assert not set(found["adam", "training"]) & set(found["sgd", "training"])


def test_a_single_experiment_has_no_marks_but_for_a_point():
    assert marked(["adam"], 12) == {}
    assert set(marked(["adam"], 1)) == {("adam", "validation"), ("adam", "training")}


def test_a_band_is_explained_below_the_panels():
    band = Panel("loss", (curve("a", low=(0.8, 0.4, 0.2), high=(1, 0.6, 0.4), runs=3),))
    texts = " ".join(re.sub("<[^>]*>", " ", svg_of(picture("a", panels=[band]))).split())
    assert "lines: mean of the runs; shaded: from the lowest to the highest run in each epoch" in texts
    assert "shaded" not in svg_of(picture("a", "b"))
