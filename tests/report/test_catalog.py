"""`dnn list`: all names of a kind by family, and one name with its arguments and an example."""

from typing import get_args

import pytest
import yaml

from dnn_cli.config.layer_base import Family, validate_layer
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.layers.core import Dense
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.config.registry import to_plural
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.errors import UsageError
from dnn_cli.report.catalog import build_catalog, find_item, to_singular
from dnn_cli.report.catalog_text import iter_catalog_lines, iter_item_lines


@pytest.mark.parametrize("width", [80, 140])
def test_layers_are_listed_by_family_and_fit_the_width(width):
    lines = list(iter_catalog_lines("layer", build_catalog("layer"), width))
    assert max(map(len, lines)) <= width
    used = {cls.family for cls in LAYERS_BY_TYPE.values()}
    assert [line for line in lines if line in get_args(Family)] == [name for name in get_args(Family) if name in used]
    starts = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert sorted(starts) == sorted(LAYERS_BY_TYPE)


@pytest.mark.parametrize("item", build_catalog("layer"), ids=lambda item: item.name)
def test_example_of_each_layer_is_a_line_of_a_config(item):
    assert validate_layer(yaml.safe_load(item.example.line)) == item.layer_class(**item.layer_class.example)


@pytest.mark.parametrize("item", build_catalog("layer"), ids=lambda item: item.name)
def test_each_layer_has_its_arguments_one_a_line(item):
    lines = list(iter_item_lines(item, 80))
    arguments = lines[lines.index("arguments") + 1 : lines.index("example")]
    names = [line.split()[0] for line in arguments if line.startswith("  ") and not line.startswith("   ")]
    assert names == [argument.name for argument in item.arguments]


def test_layer_shows_parameters_and_other_names():
    dense = find_item("layer", "Dense")
    assert dense.example.parameters_text == "9 = 2 × 3 + 3"
    assert [argument.name for argument in dense.arguments if argument.is_required] == ["units"]
    assert find_item("layer", "MaxPool2D").name == "MaxPooling2D"
    assert find_item("optimizer", "Adam").name == "adam"
    assert find_item("callback", "early_stopping").arguments


def test_declared_obstacles_of_layers_are_in_the_text(monkeypatch):
    monkeypatch.setattr(Dense, "export_obstacles", {"onnx": "a reason"})
    text = "\n".join(iter_item_lines(find_item("layer", "Dense"), 100))
    assert "export to onnx  is refused: a reason" in text


@pytest.mark.parametrize(
    ("kind", "name", "message", "suggestion"),
    [
        ("layer", "dens", "no layer is named dens", "did you mean Dense?"),
        ("layer", "selu", "no layer is named selu", "write {type: Activation, activation: selu}"),
        ("layer", "zzz", "no layer is named zzz", "dnn list layers shows all names"),
        ("loss", "zzz", "no loss is named zzz", "dnn list losses shows all names"),
        ("layer", "Lambda", f"Lambda is left out: it {LEFT_OUT_LAYERS['Lambda']}", "dnn help layers lists all layers"),
    ],
)
def test_unknown_name_is_refused(kind, name, message, suggestion):
    with pytest.raises(UsageError) as refused:
        find_item(kind, name)
    assert (refused.value.message, refused.value.suggestion) == (message, suggestion)


def test_kinds_have_plurals():
    for kind in ("layer", "loss", "optimizer", "dataset"):
        assert to_singular(to_plural(kind)) == kind


@pytest.mark.parametrize("name", LAYERS_BY_TYPE)
def test_defaults_are_texts_that_a_config_accepts(name):
    item = find_item("layer", name)
    cls, required = LAYERS_BY_TYPE[name], LAYERS_BY_TYPE[name].example
    for argument in item.arguments:
        if not argument.is_required and argument.name not in required:
            value = parse_yaml(argument.default_text, "default").value
            assert isinstance(cls.model_validate({"type": name, **required, argument.name: value}), cls)
