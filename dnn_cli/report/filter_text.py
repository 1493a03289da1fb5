"""Kernels and feature maps as pictures in a terminal, and their numbers as a JSON document."""

import textwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from dnn_cli.metrics.network_filters import KernelPair, MapPair, NetworkFilters, compute_map_range, count_dead_maps
from dnn_cli.report.filter_colours import colour_maps, colour_weights
from dnn_cli.report.terminal_images import draw_images

_MAX_IMAGES = 16
"""Largest number of filters that a terminal shows for each layer."""

_MAX_COLUMNS = 16
"""Largest width of a picture in terminal characters."""

_BARS = 32
"""Number of bars of a histogram."""


def draw_network_filters(filters: NetworkFilters, *, width: int, colour: bool, unicode: bool) -> list[Text]:
    """Return kernels and feature maps as lines of text.

    Args:
        filters: The kernels and feature maps.
        width: The width of the terminal, in characters.
        colour: Whether pictures are in colour; otherwise, they are shades of grey.
        unicode: Whether shades are block characters; otherwise, they are ASCII characters.
    """
    lines: list[Text] = []
    for kernel in filters.kernels:
        limit = kernel.limit
        scale = ("blue", "white", "red") if colour else ("dark", "grey", "light")
        lines += [
            *map(Text, textwrap.wrap(format_kernel_title(kernel), width)),
            Text(f"scale: {scale[0]} {-limit:.3g}, {scale[1]} 0, {scale[2]} {limit:.3g}"),
            *_format_histogram(kernel, unicode=unicode),
            *_draw_rows(
                ("initial", "trained"),
                [colour_weights(values, limit) for values in (kernel.initial_images, kernel.trained_images)]
                if colour
                else [kernel.initial_images, kernel.trained_images],
                (0, 255) if colour else (-limit, limit), width, colour=colour, unicode=unicode,
            ),
            Text(),
        ]  # fmt: skip
    for maps in filters.maps:
        # Outputs of a trained layer are often several times larger, so that one scale would hide untrained maps.
        ranges = [compute_map_range(values) for values in (maps.untrained, maps.trained)]
        names = ("violet", "yellow") if colour else ("dark", "light")
        lines += [
            Text(format_map_title(maps)),
            Text(format_example(filters)),
            *(
                Text(f"{label + ':':10} {format_map_scale(bounds, names)}; maps of zeros: {count_dead_maps(values)}")
                for label, values, bounds in zip(
                    ("untrained", "trained"), (maps.untrained, maps.trained), ranges, strict=True
                )
            ),
            *_draw_rows(
                ("untrained", "trained"),
                [
                    colour_maps(values, low, high) if colour else (values - low) / ((high - low) or 1.0)
                    for values, (low, high) in zip((maps.untrained, maps.trained), ranges, strict=True)
                ],
                (0, 255) if colour else (0, 1), width, colour=colour, unicode=unicode,
            ),
            Text(),
        ]  # fmt: skip
    return lines[:-1]


def format_kernel_title(kernel: KernelPair) -> str:
    """Return the title of the pictures of a kernel: layer, shape and the part that is drawn."""
    shape = " × ".join(map(str, kernel.initial.shape))
    return f"kernel of {kernel.layer}, {shape}" + (f", {kernel.part}" if kernel.part else "")


def format_map_title(maps: MapPair) -> str:
    """Return the title of feature maps: layer and shape."""
    count, height, width = maps.trained.shape
    return f"feature maps of {maps.layer}, {height} × {width} × {count}"


def format_example(filters: NetworkFilters) -> str:
    """Return the example of feature maps, with its target and its prediction."""
    return f"validation example {filters.example}: true {filters.target}, predicted {filters.prediction}"


def format_map_scale(bounds: tuple[float, float], names: tuple[str, str]) -> str:
    """Return the scale of the maps of one network, with the names of the shades of the lowest and highest value."""
    return f"{names[0]} {bounds[0]:.3g}, {names[1]} {bounds[1]:.3g}"


def build_filters_document(filters: NetworkFilters) -> dict[str, Any]:
    """Build the JSON document of kernels and feature maps: their numbers before and after the training."""
    return {
        "kernels": [
            {
                "layer": kernel.layer,
                "shape": list(kernel.initial.shape),
                "initial": _compute_statistics(kernel.initial),
                "trained": _compute_statistics(kernel.trained),
            }
            for kernel in filters.kernels
        ],
        "example": filters.example,
        "target": filters.target,
        "prediction": filters.prediction,
        "caveats": list(filters.caveats),
        "maps": [
            {
                "layer": maps.layer,
                "shape": [*maps.trained.shape[1:], len(maps.trained)],
                "untrained": {**_compute_statistics(maps.untrained), "dead": count_dead_maps(maps.untrained)},
                "trained": {**_compute_statistics(maps.trained), "dead": count_dead_maps(maps.trained)},
            }
            for maps in filters.maps
        ],
    }


def _compute_statistics(values: NDArray[np.float32]) -> dict[str, float]:
    """Return mean, standard deviation, minimum and maximum of values."""
    return {
        "mean": float(values.mean()), "std": float(values.std()), "min": float(values.min()), "max": float(values.max())
    }  # fmt: skip


def _format_histogram(kernel: KernelPair, *, unicode: bool) -> list[Text]:
    """Return the histograms of a kernel before and after the training, with a common scale."""
    pair = {"initial": kernel.initial, "trained": kernel.trained}
    end = float(max(np.abs(values).max() for values in pair.values())) or 1.0
    counts = {name: np.histogram(values, _BARS, (-end, end))[0] for name, values in pair.items()}
    highest = max(int(values.max()) for values in counts.values())
    marks = " ▁▂▃▄▅▆▇█" if unicode else " .:-=+*#@"
    return [
        Text(
            f"{name}  {''.join(marks[-(-int(count) * (len(marks) - 1) // highest)] for count in counts[name])}  "
            f"mean {values.mean():.3g}, std {values.std():.3g}"
        )
        for name, values in pair.items()
    ]


def _draw_rows(
    labels: tuple[str, str], pair: list[NDArray[Any]], bounds: tuple[float, float], width: int, *,
    colour: bool, unicode: bool,
) -> list[Text]:  # fmt: skip
    """Return rows of pictures: as many as fit side by side, before the training above after the training."""
    count, size = min(len(pair[0]), _MAX_IMAGES), pair[0].shape[2]
    columns = min(2 * size if size < _MAX_COLUMNS else size, _MAX_COLUMNS, width)
    abreast = max(1, (width + 2) // (columns + 2))
    lines: list[Text] = []
    for start in range(0, count, abreast):
        end = min(start + abreast, count)
        room = (end - start) * (columns + 2) - 2
        dash = "–" if unicode else "-"
        numbers = f"{start + 1}{dash}{end}" if end > start + 1 else str(end)
        for label, images in zip(labels, pair, strict=True):
            drawn = draw_images(images[start:end], *bounds, width=room, colour=colour, unicode=unicode)
            lines += [Text(f"{label} {numbers}"), *drawn]
    if count < len(pair[0]):
        lines.append(Text(f"{len(pair[0]) - count} more; -o filters.png draws up to 64"))
    return lines
