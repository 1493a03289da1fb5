"""Our arithmetic of names, shapes and weights against Keras's own models."""

import inspect

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import LayerShapeError, validate_layer
from dnn_cli.config.layer_shapes import check_image_shape, count_window_positions
from dnn_cli.config.layer_stack import ShapeError, compute_stages, list_layer_names, to_keras_names
from dnn_cli.config.registry import CLASSES_BY_KIND
from tests.helpers.hypothesis_layers import layer_stacks, single_layers
from tests.helpers.keras_signatures import get_keras_class, is_in_keras, to_plain_default
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.validators import VALIDATOR

LAYER_TYPES = [name for name, cls in CLASSES_BY_KIND["layer"].items() if is_in_keras(cls)]

UNSUPPORTED_ARGUMENTS = {
    "dtype", "weights", "lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size", "renorm",
    "renorm_clipping", "renorm_momentum", "synchronized", "return_state", "stateful",
}  # fmt: skip
"""Arguments of Keras for other uses: given weights, fine-tuning, quantization, training on several machines, and states
that only other layers can use."""


@pytest.mark.parametrize("name", LAYER_TYPES)
def test_layers_have_keras_arguments_and_defaults(name):
    cls = CLASSES_BY_KIND["layer"][name]
    theirs = dict(inspect.signature(get_keras_class(cls).__init__).parameters)
    for key in ("self", "kwargs", "name", *UNSUPPORTED_ARGUMENTS):
        theirs.pop(key, None)
    fields = {key: field for key, field in cls.model_fields.items() if not field.exclude}  # input_shape: all take it
    ours = {key: field for key, field in fields.items() if key not in ("type", "name", "trainable")}
    assert set(ours) == set(theirs)
    for key, field in ours.items():
        if theirs[key].default is inspect.Parameter.empty:
            assert field.is_required()
        else:
            ours_default, their_default = field.get_default(), to_plain_default(theirs[key].default)
            if to_plain_default(ours_default) != their_default:
                # A short form of the default, such as 1 for the margin [1, 1].
                assert getattr(cls(**{**cls.example, key: their_default}), key) == ours_default, key


@pytest.mark.parametrize("name", LAYER_TYPES)
@given(data=st.data())
@settings(max_examples=50 if RUN_ALL_CASES else 3, deadline=None, suppress_health_check=list(HealthCheck))
def test_shapes_and_weights_of_each_layer_match_keras(name, data):
    assert_matches_keras(*data.draw(single_layers(CLASSES_BY_KIND["layer"][name])))


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@given(layer_stacks())
@settings(max_examples=100 if RUN_ALL_CASES else 15, deadline=None, suppress_health_check=list(HealthCheck))
def test_names_shapes_and_weights_match_keras(stack):
    assert_matches_keras(*stack)


def assert_matches_keras(shape, layers):
    """Assert that Keras's model of these layers has the names, shapes and weights that our arithmetic computes."""
    stages = compute_stages(layers, shape)
    keras.utils.clear_session()
    built = [
        layer.build_keras_object(name=name)
        if layer.name
        else layer.build_keras_object()  # Keras names the others itself
        for name, layer in zip(to_keras_names(list_layer_names(layers)), layers, strict=True)
    ]
    model = keras.Sequential([keras.Input(shape), *built])
    assert to_keras_names([stage.name for stage in stages]) == [layer.name for layer in model.layers]
    for stage, layer in zip(stages, model.layers, strict=True):
        assert (None, *stage.output_shape) == tuple(layer.output.shape)
        assert [(w.name, w.shape) for w in stage.weights] == [
            (w.path.partition(f"{layer.name}/")[2] or w.path, tuple(w.shape)) for w in layer.weights
        ]
        assert stage.parameters == layer.count_params()
        assert sum(w.size for w in stage.trainable) == sum(
            w.value.shape.num_elements() for w in layer.trainable_weights
        )


def test_layer_names_are_converted_for_tensorflow():
    names = ["은닉", "은닉층 A", "hidden", "a b", "a_b", "_x", "層"]
    built = to_keras_names(names)
    assert built[2] == "hidden"
    assert built[4] == "a_b"
    assert len(set(built)) == len(names)
    assert all(name.isascii() and " " not in name for name in built)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        ({"type": "Conv2D", "filters": 3, "kernel_size": 2, "groups": 2}, (4, 4, 1), "groups 2 must divide"),
        ({"type": "Conv2D", "filters": 2, "kernel_size": 2, "strides": 2, "dilation_rate": 2}, (4, 4, 1), "not both"),
        ({"type": "Conv2D", "filters": 2, "kernel_size": 5}, (4, 4, 1), "larger than the image"),
        ({"type": "AveragePooling2D", "pool_size": 99, "padding": "same"}, (4, 4, 1), "more than twice as large"),
        ({"type": "MaxPooling2D"}, (16,), "needs the input shape (height, width, channels)"),
        ({"type": "RandomHue", "factor": 0.1}, (4, 4, 1), "needs images with 3 channels, not 1: remove this layer"),
        ({"type": "RandAugment"}, (4, 4, 2), "needs images with 1 or 3 channels, not 2"),
        ({"type": "RandomErasing", "fill_value": [0, 0, 1]}, (4, 4, 1), "has 3 channels, the images 1: use a number"),
        ({"type": "ContrastLimitedAdaptiveHistogramEqualization"}, (2, 9, 1), "use tile_grid_size: [2, 8]"),
        ({"type": "BatchNormalization", "axis": 3}, (4, 4), "axis 3 is not an axis"),
        ({"type": "BatchNormalization", "axis": 0}, (4, 4), "axis 0 is not an axis"),
        ({"type": "LayerNormalization", "axis": [1, -2]}, (4, 4), "has the same axis twice"),
        ({"type": "RMSNormalization", "axis": 1}, (4, 4), "not axis 1: use axis [2], or LayerNormalization"),
        ({"type": "RMSNormalization", "axis": [-1, 1]}, (4, 3), "scales the last axes of (4, 3)"),
        ({"type": "Reshape", "target_shape": [-1, -1]}, (4, 4), "does not fit the 16 numbers"),
        ({"type": "Dropout", "rate": 0.5, "noise_shape": [None, 3]}, (4,), "does not fit a batch"),
        ({"type": "Conv1D", "filters": 2, "kernel_size": 2}, (16,), "target_shape: [16, 1]}"),
        ({"type": "Conv1D", "filters": 2, "kernel_size": 2}, (8, 8, 1), "use Conv2D"),
        ({"type": "Conv3D", "filters": 2, "kernel_size": 2}, (8, 8, 1), "(depth, height, width, channels)"),
        (
            {"type": "Conv2DTranspose", "filters": 2, "kernel_size": 2, "output_padding": 1},
            (4, 4, 1),
            "less than strides",
        ),
        (
            {"type": "Conv1DTranspose", "filters": 2, "kernel_size": 2, "padding": "same", "output_padding": 0},
            (4, 1),
            "needs an odd window",
        ),
        ({"type": "SeparableConv1D", "filters": 2, "kernel_size": 9}, (4, 1), "larger than the input (4,)"),
        ({"type": "DepthwiseConv2D", "kernel_size": 2, "strides": 2, "dilation_rate": 2}, (4, 4, 1), "not both"),
        ({"type": "STFTSpectrogram", "frame_length": 8, "frame_step": 9}, (32, 1), "use at most frame_step 8"),
        ({"type": "STFTSpectrogram", "frame_length": 8, "fft_length": 4}, (32, 1), "remove fft_length"),
        ({"type": "Cropping2D", "cropping": 2}, (4, 4, 1), "removes all of (4, 4)"),
        ({"type": "AdaptiveMaxPooling2D", "output_size": 1}, (4, 4, 1), "use GlobalMaxPooling2D"),
        (
            {
                "type": "Resizing",
                "height": 2,
                "width": 2,
                "crop_to_aspect_ratio": True,
                "pad_to_aspect_ratio": True,
            },
            (4, 4, 1),
            "but not both",
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_incompatible_layer_is_refused(layer, shape, message):
    experiment = Experiment.model_validate({"name": "x", "model": {"layers": [layer]}})
    with pytest.raises(ShapeError) as refused:
        compute_stages(experiment.model.layers, shape)
    assert message in str(refused.value)


def test_glu_halves_the_output_and_nothing_can_follow_it():
    glu = {"type": "Dense", "units": 20, "activation": "glu"}
    last = Experiment.model_validate({"name": "x", "model": {"layers": [glu]}})
    assert compute_stages(last.model.layers, (4,))[-1].output_shape == (10,)
    model = keras.Sequential([keras.Input((4,)), last.model.layers[0].build_keras_object()])
    assert model.predict(keras.ops.ones((1, 4)), verbose=0).shape == (1, 10)
    followed = Experiment.model_validate({"name": "x", "model": {"layers": [glu, "Flatten"]}})
    with pytest.raises(ShapeError, match="use glu in the last layer"):
        compute_stages(followed.model.layers, (4,))


@pytest.mark.parametrize(
    ("arguments", "key", "forms"),
    [
        ({"type": "Conv1D", "filters": 2}, "kernel_size", [3, [3]]),
        ({"type": "Conv3D", "filters": 2}, "kernel_size", [3, [3, 3, 3]]),
        ({"type": "Conv2DTranspose", "filters": 2, "kernel_size": 3}, "output_padding", [0, [0, 0]]),
        ({"type": "Cropping1D"}, "cropping", [2, [2, 2]]),
        ({"type": "Cropping2D"}, "cropping", [1, [1, 1], [[1, 1], 1], [[1, 1], [1, 1]]]),
        ({"type": "ZeroPadding3D"}, "padding", [1, [1, 1, 1], [[1, 1], [1, 1], 1]]),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_forms_of_an_argument_are_the_same_layer(arguments, key, forms):
    first, *others = [validate_layer({**arguments, key: form}) for form in forms]
    assert all(other == first for other in others)
    for form in forms:
        config = {"name": "x", "model": {"layers": [{**arguments, key: form}]}}
        assert VALIDATOR.is_valid(config)


def test_lists_of_a_wrong_length_are_refused_by_the_schema():
    for arguments in (
        {"type": "Cropping3D", "cropping": [1, 2]},
        {"type": "Conv1D", "filters": 1, "kernel_size": [1, 2]},
    ):
        with pytest.raises(ValidationError):
            validate_layer(arguments)
        config = {"name": "x", "model": {"layers": [arguments]}}
        assert not VALIDATOR.is_valid(config)


@pytest.mark.parametrize(
    ("arguments", "shape", "count"),
    [
        ({"type": "Conv1D", "filters": 4, "kernel_size": 3, "padding": "causal"}, (6, 2), 6 * 3 * 2 * 4),
        ({"type": "Conv3D", "filters": 4, "kernel_size": 2, "groups": 2}, (3, 3, 3, 2), 8 * 8 * 1 * 4),
        ({"type": "Conv2DTranspose", "filters": 4, "kernel_size": 3, "strides": 2}, (2, 2, 3), 4 * 9 * 3 * 4),
        ({"type": "DepthwiseConv2D", "kernel_size": 3, "depth_multiplier": 2}, (4, 4, 3), 4 * 9 * 3 * 2),
        ({"type": "SeparableConv2D", "filters": 5, "kernel_size": 3}, (4, 4, 3), 4 * (9 * 3 + 3 * 5)),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_multiply_adds_of_convolutions(arguments, shape, count):
    assert validate_layer(arguments).count_multiply_adds(shape) == count


def test_image_shapes_and_window_positions():
    with pytest.raises(LayerShapeError, match="Reshape"):
        check_image_shape("Conv2D", (4, 4))
    assert count_window_positions("Conv2D", (5, 7, 1), (2, 2), (2, 3), "same") == (3, 3)
