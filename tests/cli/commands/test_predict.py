"""`dnn predict`, on runs whose data is there and on one whose data is gone."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.helpers.cli_output import parse_json_output


@pytest.fixture(scope="module")
def files(workspace):
    """Digits of the validation set as an .npz and as images, and the outputs that the run has saved for them."""
    with np.load(workspace.digits.predictions) as saved:
        outputs, indices = saved["outputs"][:3], saved["indices"][:3]
    images = load_digits().images[indices].astype(np.uint8)
    np.savez(workspace.path / "some.npz", x=images)
    pixels = (images.astype(np.float64) * 255 / 16).round().astype(np.uint8)
    Image.fromarray(pixels[0]).save(workspace.path / "dark.png")
    Image.fromarray(255 - pixels[0]).resize((80, 80)).save(workspace.path / "photo.jpg")
    (workspace.path / "none.png").write_text("no image")
    return outputs


def test_arrays_give_the_saved_outputs(workspace, files):
    result = parse_json_output(workspace.dnn("predict", "digits", "some.npz", "--json"))
    assert result["classes"] == [str(digit) for digit in range(10)]
    shares = np.array([prediction["probabilities"] for prediction in result["predictions"]])
    np.testing.assert_allclose(shares, files, atol=1e-6)
    assert [prediction["class"] for prediction in result["predictions"]] == [str(index) for index in files.argmax(-1)]
    assert not any(prediction["warnings"] for prediction in result["predictions"])


def test_image_matches_its_array_and_light_background_warns(workspace, files):
    dark = parse_json_output(workspace.dnn("predict", "digits", "dark.png", "--json"))["predictions"][0]
    np.testing.assert_allclose(dark["probabilities"], files[0], atol=0.05)
    resized = workspace.dnn("predict", "digits", "photo.jpg", "--resize")
    assert resized.returncode == 0
    assert "warning: photo.jpg: its background is light" in resized.stderr
    inverted = workspace.dnn("predict", "digits", "photo.jpg", "--resize", "--invert")
    assert "warning" not in inverted.stderr
    assert inverted.stdout.splitlines()[-1].startswith("photo.jpg")


def test_unreadable_files_are_reported_and_others_predicted(workspace, files):
    done = workspace.dnn("predict", "digits", "none.png", "dark.png", "photo.jpg", "gone.png")
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == ["dark.png"]
    error_lines = [line for line in done.stderr.splitlines() if line.startswith("dnn: ")]
    assert [line.split()[1] for line in error_lines] == ["none.png", "photo.jpg", "gone.png"]
    assert "--resize" in error_lines[1]


def test_rows_are_predicted_without_the_training_data(workspace):
    (workspace.path / "houses.csv").rename(workspace.path / "away.csv")
    try:
        (workspace.path / "new.csv").write_text("age,note,area\n10,a,100\n900,b,100\n")
        result = parse_json_output(workspace.dnn("predict", "집값", "new.csv", "--json"))
        with_warning = [bool(prediction["warnings"]) for prediction in result["predictions"]]
        assert with_warning == [False, True]
        assert [prediction["line"] for prediction in result["predictions"]] == [2, 3]
        assert all(50 < prediction["numbers"][0] < 400 for prediction in result["predictions"][:1])
        output = workspace.dnn("predict", "집값", "new.csv")
        assert output.stdout.split()[:2] == ["input", "price"]
        assert "age is 900" in output.stderr
    finally:
        (workspace.path / "away.csv").rename(workspace.path / "houses.csv")


def test_run_without_inputs_file_needs_its_data(workspace, files):
    for run in (workspace.digits, workspace.houses):
        run.inputs.rename(run.directory / "kept")
    (workspace.path / "houses.csv").rename(workspace.path / "away.csv")
    try:
        assert workspace.dnn("predict", "digits", "some.npz").returncode == 0
        done = workspace.dnn("predict", "집값", "new.csv")
        assert done.returncode == 1
        assert "has no inputs.npz" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        (workspace.path / "away.csv").rename(workspace.path / "houses.csv")
        for run in (workspace.digits, workspace.houses):
            (run.directory / "kept").rename(run.inputs)


def test_damaged_inputs_file_is_an_error(workspace, files):
    inputs = workspace.digits.inputs
    content = inputs.read_bytes()
    try:
        inputs.write_bytes(content[:300])
        done = workspace.dnn("predict", "digits", "some.npz")
        assert done.returncode == 1
        assert "inputs.npz is damaged" in done.stderr
    finally:
        inputs.write_bytes(content)


def test_samples_of_a_table_have_mean_and_deviation(workspace):
    """A table with an empty cell: the other rows have samples. The seed of the run is the default."""
    layers = "layers=[{type: Dense, units: 4}, {type: Dropout, rate: 0.5}, {type: Dense, units: 1}]"
    done = workspace.dnn("train", "houses.yaml", "name=thinned", layers, "epochs=1")
    assert done.returncode == 0, done.stderr
    (workspace.path / "some.csv").write_text("age,area\n10,100\n,200\n40,50\n")
    done = workspace.dnn("predict", "thinned", "some.csv", "--samples", "20", "--json")
    result = parse_json_output(done)
    assert (done.returncode, result["sampling"]) == (2, {"samples": 20, "seed": 42})
    assert [(item["line"], item["deviations"][0] > 0) for item in result["predictions"]] == [(2, True), (4, True)]
    written = workspace.dnn("predict", "thinned", "some.csv", "--samples", "20", "--seed", "42", "-o", "samples.csv")
    header, first, empty, last = (workspace.path / "samples.csv").read_text().splitlines()
    assert (header, empty) == ("price,price_deviation", ","), written.stderr
    numbers = [float(cell) for line in (first, last) for cell in line.split(",")]
    expected = [item[key][0] for item in result["predictions"] for key in ("numbers", "deviations")]
    np.testing.assert_allclose(numbers, expected, rtol=1e-6)


def test_samples_need_dropout(workspace, files):
    done = workspace.dnn("predict", "digits", "some.npz", "--samples", "10")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the network has no dropout and no noise, so that all samples are equal" in done.stderr
    assert "add --samples 100" in workspace.dnn("predict", "digits", "some.npz", "--seed", "1").stderr
