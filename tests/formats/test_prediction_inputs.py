"""Files to predict from, read as the training data was."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dnn_cli.errors import UserDataError
from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
from dnn_cli.formats.prediction_inputs import InputSpec, read_prediction_inputs
from dnn_cli.formats.reader_options import CsvOptions
from tests.helpers.csv_contents import ANY_CONTENT

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


def test_invalid_rows_are_named_and_other_rows_are_read(write):
    path = write("new.csv", "Id,age,area\n7,1,2\n8,,2\n9,3\n10,x,2\n11,5,6\n")
    inputs = read_prediction_inputs(path, InputSpec((2,), ("age", "area"), None, kept_columns=("Id", "none")))
    assert inputs.inputs.tolist() == [[1, 2], [5, 6]]
    assert inputs.lines == inputs.table.lines == (2, 6)
    assert inputs.table.all_lines == (2, 3, 4, 5, 6)
    assert inputs.table.kept_columns == {"Id": ("7", "8", "9", "10", "11")}
    assert inputs.table.error.message.splitlines() == [
        f"{path}:3  column age: the cell is empty",
        f"{path}:4  has fewer fields than the header: 2 instead of 3",
        f"{path}:5  column age: 'x' is not a number",
    ]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        pytest.param("a;b\n1,5;True\n2;no\n", {"decimal": ",", "delimiter": "|"}, id="decimal comma and words"),
        pytest.param("가;a;b\n0;1.5;1\n0;2;0\n".encode("cp949"), {"encoding": "cp949"}, id="encoding of the run"),
        pytest.param("가;a;b\n0;1.5;1\n0;2;0\n", {"encoding": "cp949"}, id="UTF-8"),
        pytest.param("a,b,\n1.5,1\n2,0,\n", {}, id="delimiter at the end"),
        pytest.param("sep=;\na;b\n1.5;1\n2;0\n", {}, id="Excel's first line"),
        pytest.param(gzip.compress(b"a,b\n$1.5,1\n2,0\n"), {"strip": ("$",)}, id="gzip"),
    ],
)
def test_new_rows_are_read_with_the_options_of_the_run(write, content, options):
    input_spec = InputSpec((2,), ("a", "b"), None, csv_options=CsvOptions(**options))
    name = "new.csv.gz" if isinstance(content, bytes) and content[:1] == b"\x1f" else "new.csv"
    assert read_prediction_inputs(write(name, content), input_spec).inputs.tolist() == [[1.5, 1], [2, 0]]


@pytest.mark.parametrize("content", ["1,2\n3,4\n", "9,1,2\n9,3,4\n"])
def test_rows_without_header_are_read_with_and_without_the_target(write, content):
    input_spec = InputSpec((2,), ("2", "3"), None, csv_options=CsvOptions(header=False, target="1"))
    assert read_prediction_inputs(write("new.csv", content), input_spec).inputs.tolist() == [[1, 2], [3, 4]]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return the path of a file that every example of a rule writes again."""
    return tmp_path_factory.mktemp("csv") / "new.csv"


@settings(deadline=None)  # files on a busy machine
@given(
    ANY_CONTENT,
    st.sampled_from([("a", "b"), ("1", "2"), ("2", "3"), ()]),
    st.builds(
        CsvOptions,
        header=st.sampled_from([None, False]),
        encoding=st.sampled_from([None, "cp949", "utf-16"]),
        decimal=st.sampled_from([None, ","]),
        drop_unlabelled=st.booleans(),
        rules=st.sampled_from([1, 2]),
    ),
)
def test_any_file_is_predicted_and_evaluated_or_refused(scratch, content, features, options):
    scratch.write_bytes(content)
    input_spec = InputSpec((2,), features, None, csv_options=options, kept_columns=("y", "a"))
    readers = [
        lambda: read_prediction_inputs(str(scratch), input_spec),
        lambda: read_evaluation_examples(str(scratch), input_spec, TargetSpec(("no", "yes"), column="y")),
        lambda: read_evaluation_examples(str(scratch), input_spec, TargetSpec(column="y")),
    ]
    for read in readers:
        try:
            inputs = read().inputs
        except UserDataError as error:
            assert error.message.startswith(str(scratch))
        else:
            assert inputs.shape[1:] == (2,)
            assert np.isfinite(inputs).all()


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
        ("a.feather", b"PAR1", InputSpec((3, 4)), "is not an image, an .npz file, an .npy file or a .csv file"),
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
        ("a.csv", "a,\n1\n", InputSpec((2,), white_value=None), "has fewer fields than the header"),
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
