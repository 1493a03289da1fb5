"""One entry in the table of datasets is enough for a new dataset."""

import json

import pytest

from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.extended_program import ExtendedProgram

EXTENSION = """
from dataclasses import replace

from dnn_cli.config.datasets import DATASETS

DATASETS["vineyard"] = replace(DATASETS["wine"], summary="Wines under another name.")
"""

PRELOADED = ("dnn_cli.config.json_schema", "dnn_cli.data.data_advice", "sklearn.datasets", "sklearn.model_selection")


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    with ExtendedProgram(tmp_path_factory.mktemp("extension"), EXTENSION, *PRELOADED) as program:
        yield program


def test_new_dataset_is_a_value_of_the_config(extended, config, tmp_path):
    config(DIGITS_YAML.replace("dataset: digits", "dataset: vineyard").replace("units: 10", "units: 3"))
    done = extended.run(tmp_path, "check", "digits.yaml")
    assert done.returncode == 0, done.stderr
    assert "input 13 ranges from 278 to 1,547" in done.stdout
    schema = json.loads(extended.run(tmp_path, "schema").stdout)
    assert "vineyard" in schema["$defs"]["Data"]["properties"]["dataset"]["enum"]


def test_new_dataset_is_listed(extended, tmp_path):
    listed = parse_json_output(extended.run(tmp_path, "list", "datasets", "--json"))["names"]
    (document,) = [document for document in listed if document["name"] == "vineyard"]
    assert document["meaning"] == "Wines under another name. 178 examples of 13 features in 3 classes"
    report = parse_json_output(extended.run(tmp_path, "doctor", "--quick", "--json"))
    assert "vineyard" in report["data"]["scikit-learn"]
    assert "vineyard" in extended.run(tmp_path, "data", "show", "vinyard").stderr


def test_new_dataset_is_completed(extended, config, tmp_path):
    config()
    assert extended.complete(tmp_path, "dnn train digits.yaml data.dataset=vin") == ["data.dataset=vineyard"]


def test_new_dataset_is_data_of_a_new_config(extended, tmp_path):
    done = extended.run(tmp_path, "new", "wines.yaml", "--data", "vineyard")
    assert done.returncode == 0, done.stderr
    assert "vineyard" in (tmp_path / "wines.yaml").read_text(encoding="utf-8")
