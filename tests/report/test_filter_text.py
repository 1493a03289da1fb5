"""Kernels and feature maps in a terminal and as pictures, from arrays."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dnn_cli.metrics.network_filters import KernelPair, MapPair, NetworkFilters, count_dead_maps
from dnn_cli.report.chart_files import write_chart
from dnn_cli.report.filter_colours import colour_weights
from dnn_cli.report.filter_pictures import build_filter_picture
from dnn_cli.report.filter_text import build_filters_document, draw_network_filters


@pytest.fixture
def filters():
    """Twenty filters of three inputs, and their maps, of which one is 0 everywhere after the training."""
    rng = np.random.default_rng(0)
    initial, trained = rng.normal(size=(2, 3, 3, 3, 20)).astype(np.float32)
    images = [np.moveaxis(kernel[:, :, 0], -1, 0) for kernel in (initial, trained)]
    untrained_maps, trained_maps = rng.uniform(0.1, 1, (2, 20, 8, 8)).astype(np.float32)
    trained_maps[4] = 0
    kernel = KernelPair("first", initial, trained, *images, "input 1 of 3")
    return NetworkFilters((kernel,), (MapPair("first", untrained_maps, trained_maps),), 7, "cat", "dog")


@pytest.mark.parametrize("width", [20, 80, 140])
@pytest.mark.parametrize("colour", [True, False])
def test_pictures_fit_the_terminal(filters, width, colour):
    lines = draw_network_filters(filters, width=width, colour=colour, unicode=True)
    pictures = [line for line in lines if set(line.plain) <= set("▀ ░▒▓█")]
    assert pictures
    assert max(line.cell_len for line in pictures) <= width


def test_text_names_layers_scale_and_example(filters):
    text = "\n".join(line.plain for line in draw_network_filters(filters, width=80, colour=False, unicode=False))
    assert "kernel of first, 3 × 3 × 3 × 20, input 1 of 3" in text
    assert "validation example 7: true cat, predicted dog" in text
    assert re.search(r"^untrained: .* maps of zeros: 0$", text, re.MULTILINE)
    assert re.search(r"^trained: .* maps of zeros: 1$", text, re.MULTILINE)
    assert "4 more" in text


def test_lines_fit_80_columns(filters):
    filters = replace(filters, maps=(replace(filters.maps[0], trained=filters.maps[0].trained * -1.2345e-5),))
    lines = draw_network_filters(filters, width=80, colour=True, unicode=True)
    assert max(line.cell_len for line in lines) <= 80


def test_document_has_numbers_of_the_complete_kernel(filters):
    document = build_filters_document(filters)
    trained = filters.kernels[0].trained
    assert document["kernels"][0]["trained"]["std"] == pytest.approx(trained.std())
    assert document["maps"][0]["trained"]["dead"] == count_dead_maps(filters.maps[0].trained) == 1


def test_weights_of_zero_are_white_and_signs_differ_in_colour():
    below, zero, above = colour_weights(np.array([-1, 0, 1], np.float32), 1.0)
    assert zero.min() > 240
    assert below[2] > below[0]
    assert above[0] > above[2]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_pictures_are_written(filters, tmp_path, suffix):
    path = tmp_path / f"filters.{suffix}"
    write_chart(build_filter_picture(filters), path)
    assert path.stat().st_size > 10_000
