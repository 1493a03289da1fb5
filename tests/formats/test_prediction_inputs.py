"""Files to predict from, read as the training data was."""

import numpy as np
import pytest
from PIL import Image

from dnn_cli.errors import UserDataError
from dnn_cli.formats.prediction_inputs import InputSpec, read_prediction_inputs

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


@pytest.fixture
def write(tmp_path):
    """Writes a file by its ending, and returns its path."""

    def make(name, content):
        path = tmp_path / name
        if isinstance(content, dict):
            np.savez(path, **content)
        elif isinstance(content, np.ndarray):
            Image.fromarray(content).save(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


@pytest.mark.parametrize(
    ("input_spec", "expected"),
    [
        (InputSpec((3, 4)), GREY[None]),
        (InputSpec((3, 4, 1)), GREY[None, ..., None]),
        (InputSpec((3, 4, 3)), np.repeat(GREY[None, ..., None], 3, -1)),
        (InputSpec((3, 4), invert=True), 255 - GREY[None]),
        (InputSpec((3, 4), white_value=1.0), GREY[None] / np.float32(255)),
        (InputSpec((3, 4), white_value=16.0), GREY[None] * np.float32(16 / 255)),
    ],
    ids=["grey", "one channel", "colour", "inverted", "shares of white", "white is 16"],
)
def test_image_is_converted_to_training_inputs(write, input_spec, expected):
    inputs = read_prediction_inputs(write("a.png", GREY), input_spec)
    np.testing.assert_allclose(inputs.inputs, expected, rtol=1e-6)
    assert inputs.input_names == [inputs.file]


def test_photo_is_resized_only_on_request(write):
    photo = write("photo.jpg", np.full((30, 40), 100, np.uint8))
    with pytest.raises(UserDataError, match=r"is 30 × 40, but the training images are 3 × 4") as caught:
        read_prediction_inputs(photo, InputSpec((3, 4)))
    assert "--resize" in caught.value.suggestion
    assert read_prediction_inputs(photo, InputSpec((3, 4), resize=True)).inputs.shape == (1, 3, 4)


@pytest.mark.parametrize(
    ("arrays", "count"),
    [
        ({"x": np.zeros((5, 3, 4), np.uint8)}, 5),
        ({"whatever": np.zeros((5, 3, 4)), "y": np.zeros(5)}, 5),
        ({"x_test": np.zeros((2, 3, 4)), "x_train": np.zeros((5, 3, 4))}, 2),
        ({"one": np.zeros((3, 4))}, 1),
        ({"x": np.zeros((5, 3, 4)), "names": np.array([None, "a"])}, 5),
        ({"test_images": np.zeros((2, 3, 4)), "train_images": np.zeros((5, 3, 4))}, 2),
    ],
    ids=["x", "the only one that fits", "test before train", "a single input", "next to objects", "other words"],
)
def test_npz_array_is_selected_by_name_or_shape(write, arrays, count):
    inputs = read_prediction_inputs(write("a.npz", arrays), InputSpec((3, 4)))
    assert inputs.inputs.shape == (count, 3, 4)
    assert inputs.input_names[-1] == f"{inputs.file}[{count - 1}]"


def test_columns_are_matched_by_name(write):
    path = write("new.csv", "c;note;a;b\n3;x;1;2\n\n6;y;4;5\n")
    inputs = read_prediction_inputs(path, InputSpec((3,), ("a", "b", "c"), None))
    assert inputs.inputs.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert inputs.input_names == [f"{path}:2", f"{path}:4"]


def test_unnamed_columns_are_read_in_order(write):
    assert read_prediction_inputs(write("a.csv", "u,v\n1,2\n"), InputSpec((2,), white_value=None)).inputs.tolist() == [
        [1, 2]
    ]


TABLE = InputSpec((2,), ("age", "area"), None)


@pytest.mark.parametrize(
    ("name", "content", "input_spec", "message"),
    [
        ("a.png", b"hello", InputSpec((3, 4)), "is not an image"),
        ("a.png", b"", InputSpec((3, 4)), "is not an image"),
        ("a.parquet", b"PAR1", InputSpec((3, 4)), "is not an image, an .npz file, an .npy file or a .csv file"),
        ("a.png", GREY, TABLE, "is an image, but this run was trained on rows of 2 numbers"),
        ("a.png", GREY, InputSpec((3, 4), white_value=None), "is an image, but this run was trained on"),
        ("a.npz", b"hello", InputSpec((3, 4)), "is not an .npz file"),
        ("a.npz", {"x": np.zeros((5, 4, 4))}, InputSpec((3, 4)), r"contains x of \(5, 4, 4\)"),
        ("a.npz", {"a": np.zeros((5, 3, 4)), "b": np.zeros((5, 3, 4))}, InputSpec((3, 4)), "has 2 arrays"),
        ("a.npz", {"x": np.array([object()])}, InputSpec((3, 4)), "Python objects"),
        ("a.npz", {"new": np.array([object()])}, InputSpec((3, 4)), "Python objects"),
        ("a.npz", {"data": np.zeros((5, 3, 4)), "images": np.zeros((5, 3, 4))}, InputSpec((3, 4)), "data, images"),
        ("a.npz", {"x": np.full((1, 3, 4), np.nan)}, InputSpec((3, 4)), "not a finite 32-bit float"),
        ("a.npz", {"x": np.zeros((1, 3, 4))}, InputSpec((3, 4), invert=True), "apply only to images"),
        ("a.csv", "", TABLE, "is empty"),
        ("a.csv", "age,area\n", TABLE, "has a header but no rows"),
        ("a.csv", "age,aera\n1,2\n", TABLE, "has no column area"),
        ("a.csv", "age,area,age\n1,2,3\n", TABLE, "column age occurs 2 times"),
        ("a.csv", "age,area\n1,x\n,2\n3\n", TABLE, r"a.csv:2  column area: 'x' is not a number\n.*:3.*\n.*:4"),
        ("a.csv", "1.5,2.5\n1,2\n", InputSpec((2,), white_value=None), "contains numbers instead of a header"),
        ("a.csv", "a,b,c\n1,2,3\n", InputSpec((2,), white_value=None), "has 3 columns"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_unusable_file_is_refused(write, name, content, input_spec, message):
    with pytest.raises(UserDataError, match=message):
        read_prediction_inputs(write(name, content), input_spec)


def test_decompression_bomb_is_not_decoded(write, tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (9_000, 9_000)).save(path)
    with pytest.raises(UserDataError, match="pixels"):
        read_prediction_inputs(str(path), InputSpec((3, 4), resize=True))


@pytest.mark.parametrize("name", ["missing.png", "."], ids=["no file", "a directory"])
def test_path_that_is_not_a_file_is_refused(tmp_path, name):
    with pytest.raises(UserDataError):
        read_prediction_inputs(str(tmp_path / name), InputSpec((3, 4)))
