"""Tests of the table of default texts, from which short texts leave out arguments with default values."""

import subprocess
import sys

from dnn_cli.config.default_texts import build_default_texts
from dnn_cli.config.layer_base import LAYER_CLASSES
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.config.value_texts import format_config_value, get_default_texts, read_default_texts
from tests.helpers.settings import ROOT


def test_table_of_default_texts_is_current():
    is_current = read_default_texts() == build_default_texts()
    assert is_current, "write it again: python -m dnn_cli.config.default_texts"


def test_each_type_has_default_texts():
    types = {*LAYER_CLASSES, *(name for classes in CLASSES_BY_KIND.values() for name in classes)}
    assert [name for name in sorted(types) if "type" not in get_default_texts(name)] == []
    assert get_default_texts("unknown") == {}
    assert get_default_texts("mylayers:Scale") == get_default_texts("other:Layer") != {}


def test_text_has_the_changed_arguments():
    adam = {"type": "adam", "learning_rate": 0.01, "beta_1": 0.9}
    assert format_config_value(adam) == "adam learning_rate=0.01"
    assert format_config_value(adam, ["beta_1"]) == "adam learning_rate=0.01 beta_1=0.9"
    layer = {"type": "mylayers:Scale", "source_digest": "0123456789abcdef", "arguments": {"factor": 2}}
    assert format_config_value(layer) == "mylayers:Scale source_digest=01234567 arguments=factor=2"


def test_texts_need_no_import_of_all_layers():
    code = (
        "import sys; from dnn_cli.config.value_texts import format_config_value;"
        "print(format_config_value({'type': 'sgd', 'momentum': 0.9}), 'dnn_cli.config.layer_union' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout == "sgd momentum=0.9 False\n"
