"""The description of an exported model of a table with typed columns."""

from dataclasses import replace

from dnn_cli.config.experiment import Experiment
from dnn_cli.report.export_summary import (
    build_interface_document,
    format_exported_columns,
    format_exported_input,
)
from tests.helpers.explained_runs import build_input_profile
from tests.helpers.typed_tables import fit_passengers


def build_context(tmp_path):
    """Build the experiment and the input profile of a run of passengers."""
    _, spec = fit_passengers(tmp_path)
    columns = {"sex": "category", "age": "number", "port": "category", "member": "boolean", "joined": "date"}
    experiment = Experiment.model_validate({
        "name": "p",
        "data": {"dataset": "csv", "path": str(tmp_path / "passengers.csv"), "target": "died", "ignore": ["id"],
                 "columns": columns, "missing": ["", "-"]},
        "model": {"layers": [{"type": "Dense", "units": 1, "activation": "sigmoid"}]},
        "loss": "binary_crossentropy",
    })  # fmt: skip
    size = spec.shape[0]
    profile = build_input_profile(experiment.data.info, mean=[0] * size)
    info = replace(experiment.data.info, features=spec.encoding.input_names)
    profile = replace(profile, dataset_info=info, encoding=spec.encoding)
    return experiment.model_copy(update={"data": experiment.data.with_info(info)}), profile


def test_encoding_is_described_for_other_programs(tmp_path):
    experiment, profile = build_context(tmp_path)
    document = build_interface_document(experiment, profile, scaling=True)["input"]
    assert document["columns"] == list(profile.encoding.input_names)
    assert document["encoding"]["missing_texts"] == ["", "-"]
    sex, age, port, member, joined = document["encoding"]["columns"]
    assert sex == {
        "name": "sex", "type": "category", "inputs": ["sex=female", "sex=male", "sex=other"],
        "categories": ["female", "male"], "missing_input": None, "unknown_input": None,
    }  # fmt: skip
    assert (port["categories"], port["missing_input"], port["unknown_input"]) == (["C", "S"], 2, 2)
    assert age == {
        "name": "age", "type": "number", "inputs": ["age", "age missing"], "missing": "median", "replacement": 35.0,
        "missing_input": 1,
    }  # fmt: skip
    assert (member["true"][:2], member["false"][:2], member["missing_input"]) == (["1", "true"], ["0", "false"], 1)
    assert (joined["format"], joined["first_day"], joined["replacement"]) == ("ISO 8601", 19_723, 19_738)
    assert joined["inputs"] == ["joined year", "joined month", "joined day of week", "joined days since first"]


def test_screen_names_columns_and_inputs(tmp_path):
    experiment, profile = build_context(tmp_path)
    line = format_exported_input(experiment, profile, scaling=True)
    assert line.startswith("float32 (batch, 14): encoded columns sex=")
    assert line.endswith("standardized inside the model")
    assert format_exported_columns(profile, "serve", "serve_encoded") == (
        "serve takes the cells of 5 columns by name; serve_encoded takes 14 inputs"
    )
    assert format_exported_columns(profile, None, "") == (
        "5 columns, to be encoded into 14 inputs before, as the .json file describes"
    )
    assert format_exported_columns(replace(profile, encoding=None), None, "") == ""
