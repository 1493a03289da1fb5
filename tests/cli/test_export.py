"""`dnn export`: what is written predicts in its own runtime as the run does, or is not there."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.conftest import document

FORMATS = {
    "keras": ("digits.keras", ()),
    "savedmodel": ("digits_savedmodel", ()),
    "onnx": ("digits.onnx", ("onnx", "tf2onnx", "onnxruntime")),
    "litert": ("digits.tflite", ("ai_edge_litert",)),
}


def needs(form):
    for module in FORMATS[form][1]:
        pytest.importorskip(module, reason=f"pip install -e '.[{form}]'")


@pytest.mark.parametrize("form", FORMATS)
def test_augmented_images_are_exported_and_compared(place, form):
    needs(form)
    name = FORMATS[form][0]
    found = document(place.dnn("export", "digits", "--format", form, "--json"))
    assert found["checked"]["source"] == "270 validation examples"
    assert found["checked"]["difference"] < 1e-5
    assert found["checked"]["same_class"] == 270
    beside = json.loads((place.path / f"{name}.json").read_text(encoding="utf-8"))
    assert beside["output"]["classes"] == [str(digit) for digit in range(10)]
    assert beside["input"]["shape"] == [None, 8, 8]
    assert beside["input"]["scaled_inside"]
    assert not [path for path in place.path.iterdir() if path.name.startswith(f".{name}")]


def test_the_exported_network_takes_pixels_as_they_are(place):
    needs("onnx")
    import onnxruntime

    place.dnn("export", "digits", "--format", "onnx", "-o", "pixels.onnx")
    with np.load(place.digits.predictions) as saved:
        outputs, indices = saved["outputs"], saved["indices"]
    session = onnxruntime.InferenceSession(place.path / "pixels.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"inputs": load_digits().images[indices].astype(np.float32)})
    np.testing.assert_allclose(found, outputs, atol=1e-5)


@pytest.mark.parametrize("form", FORMATS)
def test_a_standardized_table_with_names_in_korean_whose_data_is_gone(place, form):
    needs(form)
    (place.path / "houses.csv").rename(place.path / "away.csv")
    try:
        name = f"houses{FORMATS[form][0].removeprefix('digits')}"
        done = place.dnn("export", "집값", "--format", form, "-o", name)
    finally:
        (place.path / "away.csv").rename(place.path / "houses.csv")
    assert done.returncode == 0, done.stderr
    assert "256 inputs made from the statistics in inputs.npz (the data is not at hand)" in done.stdout
    assert "columns area, age from " in done.stdout
    assert "standardized inside" in done.stdout


def test_without_scaling_the_file_beside_it_says_how_to_scale(place):
    found = document(
        place.dnn("export", "집값", "--format", "keras", "-o", "bare.keras", "--without-scaling", "--json")
    )
    before = found["input"]["scale_before"]
    assert found["input"]["columns"] == ["area", "age"]
    assert len(before["mean"]) == len(before["scale"]) == 2
    assert found["checked"]["source"].endswith("validation examples")


def test_what_is_there_is_kept_unless_forced_and_nothing_is_left_of_a_failure(place):
    kept = place.path / "kept.keras"
    kept.write_text("mine")
    refused = place.dnn("export", "digits", "--format", "keras", "-o", "kept.keras")
    assert refused.returncode == 2
    assert "--force replaces it" in refused.stderr
    assert kept.read_text() == "mine"
    run = place.digits
    weights = run.model.read_bytes()
    try:
        run.model.write_bytes(weights[:1000])
        failed = place.dnn("export", "digits", "--format", "keras", "-o", "kept.keras", "--force")
        assert failed.returncode == 1
        assert "holds no weights of this network" in failed.stderr
        assert kept.read_text() == "mine"
        assert not [path for path in place.path.iterdir() if "kept" in path.name and path != kept]
    finally:
        run.model.write_bytes(weights)
    assert place.dnn("export", "digits", "--format", "keras", "-o", "kept.keras", "--force").returncode == 0
    assert kept.read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "nowhere/x.txt"], "-o nowhere/x.keras"),
        (["-o", "nowhere/x.keras"], "there is no directory nowhere"),
        (["--format", "savedmodel", "-o", "runs", "--force"], "runs is not an export, and is not replaced"),
        (["--format", "pickle"], "pickle"),
    ],
    ids=["another ending", "no directory", "a directory of something else", "no such format"],
)
def test_a_place_where_nothing_should_be_written_is_refused(place, words, said):
    done = place.dnn("export", "digits", *(["--format", "keras"] if "--format" not in words else []), *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert (place.path / "runs").is_dir()


def test_a_missing_runtime_is_named_with_its_extra(monkeypatch):
    from dnn_cli.cli import export
    from dnn_cli.errors import UsageError

    monkeypatch.setattr(export, "find_spec", lambda module: None)
    with pytest.raises(UsageError) as caught:
        export.check_installed(export.Format.onnx)
    assert caught.value.hint == "pip install -e '.[onnx]'"
    assert "onnxruntime" in caught.value.message
    export.check_installed(export.Format.keras)
