"""Tables of the names that a config can use, such as those of layers, with their meanings and arguments."""

from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS, Dataset
from dnn_cli.config.layer_stack import format_sizes
from dnn_cli.config.registry import CLASSES_BY_KIND, NAMES_BY_KIND, format_config_value


@dataclass(frozen=True)
class _CatalogItem:
    """A name that a config can use, such as `Dense`, with its meaning and arguments."""

    name: str
    meaning: str
    arguments: dict[str, Any]
    """Default of each argument as a plain value; `...` for a required argument."""

    own_arguments: tuple[str, ...] = ()
    """Names of the arguments that the row of this item lists.

    An argument is left out if all items of the kind take it with the same default, such as `trainable` of layers.
    """

    @property
    def arguments_text(self) -> str:
        """The item's own arguments in one line, with defaults where they exist: `units, activation=none`."""
        own_defaults = {name: self.arguments[name] for name in self.own_arguments}
        return ", ".join(
            name if value == "..." else f"{name}={format_config_value(value)}" for name, value in own_defaults.items()
        )


@dataclass(frozen=True)
class _Catalog:
    """All names of one kind, and the arguments that all of them take with the same default."""

    items: tuple[_CatalogItem, ...]
    common_arguments: tuple[str, ...] = ()


def build_catalog(kind: str) -> _Catalog:
    """Build the catalog of all names of a kind, such as `layer` or `optimizer`."""
    if kind == "dataset":
        public_datasets = [
            _CatalogItem(name, f"{dataset.summary} {_format_dataset_summary(dataset)}", {})
            for name, dataset in DATASETS.items()
        ]
        return _Catalog(
            (*public_datasets, *(_CatalogItem(name, meaning, {}) for name, meaning in USER_DATA_KINDS.items()))
        )
    if kind not in CLASSES_BY_KIND:
        return _Catalog(tuple(_CatalogItem(name, "", {}) for name in NAMES_BY_KIND[kind]))
    classes = CLASSES_BY_KIND[kind]
    arguments = {name: _list_argument_defaults(cls) for name, cls in classes.items()}
    takes_all = [set(class_arguments) for class_arguments in arguments.values()]
    common_keys = set.intersection(*takes_all) if len(classes) > 1 else set()
    differing_keys = {
        key for key in common_keys if len({repr(class_arguments[key]) for class_arguments in arguments.values()}) > 1
    }
    items = tuple(
        _CatalogItem(
            name,
            _get_docstring_summary(cls),
            arguments[name],
            tuple(key for key in arguments[name] if key not in common_keys or key in differing_keys),
        )
        for name, cls in classes.items()
    )
    order = next(iter(arguments.values()))
    return _Catalog(items, tuple(key for key in order if key in common_keys - differing_keys))


def build_catalog_table(catalog: _Catalog) -> Table:
    """Build a table with a row for each name: the meaning, and below it the item's own arguments."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for item in catalog.items:
        grid.add_row(Text(item.name), Text("\n".join(filter(None, (item.meaning, item.arguments_text)))))
    return grid


def _list_argument_defaults(cls: type[KerasConfig]) -> dict[str, Any]:
    """Return the arguments of a class with their defaults as plain values, required arguments first.

    The value of a required argument is `...`.
    """
    fields = cls.model_fields
    plain_defaults = {}
    for name in cls.get_field_order():
        if name != "type" and not fields[name].exclude:
            default = "..." if fields[name].is_required() else fields[name].get_default()
            plain_defaults[name] = default.model_dump(mode="json") if isinstance(default, KerasConfig) else default
    return plain_defaults


def _get_docstring_summary(cls: type) -> str:
    """Return the first line of a class's docstring."""
    return (cls.__doc__ or "").strip().splitlines()[0]


def _format_dataset_summary(dataset: Dataset) -> str:
    """Return the number and shape of a dataset's examples, and the number of classes, as text."""
    shape = format_sizes(dataset.input_shape)
    aim = f"in {len(dataset.classes)} classes" if dataset.classes else "with a number as target"
    apart = f", and {dataset.test_examples:,} test examples" if dataset.test_examples else ""
    return f"{dataset.examples:,} {dataset.example_noun}s of {shape} {aim}{apart}"
