"""Random valid stacks of layers, grown layer by layer so that each fits the shape before it."""

from hypothesis import strategies as st
from pydantic import TypeAdapter

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.layer_base import LayerShapeError
from dnn_cli.config.layer_union import Layer

LAYER = TypeAdapter(Layer)
SMALL = st.integers(1, 6)
PAIR = st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3)))
PADDING = st.sampled_from(["valid", "same"])
MAYBE = st.booleans()
# glu halves its axis, which Keras itself only notices while training
ACTIVATION = st.sampled_from([name for name in ActivationName.__args__ if name != "glu"])


def dictionaries_of(**fields):
    return st.fixed_dictionaries(fields)


def layers_for_rank(rank):
    """Arguments for any layer that may take a shape of this rank; not all will fit."""
    kernel = {"use_bias": MAYBE, "trainable": MAYBE}
    axis = st.integers(-rank, rank).filter(bool)
    window = {"pool_size": PAIR, "strides": PAIR | st.none(), "padding": PADDING}
    normalization = {"center": MAYBE, "scale": MAYBE, "trainable": MAYBE}
    choices = [
        dictionaries_of(type=st.just("Dense"), units=SMALL, activation=ACTIVATION | st.none(), **kernel),
        dictionaries_of(type=st.just("Flatten")),
        dictionaries_of(type=st.just("Activation"), activation=ACTIVATION),
        dictionaries_of(type=st.just("Dropout"), rate=st.floats(0, 0.9)),
        dictionaries_of(type=st.just("GaussianNoise"), stddev=st.floats(0, 1)),
        dictionaries_of(type=st.just("Rescaling"), scale=st.floats(-2, 2), offset=st.floats(-1, 1)),
        dictionaries_of(type=st.just("BatchNormalization"), axis=axis, **normalization),
        dictionaries_of(
            type=st.just("LayerNormalization"),
            axis=axis | st.lists(axis, min_size=1, max_size=2, unique_by=lambda a: a - 1 if a > 0 else a + rank),
            center=MAYBE, scale=MAYBE,
        ),
        dictionaries_of(
            type=st.just("Reshape"), target_shape=st.sampled_from([[-1], [-1, 1], [2, -1], [4, 4, -1], [-1, 2, 2]])
        ),
    ]  # fmt: skip
    if rank == 3:
        strides = st.one_of(
            dictionaries_of(strides=PAIR),
            dictionaries_of(dilation_rate=PAIR),
            dictionaries_of(groups=st.sampled_from([1, 2])),
        )
        convolution = dictionaries_of(
            type=st.just("Conv2D"), filters=st.sampled_from([2, 4]), kernel_size=PAIR, padding=PADDING, **kernel
        )
        choices += [
            st.tuples(convolution, strides).map(lambda both: {**both[0], **both[1]}),
            dictionaries_of(type=st.just("MaxPooling2D"), **window),
            dictionaries_of(type=st.just("AveragePooling2D"), **window),
            dictionaries_of(type=st.just("GlobalAveragePooling2D"), keepdims=MAYBE),
        ]
    return st.one_of(choices)


@st.composite
def layer_stacks(draw):
    """(input shape, layers): up to six layers of any kind, some of them named."""
    shape = draw(st.sampled_from([(16,), (8, 8), (6, 6, 2)]))
    start, layers = shape, []
    for index in range(draw(st.integers(1, 6))):
        plain = {key: value for key, value in draw(layers_for_rank(len(shape))).items() if value is not None}
        if draw(st.integers(0, 4)) == 0:
            plain["name"] = f"named {index}" if draw(MAYBE) else f"층_{index}"
        layer = LAYER.validate_python(plain)
        try:
            after = layer.compute_output_shape(shape)
        except LayerShapeError:
            continue
        layers.append(layer)
        shape = after
    return start, tuple(layers)
