"""`dnn predict`, on runs whose data is there and on one whose data is gone."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.conftest import document


@pytest.fixture(scope="module")
def files(place):
    """Digits of the validation set as an .npz and as images, and the outputs that the run has saved for them."""
    with np.load(place.digits.predictions) as saved:
        outputs, indices = saved["outputs"][:3], saved["indices"][:3]
    images = load_digits().images[indices].astype(np.uint8)
    np.savez(place.path / "some.npz", x=images)
    pixels = (images.astype(np.float64) * 255 / 16).round().astype(np.uint8)
    Image.fromarray(pixels[0]).save(place.path / "dark.png")
    Image.fromarray(255 - pixels[0]).resize((80, 80)).save(place.path / "photo.jpg")
    (place.path / "none.png").write_text("no image")
    return outputs


def test_arrays_give_the_outputs_that_the_run_has_saved(place, files):
    found = document(place.dnn("predict", "digits", "some.npz", "--json"))
    assert found["classes"] == [str(digit) for digit in range(10)]
    shares = np.array([one["probabilities"] for one in found["predictions"]])
    np.testing.assert_allclose(shares, files, atol=1e-6)
    assert [one["class"] for one in found["predictions"]] == [str(at) for at in files.argmax(-1)]
    assert not any(one["warnings"] for one in found["predictions"])


def test_an_image_gives_about_the_same_as_its_array_and_a_light_one_a_warning(place, files):
    dark = document(place.dnn("predict", "digits", "dark.png", "--json"))["predictions"][0]
    np.testing.assert_allclose(dark["probabilities"], files[0], atol=0.05)
    shown = place.dnn("predict", "digits", "photo.jpg", "--resize")
    assert shown.returncode == 0
    assert "warning: photo.jpg: its background is light" in shown.stderr
    inverted = place.dnn("predict", "digits", "photo.jpg", "--resize", "--invert")
    assert "warning" not in inverted.stderr
    assert inverted.stdout.splitlines()[-1].startswith("photo.jpg")


def test_what_cannot_be_read_is_told_a_line_each_and_the_rest_is_predicted(place, files):
    done = place.dnn("predict", "digits", "none.png", "dark.png", "photo.jpg", "gone.png")
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == ["dark.png"]
    told = [line for line in done.stderr.splitlines() if line.startswith("dnn: ")]
    assert [line.split()[1] for line in told] == ["none.png", "photo.jpg", "gone.png"]
    assert "--resize" in told[1]


def test_rows_are_predicted_from_though_the_data_is_gone(place):
    (place.path / "houses.csv").rename(place.path / "away.csv")
    try:
        (place.path / "new.csv").write_text("age,note,area\n10,a,100\n900,b,100\n")
        found = document(place.dnn("predict", "집값", "new.csv", "--json"))
        with_warning = [bool(one["warnings"]) for one in found["predictions"]]
        assert with_warning == [False, True]
        assert [one["line"] for one in found["predictions"]] == [2, 3]
        assert all(50 < one["numbers"][0] < 400 for one in found["predictions"][:1])
        shown = place.dnn("predict", "집값", "new.csv")
        assert shown.stdout.split()[:2] == ["input", "price"]
        assert "age is 900" in shown.stderr
    finally:
        (place.path / "away.csv").rename(place.path / "houses.csv")


def test_a_run_of_an_older_dnn_is_known_by_its_data_while_that_is_there(place, files):
    for run in (place.digits, place.houses):
        run.inputs.rename(run.directory / "kept")
    (place.path / "houses.csv").rename(place.path / "away.csv")
    try:
        assert place.dnn("predict", "digits", "some.npz").returncode == 0
        done = place.dnn("predict", "집값", "new.csv")
        assert done.returncode == 1
        assert "has no inputs.npz" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        (place.path / "away.csv").rename(place.path / "houses.csv")
        for run in (place.digits, place.houses):
            (run.directory / "kept").rename(run.inputs)


def test_a_damaged_file_of_inputs_is_told(place, files):
    inputs = place.digits.inputs
    kept = inputs.read_bytes()
    try:
        inputs.write_bytes(kept[:300])
        done = place.dnn("predict", "digits", "some.npz")
        assert done.returncode == 1
        assert "inputs.npz is damaged" in done.stderr
    finally:
        inputs.write_bytes(kept)
