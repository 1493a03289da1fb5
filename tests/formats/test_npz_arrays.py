import io
import os
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dnn_cli.errors import UserDataError
from dnn_cli.formats import npz_archive, npz_arrays, safe_open
from dnn_cli.formats.dataset_contents import DatasetContents
from dnn_cli.formats.npz_arrays import inspect_npz, read_npz
from dnn_cli.formats.reader_options import ArrayOptions

AUTO, FIRST_RULES = ArrayOptions(), ArrayOptions(rules=1)

PIXELS = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
CLASSES = np.array([0, 2, 1, 2])


@pytest.fixture
def save(tmp_path):
    """Writes arrays and returns the path."""

    def write(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return str(path)

    return write


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return the path of a file that every example of a rule writes again."""
    return tmp_path_factory.mktemp("npz") / "data.npz"


def get_error(path, task="auto", part="train", inspect=inspect_npz):
    """Return the error of a file."""
    with pytest.raises(UserDataError) as caught:
        inspect(str(path), ArrayOptions(task), part)
    assert caught.value.exit_code == 2
    return caught.value


def encode_npy(array):
    """The bytes of an array's own file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def pack_npz(path, method=zipfile.ZIP_DEFLATED, **members):
    """Write a zip of arrays or of bytes that pretend to be arrays."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content if isinstance(content, bytes) else encode_npy(content))
    return path


def test_pixels_and_classes_are_read_as_they_are(save):
    path = save(x_train=PIXELS, y_train=CLASSES)
    assert inspect_npz(path, FIRST_RULES, "train") == DatasetContents(
        (2, 3), 4, ("0", "1", "2"), pixel_max=255, value_bytes=1
    )
    assert replace(inspect_npz(path, AUTO, "train"), remarks=(), decisions={}) == inspect_npz(
        path, FIRST_RULES, "train"
    )
    arrays = read_npz(path, AUTO, "train")
    assert arrays.inputs.dtype == np.uint8
    assert np.array_equal(arrays.inputs, PIXELS)
    assert arrays.targets.dtype == np.int32
    assert np.array_equal(arrays.targets, CLASSES)


@pytest.mark.parametrize(
    ("part", "x", "y"),
    [
        pytest.param("train", "x_train", "y_train", id="train"),
        pytest.param("train", "X_train", "y_train", id="train in capitals"),
        pytest.param("train", "x", "y", id="nothing but train"),
        pytest.param("train", "X", "y", id="nothing but train in capitals"),
        pytest.param("validation", "x_val", "y_val", id="val"),
        pytest.param("validation", "X_validation", "y_validation", id="validation"),
        pytest.param("test", "x_test", "y_test", id="test"),
    ],
)
def test_splits_are_found_by_array_names(save, part, x, y):
    path = save(**{x: PIXELS, y: CLASSES})
    assert inspect_npz(path, AUTO, part).examples == 4
    for other in {"validation", "test"} - {part}:
        assert inspect_npz(path, AUTO, other) is None
        assert "it contains" in get_error(path, part=other, inspect=read_npz).message


@pytest.mark.parametrize(
    ("y", "task", "classes", "labels"),
    [
        pytest.param(np.array([0, 2, 1, 2], np.uint8), "auto", 3, [0, 2, 1, 2], id="whole numbers"),
        pytest.param(np.array([[0], [1], [1], [0]]), "auto", 2, [0, 1, 1, 0], id="a column of whole numbers"),
        pytest.param(np.eye(4, 5, dtype=np.int8), "auto", 5, [0, 1, 2, 3], id="one-hot"),
        pytest.param(np.eye(4, 5), "auto", 5, [0, 1, 2, 3], id="one-hot floats, as to_categorical makes them"),
        pytest.param(np.array([0.0, 1.0, 2.0, 0.0]), "classification", 3, [0, 1, 2, 0], id="whole floats, asked for"),
        pytest.param(np.array([0.0, 1.0, 2.0, 0.0]), "auto", 0, [[0], [1], [2], [0]], id="floats"),
        pytest.param(np.array([3, 1, 2, 9]), "regression", 0, [[3], [1], [2], [9]], id="whole numbers to predict"),
        pytest.param(np.array([-1.5, 1, 2, 3]), "auto", 0, [[-1.5], [1], [2], [3]], id="one number to predict"),
        pytest.param(
            np.array([[1, 2.5]] * 4, ">f8"), "auto", 0, [[1, 2.5]] * 4, id="two numbers to predict, big-endian"
        ),
    ],
)
def test_target_kind_depends_on_the_array_type(save, y, task, classes, labels):
    path = save(x=PIXELS, y=y)
    contents, result = (
        inspect_npz(path, ArrayOptions(task), "train"),
        read_npz(path, ArrayOptions(task), "train").targets,
    )
    assert contents.classes == tuple(map(str, range(classes)))
    assert contents.targets == (1 if classes else len(labels[0]))
    assert result.tolist() == labels
    assert result.dtype == (np.int32 if classes else np.float32)


def test_targets_may_be_text(save):
    path = save(x=PIXELS, y=np.array(["dog", "cat", "dog", "새"]))
    assert inspect_npz(path, AUTO, "train").classes == ("cat", "dog", "새")
    assert read_npz(path, AUTO, "train").targets.tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("dtype", ["?", "i1", "<i8", ">u2", "f2", ">f4", "f8", "g"])
def test_other_numbers_become_floats(save, dtype):
    x = np.asfortranarray(np.arange(8).reshape(4, 2)).astype(dtype)
    path = save(x=x, y=CLASSES)
    assert inspect_npz(path, AUTO, "train").pixel_max == 1
    inputs = read_npz(path, AUTO, "train").inputs
    assert inputs.dtype == np.float32
    assert inputs.flags.c_contiguous
    assert np.array_equal(inputs, x)


def test_inspection_reads_no_array_of_inputs(save, monkeypatch):
    path = save(x_train=PIXELS, y_train=CLASSES, x_test=PIXELS, y_test=CLASSES)
    read, was_read = npz_archive.NpzArchive.read_array, []
    monkeypatch.setattr(npz_archive.NpzArchive, "read_array", lambda *a: was_read.append(a[1].name) or read(*a))
    inspect_npz(path, AUTO, "test")
    assert sorted(was_read) == ["y_test", "y_train"]


def test_other_splits_follow_the_training_targets(save):
    def labels(train, other):
        path = save(x_train=PIXELS, y_train=train, x_val=PIXELS, y_val=other)
        return inspect_npz(path, AUTO, "validation").classes, read_npz(path, AUTO, "validation").targets.tolist()

    assert labels(np.array([0, 1, 2, 3]), np.array([0, 1, 0, 1])) == (("0", "1", "2", "3"), [0, 1, 0, 1])
    assert labels(np.array(list("abcd")), np.array(list("dddd"))) == (("a", "b", "c", "d"), [3] * 4)
    assert labels(np.array([0, 1, 2, 0.5]), np.array([0, 1, 0, 1])) == ((), [[0.0], [1.0], [0.0], [1.0]])


@pytest.mark.parametrize(
    ("train", "other", "message"),
    [
        pytest.param(CLASSES, np.array([0, 1, 12, 0]), "is 12, but the class numbers are 0 to 2", id="number"),
        pytest.param(np.array(list("abab")), np.array(list("abzz")), "'z' is not a class of the training", id="text"),
        pytest.param(np.array(list("abab")), CLASSES, "numbers, but the training targets are text", id="numbers"),
        pytest.param(np.full(4, 0.5), np.array(list("abzz")), "contains text, but a regression", id="regression"),
    ],
)
def test_unknown_targets_are_refused(save, train, other, message):
    path = save(x_train=PIXELS, y_train=train, x_test=PIXELS, y_test=other)
    assert message in get_error(path, part="test").message
    assert message in get_error(path, part="test", inspect=read_npz).message


def test_targets_beyond_the_class_count_are_refused(save):
    path = save(x=PIXELS, y=CLASSES)
    assert read_npz(path, AUTO, "train", 3).targets.tolist() == CLASSES.tolist()
    with pytest.raises(UserDataError, match="is 2, but the class numbers are 0 to 1"):
        read_npz(path, AUTO, "train", 2)


BAD_FLOATS = np.array([[0, 1], [np.nan, np.inf], [0, 0], [0, 0]])


@pytest.mark.parametrize(
    ("arrays", "message", "hint"),
    [
        pytest.param({"a": PIXELS, "b": CLASSES}, "no x_train and y_train; it contains a", "savez", id="other names"),
        pytest.param({"x_train": PIXELS}, "has x_train but no y_train", "", id="no labels"),
        pytest.param({"y": CLASSES}, "has y but no x", "", id="no inputs"),
        pytest.param({"x": PIXELS, "y": CLASSES[:3]}, "x has the shape (4, 2, 3), but y has (3,)", "", id="too few"),
        pytest.param({"x": PIXELS, "y": np.int64(3)}, "but y has ()", "", id="labels without axes"),
        pytest.param({"x": CLASSES, "y": CLASSES}, "x has the shape (4,)", "(n, …)", id="inputs of one axis"),
        pytest.param({"x": PIXELS[:, :0], "y": CLASSES}, "(4, 0, 3)", "each at least 1 long", id="an axis of 0"),
        pytest.param({"x": PIXELS.reshape(4, 1, 1, 1, 1, 2, 3), "y": CLASSES}, "(4, 1, 1, 1, 1, 2, 3)", "", id="7"),
        pytest.param({"x": PIXELS.astype(object), "y": CLASSES}, "contains Python objects", "", id="objects"),
        pytest.param({"x": PIXELS, "y": CLASSES.astype(object)}, "y contains Python", "str", id="object labels"),
        pytest.param({"x": PIXELS.astype(complex), "y": CLASSES}, "x has the type complex128", "", id="complex"),
        pytest.param({"x": PIXELS.astype(str), "y": CLASSES}, "x has the type <U3", "", id="text"),
        pytest.param({"x": PIXELS.astype("M8[s]"), "y": CLASSES}, "x has the type datetime64", "", id="dates"),
        pytest.param({"x": PIXELS, "y": CLASSES.astype("m8[s]")}, "y has the type timedelta64", "", id="durations"),
        pytest.param({"x": PIXELS, "y": CLASSES.astype("S")}, "y has the type |S21", "dtype=str", id="bytes"),
        pytest.param({"x": PIXELS, "y": CLASSES * 0}, "contains only the class 0", "two", id="one class"),
        pytest.param({"x": PIXELS, "y": np.array(["a"] * 4)}, "contains only the class 'a'", "two", id="one name"),
        pytest.param({"x": PIXELS, "y": np.array(["a", "", "b", "b"])}, "an empty target", "", id="empty name"),
        pytest.param({"x": PIXELS, "y": np.array(["\ud800", "a"] * 2)}, "not valid Unicode", "", id="half a character"),
        pytest.param({"x": PIXELS, "y": np.array([["a", "b"]] * 4)}, "shape (4, 2)", "", id="text of two axes"),
        pytest.param({"x": PIXELS, "y": PIXELS[:, 0]}, "its rows are not one-hot", "task: regression", id="rows"),
        pytest.param({"x": PIXELS, "y": PIXELS}, "y has the shape (4, 2, 3)", "(n, k)", id="labels of three axes"),
        pytest.param({"x": PIXELS, "y": np.array([1, np.nan, 2, 3])}, "y[1] is nan", "", id="label nan"),
        pytest.param({"x": PIXELS, "y": np.zeros((4, 10_001)) + 2}, "10,001 numbers", "", id="too many numbers"),
    ],
)  # fmt: skip
def test_error_names_the_array_and_a_hint(save, arrays, message, hint):
    error = get_error(save(**arrays))
    assert message in error.message
    assert hint in error.suggestion


@pytest.mark.parametrize(
    ("y", "message"),
    [
        pytest.param(np.array([0, 1.5, 1, 0]), "y[1] is 1.5, not a whole number", id="fraction"),
        pytest.param(np.array([0, np.nan, 1, 0]), "y[1] is nan, not a whole number", id="nan"),
        pytest.param(np.array([0, np.inf, 1, 0]), "y[1] is inf, which cannot be a class", id="inf"),
    ],
)
def test_floats_are_classes_only_if_whole(save, y, message):
    error = get_error(save(x=PIXELS, y=y), "classification")
    assert message in error.message
    assert "task: regression" in error.suggestion


@pytest.mark.parametrize(
    ("x", "message"),
    [
        pytest.param(BAD_FLOATS, "x[1, 0] is nan, which is not a finite 32-bit float; 2 such values", id="nan and inf"),
        pytest.param(np.array([[0], [0], [1e39], [0]]), "x[2, 0] is 1e+39", id="too large"),
    ],
)
def test_inputs_must_be_finite(save, x, message):
    path = save(x=x, y=CLASSES)
    assert message in get_error(path, inspect=read_npz).message


@pytest.mark.parametrize("order", "<>")
def test_text_must_be_valid_unicode(tmp_path, order):
    codes = np.array([97, 98, 99, 0x110000], f"{order}u4")
    path = pack_npz(tmp_path / "data.npz", x=PIXELS, y=codes.view(f"{order}U1"))
    assert "not valid Unicode text" in get_error(path).message
    path = pack_npz(tmp_path / "data.npz", x=PIXELS, y=np.minimum(codes, 99).astype(codes.dtype).view(f"{order}U1"))
    assert inspect_npz(str(path), AUTO, "train").classes == ("a", "b", "c")


def test_header_must_match_the_data(tmp_path):
    lying = encode_npy(PIXELS).replace(b"(4, 2, 3)", b"(4, 9, 9)")
    path = pack_npz(tmp_path / "data.npz", x=lying, y=CLASSES)
    assert "contradicts its header" in get_error(path).message


def test_arrays_larger_than_memory_are_not_read(save, monkeypatch):
    path = save(x=np.zeros((4, 1000)), y=CLASSES)
    monkeypatch.setattr(safe_open, "get_usable_memory", lambda: 40_000)  # 32,000 as they are, and 16,000 as float32
    assert "GB in memory" in get_error(path).message
    monkeypatch.undo()
    monkeypatch.setattr(npz_arrays, "MAX_NPZ_BYTES", 30_000)
    assert "the limit is" in get_error(path).message


def test_endless_header_is_refused(tmp_path):
    endless = b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b" " * 10_000_000
    assert "x is not a NumPy array" in get_error(pack_npz(tmp_path / "data.npz", x=endless, y=CLASSES)).message


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("{'descr': '<f8', 'fortran_order': False, 'shape': (4, -1)}", id="negative"),
        pytest.param("{'descr': '<f8', 'fortran_order': False}", id="no shape"),
        pytest.param("{'descr': 7, 'fortran_order': False, 'shape': (4,)}", id="no type"),
        pytest.param("{'descr': (), 'fortran_order': False, 'shape': (4,)}", id="empty type"),
        pytest.param("(" * 5000, id="deep"),
        pytest.param("{'descr': '<f8', 'fortran_order': False, 'shape': (1" + "0" * 5000 + ",)}", id="huge"),
    ],
)
def test_forged_headers_are_refused(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    assert "x" in get_error(pack_npz(tmp_path / "data.npz", x=content, y=CLASSES)).message


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[:-30], id="cut short"),
        pytest.param(lambda raw: encode_npy(PIXELS), id="a single array"),
        pytest.param(
            lambda raw: raw.replace(encode_npy(CLASSES), encode_npy(CLASSES)[:-1] + b"\x09"), id="other bytes"
        ),
        pytest.param(lambda raw: raw.replace(b"\x93NUMPY", b"\x93NUMPA"), id="no arrays"),
    ],
)
def test_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "data.npz"
    path.write_bytes(damage(pack_npz(path, zipfile.ZIP_STORED, x=PIXELS, y=CLASSES).read_bytes()))
    assert "data.npz" in get_error(path, inspect=read_npz).message


def test_encrypted_or_unusually_compressed_file_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    assert "unknown compression method" in get_error(pack_npz(path, zipfile.ZIP_BZIP2, x=PIXELS, y=CLASSES)).message
    raw = bytearray(pack_npz(path, x=PIXELS, y=CLASSES).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(mark) + offset] |= 1
    path.write_bytes(raw)
    assert "encrypted" in get_error(path).message


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    assert "is a pipe or device" in get_error(tmp_path / "pipe.npz").message
    assert "does not exist" in get_error(tmp_path / "none.npz").message


@settings(deadline=None)  # files on a busy machine
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=5, max_side=4), elements={"allow_nan": False}))
def test_finite_floats_survive_a_round_trip(scratch, x):
    x = np.nan_to_num(x, posinf=1, neginf=-1)
    np.savez_compressed(scratch, x=x, y=np.full(len(x), 0.5))
    contents = inspect_npz(str(scratch), ArrayOptions(channels="last"), "train")
    assert contents == DatasetContents(x.shape[1:], len(x), (), decisions={"task": "regression"})
    assert np.array_equal(read_npz(str(scratch), AUTO, "train").inputs, x)


@settings(deadline=None)  # files on a busy machine
@given(
    hnp.arrays(
        st.sampled_from(["u1", "i8", "f4", "?"]), hnp.array_shapes(min_dims=2, max_dims=4, min_side=2, max_side=9)
    ),
    st.sampled_from(["u1", "i8", "f8", "?", "U2"]),
    st.data(),
)
def test_decisions_as_options_give_the_same_arrays(scratch, x, dtype, data):
    y = data.draw(hnp.arrays(np.int8, len(x), elements=st.integers(-3, 9))).astype(dtype)
    np.savez(scratch, x=x, y=y)
    try:
        contents, arrays = inspect_npz(str(scratch), AUTO, "train"), read_npz(str(scratch), AUTO, "train")
    except UserDataError:
        return
    decided = ArrayOptions(**contents.decisions)
    again, arrays_again = inspect_npz(str(scratch), decided, "train"), read_npz(str(scratch), decided, "train")
    assert again == replace(contents, remarks=(), decisions={})
    assert np.array_equal(arrays_again.inputs, arrays.inputs)
    assert np.array_equal(arrays_again.targets, arrays.targets)


@settings(deadline=None)  # files on a busy machine
@given(st.data())
def test_any_bytes_are_arrays_or_refused(scratch, data):
    method = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    raw = bytearray(pack_npz(scratch, method, x=PIXELS, y=CLASSES).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    scratch.write_bytes(data.draw(st.just(bytes(raw)) | st.binary()))
    with warnings.catch_warnings(record=True) as warned:
        try:
            read_npz(str(scratch), AUTO, "train")
        except UserDataError as error:
            assert error.message.startswith(str(scratch))
    assert not warned
