"""`dnn export`: what is written predicts in its own runtime as the run does, or is not there."""

import json
import runpy

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dnn_cli.data.run_context import load_run_context
from dnn_cli.export.export import export_model
from dnn_cli.export.export_formats import EXPORT_FORMATS
from tests.helpers.cli_output import parse_json_output
from tests.helpers.extended_program import ExtendedProgram
from tests.helpers.settings import RUN_ALL_CASES

NEW_FORMAT = """
import shutil

from dnn_cli.export.export_formats import EXPORT_FORMATS, ExportFormat


def write(model, path):
    saved_file = path.with_suffix(".keras")
    model.save(saved_file)
    saved_file.rename(path)


def compute(path, inputs):
    import keras

    copy = path.with_suffix(".keras")
    shutil.copy(path, copy)
    return keras.saving.load_model(copy, compile=False).predict(inputs, verbose=0)


EXPORT_FORMATS["box"] = ExportFormat(
    name="box", suffix=".box", runtime="keras", extra="boxes", modules=("zipfile",), write=write, compute=compute
)
"""


SCALED_FORMATS = [*EXPORT_FORMATS] if RUN_ALL_CASES else ["onnx"]
"""Formats of a table with scaling. The campaign `export` tries tables, scaled and unscaled, in every format."""


def skip_unless_installed(form):
    for module in EXPORT_FORMATS[form].modules:
        pytest.importorskip(module, reason=f"pip install -e '.[{EXPORT_FORMATS[form].extra}]'")


@pytest.mark.parametrize("form", [form for form in EXPORT_FORMATS if form != "keras"])
def test_augmented_images_are_exported_and_compared(workspace, form):
    skip_unless_installed(form)
    name = f"digits{EXPORT_FORMATS[form].suffix}"
    done = workspace.dnn("export", "digits", "--format", form, "--json")
    check_export(workspace, name, parse_json_output(done))
    if form == "onnx":
        check_outputs_on_raw_pixels(workspace.path / name, workspace.digits)


def check_export(workspace, name, result):
    """Check the document and the sidecar of an exported file of digits."""
    assert result["model"] == {"file": "model.keras", "epoch": 2, "holds": "last", "monitor": None}
    assert result["checked"]["source"] == "270 validation examples"
    assert result["checked"]["difference"] < 1e-5
    assert result["checked"]["same_class"] == 270
    sidecar = json.loads((workspace.path / f"{name}.json").read_text(encoding="utf-8"))
    assert sidecar["output"]["classes"] == [str(digit) for digit in range(10)]
    assert sidecar["input"]["shape"] == [None, 8, 8]
    assert sidecar["input"]["scaled_inside"]
    assert not [path for path in workspace.path.iterdir() if path.name.startswith(f".{name}")]


def check_outputs_on_raw_pixels(path, run):
    """Check that an ONNX file computes the saved outputs of a run from the pixels of the validation images."""
    import onnxruntime

    with np.load(run.predictions) as saved:
        outputs, indices = saved["outputs"], saved["indices"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (exported_outputs,) = session.run(None, {"inputs": load_digits().images[indices].astype(np.float32)})
    np.testing.assert_allclose(exported_outputs, outputs, atol=1e-5)


@pytest.mark.parametrize("form", SCALED_FORMATS)
def test_export_without_the_data_uses_saved_statistics(workspace, form):
    skip_unless_installed(form)
    (workspace.path / "houses.csv").rename(workspace.path / "away.csv")
    try:
        name = f"houses{EXPORT_FORMATS[form].suffix}"
        done = workspace.dnn("export", "집값", "--format", form, "-o", name)
    finally:
        (workspace.path / "away.csv").rename(workspace.path / "houses.csv")
    assert done.returncode == 0, done.stderr
    assert "256 random inputs with the statistics of inputs.npz (the data is not available)" in done.stdout
    assert "columns area, age from " in done.stdout
    assert "standardized inside the model" in done.stdout


def test_export_without_scaling_documents_the_scaling(workspace):
    result = parse_json_output(
        workspace.dnn("export", "집값", "--format", "keras", "-o", "bare.keras", "--without-scaling", "--json")
    )
    before = result["input"]["scale_before"]
    assert result["input"]["columns"] == ["area", "age"]
    assert len(before["mean"]) == len(before["scale"]) == 2
    assert result["checked"]["source"].endswith("validation examples")


def test_existing_file_is_replaced_only_when_forced(workspace):
    existing_file = workspace.path / "kept.keras"
    existing_file.write_text("mine")
    refused = workspace.dnn("export", "digits", "--format", "keras", "-o", "kept.keras")
    assert refused.returncode == 2
    assert "use --force to replace it" in refused.stderr
    assert existing_file.read_text() == "mine"
    run = workspace.digits
    weights = run.model.read_bytes()
    try:
        run.model.write_bytes(weights[:1000])
        failed = workspace.dnn("export", "digits", "--format", "keras", "-o", "kept.keras", "--force")
        assert failed.returncode == 1
        assert "has no weights of this network" in failed.stderr
        assert existing_file.read_text() == "mine"
        assert not [path for path in workspace.path.iterdir() if "kept" in path.name and path != existing_file]
    finally:
        run.model.write_bytes(weights)
    done = workspace.dnn("export", "digits", "--format", "keras", "-o", "kept.keras", "--force", "--json")
    check_export(workspace, "kept.keras", parse_json_output(done))
    assert existing_file.read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "nowhere/x.txt"], "-o nowhere/x.keras"),
        (["-o", "nowhere/x.keras"], "nowhere does not exist"),
        (["--format", "savedmodel", "-o", "runs", "--force"], "runs is not an export and is not replaced"),
        (["--format", "pickle"], "pickle"),
    ],
    ids=["another ending", "no directory", "a directory of something else", "no such format"],
)
def test_bad_output_path_is_refused(workspace, words, message):
    done = workspace.dnn("export", "digits", *(["--format", "keras"] if "--format" not in words else []), *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert (workspace.path / "runs").is_dir()


def test_missing_runtime_names_its_extra(monkeypatch):
    from dnn_cli.cli.commands import export
    from dnn_cli.errors import UsageError

    monkeypatch.setattr(export, "find_spec", lambda module: None)
    with pytest.raises(UsageError) as caught:
        export.check_packages_installed(EXPORT_FORMATS["onnx"])
    assert caught.value.suggestion == "pip install -e '.[onnx]'"
    assert "onnxruntime" in caught.value.message
    export.check_packages_installed(EXPORT_FORMATS["keras"])


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    with ExtendedProgram(tmp_path_factory.mktemp("extension"), NEW_FORMAT) as program:
        yield program


def test_new_format_is_exported_and_compared(extended, workspace, monkeypatch, tmp_path):
    monkeypatch.setitem(EXPORT_FORMATS, "box", None)  # removes the format after the test
    runpy.run_path(str(extended.module_directory / "extension.py"))
    run, path = workspace.digits, tmp_path / "digits.box"
    record = run.read_record()
    check = export_model(run.model, record, load_run_context(run, record), EXPORT_FORMATS["box"], path, scaling=True)
    assert check.difference < 1e-5
    assert path.is_file()


def test_new_format_is_a_choice_of_the_command(extended, workspace):
    refused = extended.run(workspace.path, "export", "digits", "--format", "box", "-o", "digits.keras")
    assert refused.stderr.startswith("dnn: digits.keras does not end in .box, the suffix of box\n")
    refused = extended.run(workspace.path, "export", "digits", "--format", "pickle")
    assert refused.returncode == 2
    assert "'pickle' is not one of 'keras', 'savedmodel', 'onnx', 'litert', 'box'." in refused.stderr
    help_text = " ".join(extended.run(workspace.path, "export", "--help").stdout.split())
    assert "Format of the exported model: keras, savedmodel, onnx, litert or box." in help_text
    assert extended.complete(workspace.path, "dnn export digits --format=b") == ["--format=box"]


def test_extra_of_a_new_format_is_reported_by_doctor(extended, tmp_path):
    report = parse_json_output(extended.run(tmp_path, "doctor", "--quick", "--json"))
    assert report["program"]["extras"]["boxes"] is True
