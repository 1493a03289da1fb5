import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.data.examples import load_examples
from dnn_cli.data.reading_changes import list_check_remarks

CODES = np.tile(np.array([[0, 1], [1, 0]], np.uint8), (10, 1))
PIXELS = CODES * np.uint8(255)
CLASSES = np.arange(20) % 2


@pytest.fixture
def list_changes(tmp_path):
    """Writes arrays and returns what older versions read differently."""

    def list_reading_changes(keys=None, **arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        data = Data.model_validate({"dataset": "npz", "path": str(tmp_path / "a.npz"), **(keys or {})}).with_decisions()
        prefix = "dnn 0.11.0 and older read these files differently: "
        remarks = list_check_remarks(data, load_examples(data))
        return [remark.message.removeprefix(prefix) for remark in remarks if remark.message.startswith(prefix)]

    return list_reading_changes


def test_each_difference_is_named(list_changes):
    arrays = {"x_train": CODES, "y_train": CLASSES.astype(float), "X_valid": CODES, "y_valid": CLASSES}
    assert list_changes(**arrays) == ["inputs divided by 255, a regression, no validation set"]
    assert list_changes(x=PIXELS, y=CLASSES + 1) == ["the classes 0, 1, 2"]


def test_equal_readings_have_no_remark(list_changes):
    assert not list_changes(x=PIXELS, y=CLASSES)
    assert not list_changes({"rules": 1}, x=CODES, y=CLASSES)
