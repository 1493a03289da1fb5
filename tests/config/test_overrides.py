import pytest

from dnn_cli.config.overrides import apply_overrides, partition_override
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "columns"),
    [
        pytest.param('data.columns."a.b"=date', {"a.b": "date", "c": "number"}, id="point"),
        pytest.param('data.columns."x=y"=date', {"a.b": "number", "c": "number", "x=y": "date"}, id="equals sign"),
        pytest.param(r'data.columns."\n\"\u200b"=date', {"a.b": "number", "c": "number", '\n"\u200b': "date"}, id="\\"),
        pytest.param("data.columns.it's \"=date", {"a.b": "number", "c": "number", "it's \"": "date"}, id="quotes"),
        pytest.param('~data.columns."a.b"', {"c": "number"}, id="removal"),
        pytest.param('data.columns."c".type=date', {"a.b": "number", "c": {"type": "date"}}, id="key of the value"),
    ],
)  # fmt: skip
def test_a_step_in_quotes_can_have_any_character(override, columns):
    document = parse_yaml('data: {columns: {"a.b": number, c: number}}', "t.yaml")
    applied = apply_overrides(document, [override])
    assert applied.value == {"data": {"columns": columns}}


def test_a_step_in_quotes_that_is_not_yaml_is_an_issue():
    with pytest.raises(ConfigError, match="is not valid YAML"):
        apply_overrides(parse_yaml("data: {}", "t.yaml"), [r'data."\q"=1'])


@pytest.mark.parametrize("override", ["epochs", "epochs=3", "name=a=b", "=3", '"=1', "a.b=c", "", '"a.b'])
def test_an_override_without_quotes_is_split_at_the_first_equals_sign(override):
    assert partition_override(override) == override.partition("=")
