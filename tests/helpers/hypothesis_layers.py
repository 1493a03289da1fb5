"""Random valid layers, made from the fields of their classes, and stacks of layers that fit each other."""

from typing import Annotated, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.layer_base import Layer, LayerShapeError
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from tests.helpers.hypothesis_configs import find_bounds, get_full_annotation
from tests.helpers.keras_signatures import is_in_keras

LAYER = TypeAdapter(Layer)
LARGEST = 6
FIXED = st.just(...)
"""Value of an argument that keeps the value of the example, or the default."""


def small_values_of(annotation, metadata=()):
    """Return small values for an annotation; `FIXED` for texts and parts of a config."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return small_values_of(inner[0], (*metadata, *inner[1:]))
    if origin is Literal:
        # In Keras, a layer after glu has wrong shapes; the activation glu has a test of its own.
        return st.sampled_from([value for value in inner if value != "glu"])
    if origin is tuple and inner[-1] is not Ellipsis:
        return st.tuples(*map(small_values_of, inner))
    if origin is tuple:
        bounds = find_bounds(metadata)
        return st.lists(small_values_of(inner[0]), min_size=bounds.get("min_length", 0), max_size=4)
    if origin is not None:
        inner = [part for part in inner if not has_config(part)]
        return st.one_of(map(small_values_of, inner)) if inner else FIXED
    bounds = find_bounds(metadata)
    least = bounds.get("ge", bounds.get("gt", -2))
    most = bounds.get("le", bounds.get("lt", LARGEST))
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(max(least + ("gt" in bounds), -LARGEST), min(most, LARGEST))
    if annotation is float:
        return st.floats(max(least, -2), min(most, 2), exclude_min="gt" in bounds, exclude_max="lt" in bounds, width=16)
    return st.none() if annotation is type(None) else FIXED


def has_config(annotation):
    """Return whether an annotation contains a part of a config, such as an initializer."""
    if isinstance(annotation, type):
        return issubclass(annotation, ConfigModel)
    return any(map(has_config, get_args(annotation)))


@st.composite
def layers_of(draw, cls):
    """Return a layer of a class with some arguments changed; the example if the changed arguments are invalid."""
    arguments = dict(cls.example)
    for name, field in cls.model_fields.items():
        if name in ("type", "name", "input_shape") or draw(st.booleans()):
            continue
        value = draw(small_values_of(get_full_annotation(field)))
        if value is not ...:
            arguments[name] = value
    try:
        return LAYER.validate_python({"type": cls.model_fields["type"].default, **arguments})
    except ValidationError:
        return cls(**cls.example)


@st.composite
def single_layers(draw, cls):
    """(input shape, layers): one layer of a class, on a shape with as many axes as that of its example."""
    layer, example = draw(layers_of(cls)), cls(**cls.example)
    shape = draw(st.tuples(*(st.integers(1, 2 * size) for size in cls.example_shape)))
    for chosen_shape, chosen_layer in ((shape, layer), (cls.example_shape, layer), (shape, example)):
        if fits(chosen_layer, chosen_shape):
            return chosen_shape, (chosen_layer,)
    return cls.example_shape, (example,)


def fits(layer, shape):
    """Return whether a layer accepts an input shape."""
    try:
        layer.compute_output_shape(shape)
    except LayerShapeError:
        return False
    return True


@st.composite
def layer_stacks(draw):
    """(input shape, layers): up to six layers of any kind, some of them named."""
    shape = draw(st.sampled_from([(16,), (8, 8), (6, 6, 2)]))
    start, layers = shape, []
    classes = [cls for cls in LAYERS_BY_TYPE.values() if is_in_keras(cls) and not cls.takes_integers]
    for index in range(draw(st.integers(1, 6))):
        candidates = [cls for cls in classes if fits(cls(**cls.example), shape)]
        layer = draw(layers_of(draw(st.sampled_from(candidates))))
        if draw(st.integers(0, 4)) == 0:
            layer = layer.model_copy(update={"name": f"named {index}" if draw(st.booleans()) else f"층_{index}"})
        if fits(layer, shape):
            layers.append(layer)
            shape = layer.compute_output_shape(shape)
    return start, tuple(layers)
