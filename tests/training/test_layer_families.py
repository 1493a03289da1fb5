"""One network for each family of layers: bits against plain `fit`, after an interruption, and in an export.

`python -m tests.stress layers` checks each layer alone, in all formats.
"""

from collections import Counter
from typing import get_args

import pytest

from dnn_cli.config.layer_base import Family, LayerShapeError
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.export.export_formats import EXPORT_FORMATS
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.layer_checks import build_layer_experiment, compare_engines, train_and_resume, try_export
from tests.helpers.settings import RUN_ALL_CASES

CLASSES = [cls for cls in LAYERS_BY_TYPE.values() if is_in_keras(cls)]
FAMILIES = [family for family in get_args(Family) if any(cls.family == family for cls in CLASSES)]
FORMATS = list(EXPORT_FORMATS.values())
MAX_LAYERS = 30 if RUN_ALL_CASES else 5
"""Largest number of layers in a network. More layers take longer to compile."""


def get_format(family):
    """The format in which the network of a family is exported: each format is used by some families."""
    return FORMATS[FAMILIES.index(family) % len(FORMATS)]


def fit_layer(cls, shape):
    """The output shape of the example of a layer for an input shape; None if the layer does not accept the shape."""
    try:
        return cls(**cls.example).compute_output_shape(shape)
    except LayerShapeError:
        return None


def build_family_stack(family):
    """(input shape, layers) of a network with layers of a family.

    The input shape is that of most examples. Layers that keep the number of axes come first, so that more layers fit.
    """
    members = [cls for cls in CLASSES if cls.family == family]
    (shape, takes_integers), _ = Counter((cls.example_shape, cls.takes_integers) for cls in members).most_common(1)[0]
    start, stack = shape, []
    first = [cls for cls in members if cls.takes_integers == takes_integers]
    ranked = sorted(first, key=lambda cls: len(cls.example_shape) != len(fit_layer(cls, cls.example_shape)))
    for cls in ranked:
        output = fit_layer(cls, shape)
        if output is None or len(stack) == MAX_LAYERS or (stack and cls.takes_integers):
            continue
        stack.append(cls(**cls.example))
        shape = output
    return start, stack


# Keras asks NumPy for an old name when it imports its converter to ONNX.
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*does not support masking:UserWarning")
@pytest.mark.parametrize("family", FAMILIES)
def test_network_of_a_family_has_the_bits_of_plain_fit_and_is_exported(family, tmp_path):
    shape, layers = build_family_stack(family)
    experiment = build_layer_experiment(layers, shape, tmp_path)
    run, resume_difference = train_and_resume(experiment, tmp_path)
    assert resume_difference == ""
    assert compare_engines(experiment, run) == ""
    for export_format in FORMATS if RUN_ALL_CASES else [get_format(family)]:
        exported = try_export(run, export_format, tmp_path)
        obstacles = [
            part.type
            for layer in layers
            for part in layer.iter_layers()
            if not layer.is_training_only and part.get_export_obstacle(export_format.name)
        ]
        assert exported.is_refused == bool(obstacles)
        assert exported.is_refused or exported.error == ""


def test_networks_have_several_layers_of_most_families():
    for family in FAMILIES:
        members = sum(cls.family == family for cls in CLASSES)
        assert len(build_family_stack(family)[1]) >= min(2, members), family
