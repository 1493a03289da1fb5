"""Base class of layers, and the table of layers by their type."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

from annotated_types import Len
from pydantic import Field, GetCoreSchemaHandler, SerializationInfo, Strict
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from dnn_cli.config.base import Count, KerasConfig, Shape, to_typed_mapping
from dnn_cli.config.identifiers import KerasName

XlaSupport = Literal["fast", "slow_on_cpu", "unverified", "none"]
XlaDeterminism = Literal["deterministic", "random", "unverified"]
Scaling = Literal["fixed", "computed"]
ChannelsLast = Literal["channels_last"]
WindowPadding = Literal["valid", "same"]
Family = Literal[
    "core",
    "activation",
    "convolution",
    "pooling",
    "image size",
    "dropout and noise",
    "normalization",
    "recurrent",
    "wrapper",
    "augmentation",
]
"""Group of layers with a similar purpose, in the order of lists and documents."""

_InputShape = Annotated[tuple[Count, ...], Strict(False), Len(1, 8)]


class LayerShapeError(ValueError):
    """Error of a layer that does not accept its input shape. The text gives the reason and a suggestion."""

    @property
    def reason(self) -> str:
        """Text without the suggestion."""
        return str(self).partition(": ")[0]


class WeightSpec(NamedTuple):
    """Name and shape of one weight of a layer.

    The arguments of the layer for this weight are `{argument_prefix}_initializer` and so on. The prefix is the name of
    the weight, if it is empty.
    """

    name: str
    shape: Shape
    trainable: bool = True
    argument_prefix: str = ""

    @property
    def size(self) -> int:
        return math.prod(self.shape)


LAYER_CLASSES: dict[str, type["BaseLayer"]] = {}
"""Layers by their `type`, in the order of their definitions. Defining a class with a `keras_name` adds the class."""

CODE_MARK = ":"
"""Character in the `type` of a layer whose class is in a module of the user: `mylayers:Scale`."""

_CUSTOM_LAYER_CLASSES: list[type["BaseLayer"]] = []
"""Class of layers whose `type` has a `CODE_MARK`. Defining a class with `runs_user_code` adds the class."""


class BaseLayer(KerasConfig):
    """Layer that computes its output shape, its weights and its number of multiply-adds from the input shape.

    The class variables are traits. Other modules ask for traits, and do not list classes of layers.
    """

    family: ClassVar[Family]
    """Group of the layer in lists and documents."""

    example: ClassVar[Mapping[str, Any]] = {}
    """Arguments of an example for documents and tests. All required arguments are included."""

    example_shape: ClassVar[Shape] = (6, 6, 2)
    """Input shape of the example."""

    min_keras_version: ClassVar[tuple[int, int]] = (3, 12)
    """First version of Keras that has the layer, or the oldest supported version."""

    is_linear: ClassVar[bool] = False
    """Whether the layer is a linear map in a trained network, apart from its activation. Two kernels with only linear
    layers between them act as a single kernel."""

    is_training_only: ClassVar[bool] = False
    """Whether the layer changes its inputs in training, and passes them on unchanged afterwards: noise, augmentation.
    Such layers lower training scores. Exported models do not contain them."""

    only_reshapes: ClassVar[bool] = False
    """Whether the outputs are always the inputs in another shape."""

    input_scaling: ClassVar[Scaling | None] = None
    """How the layer scales its inputs: by numbers of the config (`fixed`), by statistics of the inputs (`computed`), or
    not at all (`None`)."""

    takes_integers: ClassVar[bool] = False
    """Whether inputs are whole numbers, such as the numbers of words."""

    keeps_mask: ClassVar[bool] = False
    """Whether the layer passes the mask of a sequence on to the next layer: Keras's `supports_masking`."""

    is_recurrent: ClassVar[bool] = False
    """Whether the layer reads a sequence step by step, forwards or backwards."""

    has_kernel: ClassVar[bool] = False
    """Whether the layer multiplies by a kernel. The last layer with a kernel computes the output."""

    kernel_names: ClassVar[tuple[str, ...]] = ("kernel",)
    """Names of the weights that are kernels, if the layer has a kernel."""

    is_fully_connected: ClassVar[bool] = False
    """Whether each output depends on all numbers of the last axis. Inputs with several axes are rows of numbers, which
    the layer computes separately."""

    size_key: ClassVar[str | None] = None
    """Argument with the size of the last axis of the output, such as `units`; `None` for a layer without a size."""

    xla_support: ClassVar[XlaSupport] = "fast"
    """How well XLA compiles the layer. On a CPU, convolutions and random numbers take up to ten times as long.
    `unverified` layers have not been tried: only `jit: true` compiles them with XLA."""

    xla_determinism: ClassVar[XlaDeterminism] = "unverified"
    """Whether XLA's programs of the layer compute equal weights each time on a GPU. `random` programs add numbers in a
    random order. `unverified` programs have not been tried on a GPU, and are used like `random` programs."""

    has_unknown_weights: ClassVar[bool] = False
    """Whether only the code of the layer determines its weights, so that a config does not have their number."""

    supports_lanes: ClassVar[bool] = False
    """Whether one program can run the layer for several models at once."""

    runs_user_code: ClassVar[bool] = False
    """Whether the class of the layer is in a module of the user, which is imported only with `--allow-code`."""

    inner_key: ClassVar[str | None] = None
    """Key of the list of layers that the layer contains; `None` for a layer without layers. The list is also the short
    form of the layer: `{residual: […]}`."""

    slowdown: ClassVar[int] = 1
    """Time of a multiply-add, relative to a multiply-add of a Dense layer."""

    suitable_activation: ClassVar[str | None] = None
    """Activation whose outputs the layer needs as inputs, to keep their mean and variance; `None` for any inputs."""

    export_obstacles: ClassVar[Mapping[str, str]] = {}
    """Reason why a format of `dnn export` cannot hold the layer, by the name of the format. `dnn export` prints it."""

    type: str
    name: KerasName | None = None
    trainable: bool = True
    input_shape: _InputShape | None = Field(None, exclude=True)
    """Keras's argument for the input shape of the first layer. It must equal the shape of the data."""

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        super().__pydantic_init_subclass__(**arguments)
        if cls.runs_user_code:
            _CUSTOM_LAYER_CLASSES.append(cls)
        elif "keras_name" in vars(cls):
            LAYER_CLASSES[cls.model_fields["type"].default] = cls

    @property
    def applied_activation(self) -> str | None:
        """Activation that the layer applies, `linear` by default; `None` for a layer that cannot have an activation."""
        return (getattr(self, "activation", None) or "linear") if "activation" in type(self).model_fields else None

    @property
    def activation_key(self) -> str | None:
        """Key of the argument that sets `applied_activation`; `None` without such an argument.

        The key is `layer.activation` in a wrapper.
        """
        has_argument = "activation" in type(self).model_fields and self.applied_activation is not None
        return "activation" if has_argument else None

    @property
    def wrapped_layers(self) -> Mapping[str, "BaseLayer"]:
        """Layers that a wrapper contains, by argument; empty for other layers."""
        return {}

    @property
    def has_dropout(self) -> bool:
        """Whether a training applies dropout or noise at random to the inputs or the state of the layer.

        Layers within the layer do not count. `dnn predict --samples` keeps this dropout active.
        """
        return False

    @property
    def needs_gpu(self) -> bool:
        """Whether an argument selects code that exists on a GPU only."""
        return getattr(self, "use_cudnn", None) is True

    @property
    def creates_mask(self) -> bool:
        """Whether the layer marks time steps that later layers leave out."""
        return False

    @property
    def integer_limit(self) -> int | None:
        """Number above all whole numbers that the layer takes; `None` for a layer without such a limit."""
        return None

    @property
    def kernel_initializer_type(self) -> str | None:
        """Type of the argument `kernel_initializer`; `None` for a layer without this argument."""
        initializer = getattr(self, "kernel_initializer", None)
        return None if initializer is None else str(initializer.type)

    @property
    def penalizes_outputs(self) -> bool:
        """Whether the layer adds a penalty of its outputs to the loss."""
        return getattr(self, "activity_regularizer", None) is not None

    @property
    def last_axis_size(self) -> int | None:
        """Size of the last axis of the output, if an argument determines this size."""
        return getattr(self, self.size_key) if self.size_key else None

    def iter_layers(self) -> Iterator["BaseLayer"]:
        """Yield the layer, then the layers that the layer contains."""
        yield self
        for layer in (*self.wrapped_layers.values(), *self.inner_layers):
            yield from layer.iter_layers()

    def get_export_obstacle(self, format_name: str) -> str:
        """Return why a format of `dnn export` cannot hold the layer itself; empty for a supported format."""
        return self.export_obstacles.get(format_name, "")

    @property
    def inner_layers(self) -> tuple["BaseLayer", ...]:
        """Layers of the stack that the layer contains, with every repetition of repeated layers."""
        return ()

    @property
    def inner_paths(self) -> tuple[tuple[str | int, ...], ...]:
        """Key path, below `inner_key`, for each layer of `inner_layers`."""
        return ()

    def list_inner_items(self) -> tuple[Any, ...]:
        """Return the layers and repeated blocks that the layer contains, as in the config."""
        return ()

    def get_xla_determinism(self) -> XlaDeterminism:
        """Return `xla_determinism`, unless it depends on the arguments of the layer."""
        return self.xla_determinism

    def get_xla_support(self) -> XlaSupport:
        """Return `xla_support`, unless it depends on the arguments of the layer."""
        return self.xla_support

    def has_other_bits_with_xla(self, shape: Shape) -> bool:
        """Return whether XLA sums the products of the layer in another order, which changes the bits of the weights."""
        return False

    def format_size(self, output_shape: Shape) -> str:
        """Return the size of the layer in a summary of one line, such as its number of units; empty without a size."""
        return "" if self.last_axis_size is None else str(self.last_axis_size)

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for an input shape, both without the batch axis.

        Raises:
            LayerShapeError: the layer does not accept the shape.
        """
        return shape

    def accepts_shape(self, shape: Shape) -> bool:
        """Return whether the layer accepts an input shape."""
        try:
            self.compute_output_shape(shape)
        except LayerShapeError:
            return False
        return True

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        """Return the weights of the layer for an input shape, in Keras's order."""
        return ()

    def count_multiply_adds(self, shape: Shape) -> int:
        """Return the number of multiplications with kernel weights for one example. Other arithmetic does not count."""
        return 0


def find_class_by_type(name: str) -> type[BaseLayer] | None:
    """Return the class of layers with a `type`; `None` for an unknown type."""
    if CODE_MARK in name:
        return next(iter(_CUSTOM_LAYER_CLASSES), None)
    return LAYER_CLASSES.get(name)


def find_short_type(config: Mapping[str, Any]) -> str | None:
    """Return the type of a layer in its short form without `type`, such as `{residual: […]}`; else `None`."""
    return next((name for name, cls in LAYER_CLASSES.items() if cls.inner_key and cls.inner_key in config), None)


def validate_layer(value: Any) -> BaseLayer:
    """Return the layer that a value of a config describes: a name, or a mapping with a `type`.

    Only the class of this type is used. Pydantic would need 0.3 s to prepare a union of 100 classes.

    Raises:
        PydanticKnownError: the value has no type, or an unknown type.
        ValidationError: arguments of the layer are invalid.
    """
    if isinstance(value, BaseLayer):
        return value
    config = to_typed_mapping(value)
    if not isinstance(config, dict):
        raise PydanticKnownError("model_attributes_type")
    if "type" not in config and (short := find_short_type(config)):
        config = {"type": short, **config}
    if "type" not in config:
        raise PydanticKnownError("union_tag_not_found", {"discriminator": "'type'"})
    cls = find_class_by_type(config["type"]) if isinstance(config["type"], str) else None
    if cls is None:
        expected = ", ".join(f"'{name}'" for name in LAYER_CLASSES)
        context = {"discriminator": "'type'", "tag": str(config["type"]), "expected_tags": expected}
        raise PydanticKnownError("union_tag_invalid", context)
    return cls.model_validate(config)


def _serialize_layer(layer: BaseLayer, info: SerializationInfo) -> dict[str, Any]:
    """Return the arguments of a layer as plain values."""
    return layer.model_dump(mode=info.mode)


class AnyLayer:
    """Annotation of a field that contains any layer."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        serialization = core_schema.plain_serializer_function_ser_schema(_serialize_layer, info_arg=True)
        return core_schema.no_info_plain_validator_function(validate_layer, serialization=serialization)


if TYPE_CHECKING:
    # Code that uses a layer knows only what all layers have in common.
    Layer: TypeAlias = BaseLayer
else:
    Layer = Annotated[BaseLayer, AnyLayer()]


def get_automatic_name(cls: str) -> str:
    """Return Keras's name for the first unnamed layer of a class: `MaxPooling2D` → `max_pooling2d`.

    The module of a custom layer is left out: `mylayers:Scale` → `scale`.
    """
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", cls.rpartition(CODE_MARK)[2])
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def compute_activation_shape(activation: str | None, shape: Shape) -> Shape:
    """Return the shape after an activation.

    `glu` halves the last axis: it multiplies one half by the sigmoid of the other half.
    All other activations keep the shape.

    Raises:
        LayerShapeError: the activation is `glu`, and the last axis is odd or absent.
    """
    if activation != "glu":
        return shape
    if not shape or shape[-1] % 2:
        raise LayerShapeError(f"glu halves the last axis of {shape}: the size of this axis must be even")
    return (*shape[:-1], shape[-1] // 2)
