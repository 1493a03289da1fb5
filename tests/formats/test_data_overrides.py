import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.config.overrides import apply_overrides
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.formats.data_overrides import (
    format_column_override,
    format_column_removal,
    format_columns_override,
    format_override,
    quote_yaml_value,
)
from dnn_cli.host.control_characters import FORBIDDEN_CHARACTER

NAMES = st.text(st.characters() | st.sampled_from("\"'.=~#:[]{},|\\ \n\t\u2028\u200b😀"), min_size=1).filter(
    lambda name: not FORBIDDEN_CHARACTER.search(name)
)


def apply(text, document="data: {columns: {other: date}}"):
    """Apply the overrides of a suggestion as a shell passes them on, and return the data section."""
    return apply_overrides(parse_yaml(document, "t.yaml"), shlex.split(text)).value["data"]


@given(NAMES, st.sampled_from([None, "%d/%m/%Y", "%Y년"]))
def test_an_override_of_a_column_keeps_the_other_columns(name, date_format):
    values = {"type": "date", "format": date_format} if date_format else "date"
    override = format_column_override(name, "date", format=date_format)
    assert override.isprintable()
    assert apply(override)["columns"] == {"other": "date", name: values}
    removal = format_column_removal(name)
    assert apply(removal, quote_yaml_value({"data": {"columns": {name: "date"}}})) == {"columns": {}}


@given(st.lists(NAMES, min_size=1, unique=True))
def test_overrides_of_lists_and_mappings_keep_every_name(names):
    assert apply(format_override("ignore", names))["ignore"] == names
    assert apply(format_override("target", names[0]))["target"] == names[0]
    columns = {name: {"type": "number"} for name in names}
    assert list(apply(format_columns_override(columns))["columns"]) == names


@pytest.mark.parametrize("symbol", [",", "|", ";", ".", "$"])
def test_symbols_are_values_alone_and_in_lists(symbol):
    assert apply(format_override("delimiter", symbol)) == {"columns": {"other": "date"}, "delimiter": symbol}
    assert apply(format_override("strip", [symbol]))["strip"] == [symbol]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_is_the_same_text_in_yaml(text):
    quoted = quote_yaml_value(text)
    assert quoted.isprintable()
    assert yaml.safe_load(quoted) == text
