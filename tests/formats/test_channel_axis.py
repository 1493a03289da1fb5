"""Images with channels first: refused, or read on request."""

import numpy as np
import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
from dnn_cli.formats.npz_arrays import inspect_npz, read_npz
from dnn_cli.formats.prediction_inputs import InputSpec, read_prediction_inputs
from dnn_cli.formats.reader_options import ArrayOptions

FIRST, LAST = ArrayOptions(channels="first"), ArrayOptions(channels="last")
LABELS = np.arange(6) % 2
PHOTOS = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 24)).astype(np.uint8)
MOVED = np.moveaxis(PHOTOS, 1, -1)
NAMES = TargetSpec(("0", "1"))


@pytest.fixture
def save(tmp_path):
    """Return a function that writes arrays and returns the path."""

    def write(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return str(tmp_path / "a.npz")

    return write


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 84, 84), (3, 32, 48)])
def test_channels_first_are_refused_with_two_remedies(save, shape):
    path = save(x=np.zeros((6, *shape)), y=LABELS)
    with pytest.raises(UserDataError, match="which is that of channels first") as refused:
        inspect_npz(path, ArrayOptions(), "train")
    assert "numpy.moveaxis(x, 1, -1)" in refused.value.suggestion
    assert "data.channels=first" in refused.value.suggestion
    assert inspect_npz(path, FIRST, "train").input_shape == (*shape[1:], shape[0])
    assert inspect_npz(path, LAST, "train").input_shape == shape
    assert inspect_npz(path, ArrayOptions(rules=1), "train").input_shape == shape


@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28), (3, 3, 3), (3, 100, 5), (2, 32, 32), (16, 16, 16), (3,)])
def test_other_shapes_are_read_as_they_are(save, shape):
    assert inspect_npz(save(x=np.zeros((6, *shape)), y=LABELS), ArrayOptions(), "train").input_shape == shape


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_channels_are_moved_to_the_last_axis(save, dtype):
    path = save(x_train=PHOTOS.astype(dtype), y_train=LABELS, x_test=PHOTOS[:2].astype(dtype), y_test=LABELS[:2])
    inputs = read_npz(path, FIRST, "train").inputs
    assert inputs.flags.c_contiguous
    assert np.array_equal(inputs, MOVED)
    assert inspect_npz(path, FIRST, "test").input_shape == (32, 24, 3)
    assert np.array_equal(read_npz(path, FIRST, "test").inputs, MOVED[:2])


def test_validation_images_with_channels_first_are_refused(save):
    path = save(x_train=MOVED, y_train=LABELS, x_val=PHOTOS, y_val=LABELS)
    with pytest.raises(UserDataError, match="x_val has images of the shape"):
        inspect_npz(path, ArrayOptions(), "validation")


def test_channels_first_need_an_axis_of_channels(save):
    with pytest.raises(UserDataError, match="has no axis of channels") as refused:
        inspect_npz(save(x=np.zeros((6, 28, 28)), y=LABELS), FIRST, "train")
    assert refused.value.key == "channels"


def test_predictions_and_evaluations_move_the_channels_of_such_a_run(save):
    path, moves = save(x=PHOTOS, y=LABELS), InputSpec((32, 24, 3), channels_first=True)
    assert np.array_equal(read_prediction_inputs(path, moves).inputs, MOVED)
    assert np.array_equal(read_evaluation_examples(path, moves, NAMES).inputs, MOVED)
    np.savez(path, x=MOVED, y=LABELS)
    assert np.array_equal(read_prediction_inputs(path, moves).inputs, MOVED)
    np.savez(path, x=PHOTOS[0])
    assert np.array_equal(read_prediction_inputs(path, moves).inputs, MOVED[:1])


def test_predictions_and_evaluations_of_other_runs_suggest_moving_the_axis(save):
    path = save(x=PHOTOS, y=LABELS)
    for read in (read_prediction_inputs, lambda *arguments: read_evaluation_examples(*arguments, NAMES)):
        with pytest.raises(UserDataError, match=r"6, 3, 32, 24") as refused:
            read(path, InputSpec((32, 24, 3)))
        assert "numpy.moveaxis(x, 1, -1)" in refused.value.suggestion
