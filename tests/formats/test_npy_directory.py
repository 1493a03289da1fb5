"""Arrays in .npy files: a directory, or a file of inputs with its targets."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.config.config_template import resolve_data
from dnn_cli.errors import UserDataError
from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
from dnn_cli.formats.npz_arrays import inspect_npz, read_npz
from dnn_cli.formats.prediction_inputs import InputSpec, read_prediction_inputs
from dnn_cli.formats.reader_options import ArrayOptions

AUTO = ArrayOptions()
X, Y = np.arange(24.0).reshape(8, 3), np.arange(8) % 2


@pytest.fixture
def save(tmp_path):
    """Return a function that writes .npy files by their names and returns the directory."""

    def write(**arrays):
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        return str(tmp_path)

    return write


def test_directory_has_the_splits_of_an_npz(save):
    directory = save(X_train=X, y_train=Y, X_valid=X[:4], y_valid=Y[:4], extra=X)
    contents = inspect_npz(directory, AUTO, "train")
    assert (contents.examples, contents.input_shape, contents.classes) == (8, (3,), ("0", "1"))
    assert [str(remark) for remark in contents.remarks] == [f"{os.path.basename(directory)}: not used: extra"]
    assert inspect_npz(directory, AUTO, "validation").examples == 4
    assert inspect_npz(directory, AUTO, "test") is None
    examples = read_npz(directory, AUTO, "train")
    assert np.array_equal(examples.inputs, X)
    assert examples.targets.tolist() == Y.tolist()


@pytest.mark.parametrize(("x", "y"), [("X", "y"), ("x_train", "y_train"), ("train_images", "train_labels")])
def test_file_of_inputs_is_read_with_its_targets(save, x, y):
    directory = save(**{x: X, y: Y, "other": X})
    path = f"{directory}/{x}.npy"
    assert inspect_npz(path, AUTO, "train").examples == 8
    assert inspect_npz(path, AUTO, "train").remarks == ()
    assert np.array_equal(read_npz(path, AUTO, "train").inputs, X)


def test_new_config_recognises_arrays(save, tmp_path):
    directory = save(X=X, y=Y)
    assert resolve_data(directory).dataset == "npz"
    assert resolve_data(f"{directory}/X.npy").info.examples == 8
    (tmp_path / "cats").mkdir()
    assert resolve_data(directory).dataset == "image_folder"


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        (("X",), "X.npy", "X.npy has no file of targets"),
        (("X", "y", "labels"), "X.npy", "several files of targets: labels, y"),
        (("X", "y"), "y.npy", "does not have the name of an array of inputs"),
        (("X", "y"), "gone.npy", "does not exist"),
        (("a", "b"), ".", "has no x_train and y_train; it contains a, b"),
        ((), ".", "contains no .npy files"),
        (("x_train", "y_train", "X_train"), ".", "X_train and x_train can both be the training inputs"),
    ],
)
def test_missing_or_ambiguous_files_are_refused(save, names, path, message):
    directory = save(**{name: Y if name in ("y", "labels") else X for name in names})
    with pytest.raises(UserDataError, match=message):
        inspect_npz(os.path.join(directory, path), AUTO, "train")


def test_python_objects_are_never_loaded(tmp_path, save):
    directory = save(X=X, y=Y)
    np.save(tmp_path / "X.npy", X.astype(object))
    with pytest.raises(UserDataError, match="X contains Python objects") as refused:
        inspect_npz(directory, AUTO, "train")
    assert "save an array of numbers" in refused.value.suggestion


def test_only_regular_files_are_arrays(tmp_path, save):
    directory = save(X=X)
    os.mkfifo(tmp_path / "y.npy")
    with pytest.raises(UserDataError, match="has X but no y"):
        inspect_npz(directory, AUTO, "train")


def test_predictions_read_a_single_file(save):
    directory = save(new=X, X_test=X, y_test=Y)
    inputs = read_prediction_inputs(f"{directory}/new.npy", InputSpec((3,)))
    assert np.array_equal(inputs.inputs, X)
    assert inputs.input_names[-1] == f"{directory}/new.npy[7]"
    with pytest.raises(UserDataError, match=r"contains new of \(8, 3\)"):
        read_prediction_inputs(f"{directory}/new.npy", InputSpec((4,)))


@pytest.mark.parametrize("path", ["X_test.npy", "."])
def test_evaluations_read_a_pair(save, path):
    directory = save(X_test=X, y_test=Y)
    examples = read_evaluation_examples(os.path.join(directory, path), InputSpec((3,)), TargetSpec(("0", "1")))
    assert examples.targets.tolist() == Y.tolist()


@settings(deadline=None)  # files on a busy machine
@given(st.data())
def test_any_bytes_are_arrays_or_refused(tmp_path_factory, data):
    directory = tmp_path_factory.getbasetemp() / "npy"
    directory.mkdir(exist_ok=True)
    np.save(directory / "X.npy", X)
    np.save(directory / "y.npy", Y)
    file = directory / data.draw(st.sampled_from(["X.npy", "y.npy"]))
    raw = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(data.draw(st.just(bytes(raw)) | st.binary()))
    path = data.draw(st.sampled_from([directory, directory / "X.npy"]))
    try:
        contents = inspect_npz(str(path), AUTO, "train")
        read_npz(str(path), AUTO, "train", len(contents.classes) or None)
    except UserDataError as error:
        assert error.message.startswith(str(directory))
