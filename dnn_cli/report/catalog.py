"""Names that a config can use, such as those of layers, with their meanings, arguments and examples."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args, get_origin

from dnn_cli.config.activations import ACTIVATION_FORMULAS
from dnn_cli.config.base import KerasConfig
from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS, Dataset
from dnn_cli.config.field_descriptions import read_field_descriptions
from dnn_cli.config.layer_base import BaseLayer, Family
from dnn_cli.config.layer_stack import compute_stages, format_sizes
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.config.network_summary import build_layer_row, format_number
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, list_spellings, to_plural
from dnn_cli.config.sweep_values import format_as_yaml
from dnn_cli.config.unknown_names import describe_unknown_name
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.errors import UsageError

_REQUIRED = "..."
"""Default of a required argument in JSON documents."""

_MAX_CHOICES = 6
"""Largest number of words that the description of an argument lists."""


@dataclass(frozen=True)
class Argument:
    """Argument of a class, with its default as a plain value and its meaning; `...` for a required argument."""

    name: str
    default: Any
    meaning: str

    @property
    def is_required(self) -> bool:
        return bool(self.default == _REQUIRED)

    @property
    def default_text(self) -> str:
        """Default as a short text that a config accepts, or the word `required`."""
        return "required" if self.is_required else _format_default(self.default)


@dataclass(frozen=True)
class LayerExample:
    """Example of a layer: its line in a config, the shapes of its input and output, and its parameters."""

    line: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int | None
    formula: str
    """Formula of the number of parameters, such as `2 × 3 + 3`; empty without parameters."""

    @property
    def parameters_text(self) -> str:
        """Number of parameters with its formula: `9 = 2 × 3 + 3`."""
        is_sum = self.formula and self.formula != str(self.parameters)
        number = format_number(self.parameters)
        return f"{number} = {self.formula}" if is_sum else number


@dataclass(frozen=True)
class CatalogItem:
    """A name that a config can use, such as `Dense`, with its meaning and arguments."""

    name: str
    summary: str
    """First line of the docstring of its class."""

    meaning: str
    """Docstring of its class in one line."""

    other_names: tuple[str, ...] = ()
    """Other names that Keras has for it."""

    config_class: type[KerasConfig] | None = None
    """Class of the part of a config; `None` for a name without a class."""

    @property
    def layer_class(self) -> type[BaseLayer] | None:
        """Class of a layer; `None` for other kinds."""
        cls = self.config_class
        return cls if cls is not None and issubclass(cls, BaseLayer) else None

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """Arguments, required ones first. Their meanings are read from the source, which takes 50 ms for all layers."""
        return tuple(_iter_arguments(self.config_class)) if self.config_class else ()

    @property
    def family(self) -> Family | None:
        """Group of a layer; `None` for other kinds."""
        return self.layer_class.family if self.layer_class else None

    @property
    def example(self) -> LayerExample | None:
        """Example of a layer, which is built at each call; `None` for other kinds."""
        return _build_example(self.layer_class) if self.layer_class else None

    @property
    def traits(self) -> dict[str, str]:
        """Short texts on XLA, lanes and GPUs, by their topic; empty for other kinds than layers."""
        return dict(_iter_traits(self.layer_class)) if self.layer_class else {}


def build_catalog(kind: str) -> tuple[CatalogItem, ...]:
    """Build the items of all names of a kind, such as `layer` or `optimizer`."""
    if kind == "dataset":
        summaries = {
            **{name: f"{item.summary} {_format_dataset_summary(item)}" for name, item in DATASETS.items()},
            **USER_DATA_KINDS,
        }
        return tuple(CatalogItem(name, text, text) for name, text in summaries.items())
    if kind == "activation":
        return tuple(CatalogItem(name, formula, formula) for name, formula in ACTIVATION_FORMULAS.items())
    return tuple(_build_item(name, cls) for name, cls in _get_classes(kind).items())


def find_item(kind: str, name: str) -> CatalogItem:
    """Return the item of a name of a kind. Keras's other names are accepted, such as `MaxPool2D`.

    Raises:
        UsageError: the kind has no such name. For a layer that is left out, the message has the reason.
    """
    items = {item.name: item for item in build_catalog(kind)}
    canonical_name = SPELLINGS.get(kind, {}).get(name, name)
    if canonical_name in items:
        return items[canonical_name]
    if kind == "layer" and name in LEFT_OUT_LAYERS:
        raise UsageError(f"{name} is left out: it {LEFT_OUT_LAYERS[name]}", "dnn help layers lists all layers")
    raise UsageError(f"no {kind} is named {name}", describe_unknown_name(name, kind, items)[1])


def to_singular(kind: str) -> str:
    """Return the kind that an argument of `dnn list` names: `losses` becomes `loss`."""
    return kind.removesuffix("es") if kind.endswith("sses") else kind.removesuffix("s")


def _get_classes(kind: str) -> dict[str, type[KerasConfig]]:
    """Return the classes of a kind by name; an empty mapping for a kind whose names have no class."""
    return {**CALLBACK_CLASSES} if kind == "callback" else CLASSES_BY_KIND.get(kind, {})


def _build_item(name: str, cls: type[KerasConfig]) -> CatalogItem:
    """Build the item of a class."""
    docstring = inspect.cleandoc(cls.__doc__ or "")
    summary, meaning = docstring.partition("\n")[0], " ".join(docstring.split())
    return CatalogItem(
        name,
        summary,
        meaning,
        tuple(list_spellings(cls)),
        cls,
    )


def _iter_arguments(cls: type[KerasConfig]) -> Iterator[Argument]:
    """Yield the arguments of a class, required arguments first."""
    descriptions = read_field_descriptions(cls)
    for name in cls.get_field_order():
        model_field = cls.model_fields[name]
        if name == "type" or model_field.exclude:
            continue
        default = _REQUIRED if model_field.is_required() else model_field.get_default()
        plain = default.model_dump(mode="json") if isinstance(default, KerasConfig) else default
        meaning = descriptions.get(name, "").split(". ")[0].removesuffix(".")
        yield Argument(name, plain, meaning or _describe_choices(name, model_field.annotation))


def _describe_choices(name: str, annotation: Any) -> str:
    """Return the words that an argument accepts, or the command that lists them; empty for other arguments."""
    kind = name.rpartition("_")[2]
    if kind in ("activation", "initializer", "regularizer", "constraint"):
        return f"dnn list {to_plural(kind)}"
    parts = [annotation] if get_origin(annotation) is Literal else list(get_args(annotation))
    words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
    return ", ".join(map(str, words)) if 1 < len(words) <= _MAX_CHOICES else ""


def _build_example(cls: type[BaseLayer]) -> LayerExample:
    """Build the example of a layer from the arguments and the shape that its class declares."""
    layer = cls(**cls.example)
    (stage,) = compute_stages([layer], cls.example_shape)
    row = build_layer_row(stage)
    values = layer.model_dump(mode="json")
    arguments = {key: _shorten(values[key]) for key in cls.example if key in values}
    line = format_as_yaml({"type": layer.type, **arguments}) if arguments else layer.type
    return LayerExample(line, stage.input_shape, stage.output_shape, row.parameters, row.formula)


def _format_default(value: Any) -> str:
    """Return a default as a short text that a config accepts: `null`, `[1, 1]`, `glorot_uniform`."""
    return format_as_yaml(value) if value is None or isinstance(value, list | tuple) else format_config_value(value)


def _shorten(value: Any) -> Any:
    """Return a plain value without arguments of inner layers that equal their defaults."""
    if isinstance(value, dict) and value.get("type") in CLASSES_BY_KIND["layer"]:
        texts = {item.name: item.default_text for item in _iter_arguments(CLASSES_BY_KIND["layer"][value["type"]])}
        return {
            key: _shorten(inner)
            for key, inner in value.items()
            if key == "type" or _format_default(inner) != texts.get(key)
        }
    if isinstance(value, list | tuple):
        return [_shorten(inner) for inner in value]
    return value


def _iter_traits(cls: type[BaseLayer]) -> Iterator[tuple[str, str]]:
    """Yield the traits of a layer that matter to users, as pairs of a topic and a short text."""
    yield (
        "XLA",
        {
            "fast": "is used on CPUs and GPUs",
            "slow_on_cpu": "is used on GPUs, and is slow on CPUs",
            "none": "cannot compile the layer",
        }[cls.xla_support],
    )
    if cls.xla_support != "none":
        yield (
            "XLA on a GPU",
            {
                "deterministic": "computes equal weights each time",
                "random": "can compute other weights each time",
                "unverified": "has not been tried for equal weights",
            }[cls.xla_determinism],
        )
    yield "lanes", "several runs can share one program" if cls.supports_lanes else "each run has its own program"
    if cls.min_keras_version > BaseLayer.min_keras_version:
        yield "Keras", f"{'.'.join(map(str, cls.min_keras_version))} or later"
    example = cls.model_validate({"type": cls.model_fields["type"].default, **cls.example})
    for name in cls.export_obstacles:
        yield f"export to {name}", f"is refused: {example.get_export_obstacle(name)}"


def _format_dataset_summary(dataset: Dataset) -> str:
    """Return the number and shape of a dataset's examples, and the number of classes, as text."""
    shape = format_sizes(dataset.input_shape)
    aim = f"in {len(dataset.classes)} classes" if dataset.classes else "with a number as target"
    apart = f", and {dataset.test_examples:,} test examples" if dataset.test_examples else ""
    return f"{dataset.examples:,} {dataset.example_noun}s of {shape} {aim}{apart}"
