"""Curves as image files for papers: Altair charts, written as SVG, PNG or PDF without a browser.

The module also finds characters that no installed font can draw, and gives advice on fonts.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal, cast

from dnn_cli.report.curves import CurveChart, Panel, thin_curve
from dnn_cli.report.tables import shorten_text
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    import altair

    AltairChart = altair.HConcatChart | altair.VConcatChart


CHART_SUFFIXES = ("svg", "png", "pdf")

CHART_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#000000", "#CC79A7", "#56B4E9", "#D55E00", "#888888")
"""Colours of curves: the palette of Okabe and Ito, with grey instead of the yellow, which is too pale on white.

Neighbouring colours also differ in lightness.
"""

MARK_SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
"""Shapes of the marks on curves. In a grey print, the marks distinguish the curves."""

_PNG_PPI = 300
"""Resolution of a PNG in pixels per inch, as journals require."""

PANEL_WIDTH, PANEL_HEIGHT = 320, 230
"""Width and height of a panel (the chart of one score), in points."""

_MAX_CURVE_POINTS = 1000
"""Largest number of drawn points of a curve; a longer curve is reduced by `thin_curve`."""

_MARKS_PER_CURVE = 6
"""Approximate number of marks on a curve."""

MAX_NAME_LENGTH = 60
"""Largest length of a name in the legend, in characters; a wide character counts twice."""


def build_altair_chart(curves: CurveChart, *, log: bool = False) -> "AltairChart":
    """Build a chart with a panel for each score.

    Each experiment has a colour and a mark. If a panel also shows validation, the curves of training are dashed. The
    range from the lowest to the highest run is shaded.

    Args:
        curves: The panels of curves, and the names of the experiments.
        log: Whether scores for which lower is better have a logarithmic axis.
    """
    names = make_names_unique([shorten_text(name, MAX_NAME_LENGTH) for name in curves.names])
    display_names = dict(zip(curves.names, names, strict=True))
    panels = [
        _build_altair_panel(panel, curves, display_names, log=log and panel.lower_is_better) for panel in curves.panels
    ]
    return arrange_picture(panels, names, [curves.format_caption("shaded")])


def arrange_picture(
    panels: "Sequence[altair.LayerChart]", names: Sequence[str], captions: Sequence[str]
) -> "AltairChart":
    """Arrange panels in rows of two, and add the captions, the legend and the style that all pictures share.

    Args:
        panels: The panels.
        names: The names in the legend, which determine its number of columns.
        captions: The sentences below the panels; empty sentences are left out.
    """
    import altair as alt

    rows = [alt.hconcat(*panels[start : start + 2]) for start in range(0, len(panels), 2)]
    chart = rows[0] if len(rows) == 1 else alt.vconcat(*rows)
    if lines := [line for caption in captions for line in wrap(caption, 60 * min(2, len(panels)))]:
        chart = chart.properties(title=alt.Title(
            lines, orient="bottom", anchor="start", fontSize=11, fontWeight="normal", color="black", offset=12,
        ))  # fmt: skip
    return cast(
        "AltairChart",
        chart.configure(background="white", padding=8)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor="#e4e4e4", domainColor="black", tickColor="black", labelFontSize=11, titleFontSize=12,
            titleFontWeight="normal", titlePadding=8, labelColor="black", titleColor="black",
        )
        .configure_legend(
            orient="bottom", title=None, labelFontSize=11, labelColor="black", labelLimit=0,
            columns=_count_legend_columns(names), symbolStrokeWidth=1.5, symbolSize=60,
            symbolOpacity=1,
        )
    )  # fmt: skip


def _build_altair_panel(
    panel: Panel, curves: CurveChart, display_names: dict[str, str], *, log: bool
) -> "altair.LayerChart":
    """Build the panel (the chart) of one score.

    `display_names` maps the names of curves to their names in the legend. With `log`, the vertical axis is logarithmic.
    """
    import altair as alt

    names, several = list(display_names.values()), len(display_names) > 1
    x = alt.X("x:Q", title=curves.x_axis, axis=alt.Axis(tickMinStep=1) if curves.x_axis != "seconds" else alt.Axis(),
              scale=alt.Scale(nice=False, zero=False))  # fmt: skip
    domain = _compute_constant_bounds(panel)
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False, domain=domain or alt.Undefined)
    legend = alt.Legend() if several else None
    colour = alt.Color("run:N", legend=legend, scale=alt.Scale(domain=names, range=list(CHART_COLOURS[: len(names)])))
    shape = alt.Shape("run:N", legend=legend, scale=alt.Scale(domain=names, range=list(MARK_SHAPES[: len(names)])))
    y = alt.Y("y:Q", title=panel.title, scale=scale)
    base = alt.Chart(alt.InlineData(values=build_point_rows(panel, display_names, log=log)))
    lines = base.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=colour)
    if panel.has_both_splits:
        dashes = alt.Scale(domain=["validation", "training"], range=[[1, 0], [4, 3]])
        key = alt.Legend(symbolType="stroke", symbolSize=300)
        lines = lines.encode(strokeDash=alt.StrokeDash("part:N", scale=dashes, legend=key))
    marks = (
        base.transform_filter("datum.marked")
        .mark_point(filled=True, size=36, opacity=1)
        .encode(x=x, y=y, color=colour, shape=shape)
    )
    layers: list[Any] = [lines, marks]
    if any(map(panel.has_band, panel.curves)):
        band = base.transform_filter("datum.shaded").mark_area(opacity=0.15)
        layers.insert(0, band.encode(x=x, y=alt.Y("low:Q", title=panel.title, scale=scale), y2="high:Q", color=colour))
    return cast("altair.LayerChart", alt.layer(*layers).properties(width=PANEL_WIDTH, height=PANEL_HEIGHT))


def _compute_constant_bounds(panel: Panel) -> list[float] | None:
    """Return bounds of the vertical axis around the single value of a panel.

    If the values of the panel differ, return `None`: Altair then chooses the bounds.
    """
    values = {value for curve in panel.curves for bound in (curve.low, curve.high) for value in bound}
    if len(values) > 1:
        return None
    value = values.pop()
    around = abs(value) / 10 or 0.5
    return [value - around, value + around]


def build_point_rows(panel: Panel, display_names: dict[str, str], *, log: bool) -> list[dict[str, Any]]:
    """Return the data of a panel for Altair, with a row for each point of a curve.

    The curves of training and validation of one experiment have marks at the same epochs. Different experiments have
    marks at different epochs, because marks at the same epoch can hide each other. A panel of one experiment needs
    a mark only where a curve has a single point.

    Args:
        panel: The panel.
        display_names: The names of the curves in the legend, by the names in the panel.
        log: Whether the vertical axis is logarithmic; values of 0 or less then become `None`.
    """
    rows = []
    for curve in (thin_curve(curve, _MAX_CURVE_POINTS) for curve in panel.curves):
        apart, number = -(-len(curve.x) // _MARKS_PER_CURVE), list(display_names).index(curve.name)
        with_marks = len(display_names) > 1 or len(curve.x) == 1
        for index, (x, *values) in enumerate(zip(curve.x, curve.y, curve.low, curve.high, strict=True)):
            y, low, high = (None if log and value <= 0 else value for value in values)
            rows.append({
                "run": display_names[curve.name], "part": curve.split, "x": x, "y": y, "low": low, "high": high,
                "marked": with_marks and index % apart == number % apart, "shaded": panel.has_band(curve),
            })  # fmt: skip
    return rows


def make_names_unique(names: Iterable[str]) -> list[str]:
    """Return names that all differ: a number follows each repetition of a name, as in `adam (2)`."""
    unique_names: list[str] = []
    for name in names:
        same = sum(other == name or other.startswith(f"{name} (") for other in unique_names)
        unique_names.append(f"{name} ({same + 1})" if name in unique_names else name)
    return unique_names


def _count_legend_columns(names: Iterable[str]) -> int:
    """Count the columns of names that fit in a legend as wide as two panels; at most 4."""
    longest = max(map(len, names))
    return max(1, min(4, int(2 * PANEL_WIDTH / (30 + 6.5 * longest))))


def write_chart(chart: "AltairChart", path: Path) -> None:
    """Write a chart to a file. The suffix of the file determines the format: SVG, PNG or PDF.

    If writing fails, an existing file stays unchanged.

    Raises:
        RunError: the file cannot be written.
    """
    from dnn_cli.runs.atomic_write import atomic_write

    form = cast(Literal["svg", "png", "pdf"], path.suffix[1:].lower())
    with atomic_write(path) as temporary:
        if form == "png":
            chart.save(str(temporary), format=form, ppi=_PNG_PPI)
        else:
            chart.save(str(temporary), format=form)


_MAX_CHECKED_CHARACTERS = 200
"""Largest number of different characters that `find_missing_glyphs` checks."""

_MAX_NAMED_CHARACTERS = 12
"""Largest number of missing characters that the advice on fonts lists for one script (writing system)."""

_LAST_COMMON_CHARACTER = 0x17F
"""Code point of the last Latin letter that the fonts of vl-convert certainly have.

`find_missing_glyphs` checks only characters after this code point.
"""

_UNASSIGNED_CHARACTER = "\U0010fffd"
"""Character without a glyph in any font; its image is the box that replaces a missing glyph."""

_FONT_PACKAGES = {"HANGUL": "fonts-noto-cjk", "CJK": "fonts-noto-cjk", "HIRAGANA": "fonts-noto-cjk",
            "KATAKANA": "fonts-noto-cjk", "EMOJI": "fonts-noto-color-emoji"}  # fmt: skip
"""Debian packages with fonts, by the name of a script (writing system) that `_get_script_name` returns."""

_DEFAULT_FONT_PACKAGE = "fonts-noto-core"


def find_missing_glyphs(texts: Iterable[str]) -> list[str]:
    """Return the characters of texts that no installed font can draw, in order of appearance.

    A character that no font can draw becomes a box. The function draws each character and compares the image with
    this box. It checks at most 200 characters, and none of the common Latin letters.
    """
    import vl_convert

    def draw_character(character: str) -> bytes:
        text = f'<text x="4" y="18" font-family="sans-serif" font-size="16">{character}</text>'
        return vl_convert.svg_to_png(f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="24">{text}</svg>')

    rare = [character for character in dict.fromkeys("".join(texts)) if ord(character) > _LAST_COMMON_CHARACTER]
    if not rare:
        return []
    missing_glyph_image = draw_character(_UNASSIGNED_CHARACTER)
    return [
        character for character in rare[:_MAX_CHECKED_CHARACTERS] if draw_character(character) == missing_glyph_image
    ]


def format_font_advice(characters: Iterable[str]) -> list[str]:
    """Return a line of advice for each script (writing system), such as Hangul, of characters without a glyph.

    The line names these characters and a font package to install.
    """
    scripts: dict[str, list[str]] = defaultdict(list)
    for character in characters:
        scripts[_get_script_name(character)].append(character)
    return [_format_script_advice(name, script_characters) for name, script_characters in scripts.items()]


def _format_script_advice(script_name: str, characters: list[str]) -> str:
    """Return the line of advice for one script (writing system): characters without a glyph, and a font package."""
    named_characters = "".join(characters[:_MAX_NAMED_CHARACTERS]) + (
        "…" if len(characters) > _MAX_NAMED_CHARACTERS else ""
    )
    package = _FONT_PACKAGES.get(script_name, _DEFAULT_FONT_PACKAGE)
    return (
        f"no installed font has {replace_control_chars(named_characters)} "
        f"({script_name.capitalize()}), so boxes are drawn: install a font and draw again "
        f"(Debian, Ubuntu: apt-get install {package})"
    )


def _get_script_name(character: str) -> str:
    """Return the name of a character's script (writing system), such as `HANGUL`.

    The name is the first word of the character's Unicode name. For an emoji, the name is `EMOJI`.
    """
    if unicodedata.category(character) == "So" and ord(character) >= 0x1F000:
        return "EMOJI"
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]
