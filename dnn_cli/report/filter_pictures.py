"""Kernels and feature maps as pictures for papers: Altair charts with images and histograms."""

import base64
from io import BytesIO
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.network_filters import KernelPair, MapPair, NetworkFilters, compute_map_range
from dnn_cli.report.chart_files import CHART_COLOURS
from dnn_cli.report.filter_colours import colour_maps, colour_weights
from dnn_cli.report.filter_text import format_example, format_kernel_title, format_map_scale, format_map_title

if TYPE_CHECKING:
    from dnn_cli.report.chart_files import AltairChart

_MAX_IMAGES = 64
"""Largest number of filters in the picture of a layer."""

_GRID_SIZE = 260
"""Width of a grid of pictures, in points."""

_PIXELS = 640
"""Approximate width of a grid of pictures, in pixels."""

# A grey gap separates white weights from the white page.
_GAP_SHADE = 170
"""Shade of grey between pictures, from 0 to 255."""

_BARS = 30
"""Number of steps of a histogram."""


def build_filter_picture(filters: NetworkFilters) -> "AltairChart":
    """Build a picture with a row for each layer: before the training, after the training, and a histogram."""
    import altair as alt

    rows = [*map(_build_kernel_row, filters.kernels), *(_build_map_row(maps, filters) for maps in filters.maps)]
    chart = alt.vconcat(*rows).resolve_scale(color="independent", strokeDash="independent")
    return cast(
        "AltairChart",
        chart.configure(background="white", padding=8)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal", gridColor="#e4e4e4"),
    )


def _build_kernel_row(kernel: KernelPair) -> Any:
    """Build the row of a kernel: both grids of pictures, and the histograms."""
    import altair as alt

    limit = kernel.limit
    grids = [
        _build_grid(colour_weights(images[:_MAX_IMAGES], limit), title)
        for title, images in (("initial", kernel.initial_images), ("trained", kernel.trained_images))
    ]
    scale = f"blue {-limit:.3g}, white 0, red {limit:.3g}"
    row = alt.hconcat(*grids, _build_histogram(kernel)).resolve_scale(color="independent", strokeDash="independent")
    return _add_title(row, format_kernel_title(kernel), scale, len(kernel.initial_images))


def _build_map_row(maps: MapPair, filters: NetworkFilters) -> Any:
    """Build the row of feature maps, from the untrained and the trained network."""
    import altair as alt

    grids, scales = [], []
    for label, images in (("untrained", maps.untrained), ("trained", maps.trained)):
        bounds = compute_map_range(images)
        grids.append(_build_grid(colour_maps(images[:_MAX_IMAGES], *bounds), label))
        scales.append(f"{label} {format_map_scale(bounds, ('violet', 'yellow'))}")
    return _add_title(
        alt.hconcat(*grids),
        f"{format_map_title(maps)}; {format_example(filters)}",
        "; ".join(scales),
        len(maps.trained),
    )


def _add_title(row: Any, title: str, scale: str, count: int) -> Any:
    """Add a title to a row, with the scale of its colours and the number of pictures that are left out."""
    import altair as alt

    more = f"; the first {_MAX_IMAGES} of {count}" if count > _MAX_IMAGES else ""
    return row.properties(
        title=alt.Title(title, subtitle=f"scale: {scale}{more}", anchor="start", fontSize=13, subtitleFontSize=11)
    )


def _build_grid(colours: NDArray[np.uint8], title: str) -> Any:
    """Build a chart with pictures in rows. `colours` has the shape (n, height, width, 3)."""
    import altair as alt
    from PIL import Image

    count, height, width, _ = colours.shape
    columns = ceil(sqrt(count * height / width))
    rows = ceil(count / columns)
    factor = max(1, _PIXELS // (columns * width))
    gap = max(2, factor * min(height, width) // 10)
    canvas = np.full(
        (rows * (height * factor + gap) - gap, columns * (width * factor + gap) - gap, 3), _GAP_SHADE, np.uint8
    )
    for number, image in enumerate(colours.repeat(factor, axis=1).repeat(factor, axis=2)):
        top, left = number // columns * (height * factor + gap), number % columns * (width * factor + gap)
        canvas[top : top + height * factor, left : left + width * factor] = image
    last = count % columns
    if last:
        canvas[(rows - 1) * (height * factor + gap) :, last * (width * factor + gap) - gap :] = 255
    buffer = BytesIO()
    Image.fromarray(canvas).save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    chart_height = round(_GRID_SIZE * canvas.shape[0] / canvas.shape[1])
    return (
        alt.Chart(alt.InlineData(values=[{"url": uri}]))
        .mark_image(width=_GRID_SIZE, height=chart_height, aspect=False)
        .encode(url="url:N", x=alt.value(_GRID_SIZE / 2), y=alt.value(chart_height / 2))
        .properties(width=_GRID_SIZE, height=chart_height, title=alt.Title(title, fontSize=12, fontWeight="normal"))
    )


def _build_histogram(kernel: KernelPair) -> Any:
    """Build the histograms of a kernel before and after the training, as lines with steps."""
    import altair as alt

    pair = {"initial": kernel.initial, "trained": kernel.trained}
    end = float(max(np.abs(values).max() for values in pair.values())) or 1.0
    names = {name: f"{name}: mean {values.mean():.3g}, std {values.std():.3g}" for name, values in pair.items()}
    rows = []
    for name, values in pair.items():
        counts, edges = np.histogram(values, _BARS, (-end, end))
        centres = (edges[:-1] + edges[1:]) / 2
        rows += [{"w": float(x), "n": int(n), "kernel": names[name]} for x, n in zip(centres, counts, strict=True)]
    scale = alt.Scale(domain=list(names.values()), range=list(CHART_COLOURS[:2]))
    dashes = alt.Scale(domain=list(names.values()), range=[[4, 3], [1, 0]])
    legend = alt.Legend(title=None, orient="bottom", direction="vertical", labelLimit=0)
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(interpolate="step", strokeWidth=1.8)
        .encode(
            x=alt.X("w:Q", title="weight", scale=alt.Scale(nice=False)),
            y=alt.Y("n:Q", title="number of weights"),
            color=alt.Color("kernel:N", scale=scale, legend=legend),
            strokeDash=alt.StrokeDash("kernel:N", scale=dashes, legend=None),
        )
        .properties(width=260, height=180, title=alt.Title("all weights", fontSize=12, fontWeight="normal"))
    )
