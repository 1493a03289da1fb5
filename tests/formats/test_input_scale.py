"""The divisor of uint8 inputs, and splits whose inputs have another range than the training inputs."""

import numpy as np
import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.formats import array_source
from dnn_cli.formats.npz_arrays import inspect_npz, read_npz
from dnn_cli.formats.reader_options import ArrayOptions

RANDOM = np.random.default_rng(0)
LABELS = np.arange(40) % 2
PHOTOS = RANDOM.integers(0, 256, (40, 4, 5)).astype(np.uint8)


@pytest.fixture
def save(tmp_path):
    """Return a function that writes arrays and returns the path."""

    def write(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return str(tmp_path / "a.npz")

    return write


@pytest.mark.parametrize(
    ("x", "divisor", "remark"),
    [
        pytest.param(PHOTOS, 255, "x: uint8 pixels, divided by 255  (data.scale=1)", id="photographs"),
        pytest.param((PHOTOS > 99) * np.uint8(255), 255, "x: uint8 pixels, divided by 255", id="masks of 0 and 255"),
        pytest.param(PHOTOS % 2, 1, "x: uint8 only up to 1, not divided by 255  (data.scale=255)", id="0 and 1"),
        pytest.param(PHOTOS % 7, 1, "x: uint8 only up to 6, not divided by 255", id="codes"),
        pytest.param(PHOTOS % 17, 1, "x: uint8 only up to 16, not divided by 255", id="digits of 4 bits"),
        pytest.param(PHOTOS % 2 == 1, 1, None, id="truth values"),
        pytest.param(PHOTOS.astype(np.float32), 1, None, id="floats"),
        pytest.param(PHOTOS.astype(np.int64), 1, None, id="whole numbers"),
    ],
)
def test_uint8_is_divided_by_255_unless_it_has_codes(save, x, divisor, remark):
    path = save(x=x, y=LABELS)
    contents = inspect_npz(path, ArrayOptions(), "train")
    assert contents.pixel_max == divisor
    assert contents.decisions == {"task": "classification", **({"scale": float(divisor)} if remark else {})}
    assert str(contents.remarks[0]).startswith(remark) if remark else not contents.remarks
    explicit = inspect_npz(path, ArrayOptions(**contents.decisions), "train")
    assert (explicit.pixel_max, explicit.remarks, explicit.decisions) == (divisor, (), {})
    assert inspect_npz(path, ArrayOptions(rules=1), "train").pixel_max == (255 if x.dtype == np.uint8 else 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.int32])
def test_explicit_scale_applies_to_every_type(save, dtype):
    path = save(x_train=PHOTOS.astype(dtype), y_train=LABELS, x_val=PHOTOS.astype(dtype), y_val=LABELS)
    for split in ("train", "validation"):
        assert inspect_npz(path, ArrayOptions(scale=7.5), split).pixel_max == 7.5


def test_codes_with_a_late_large_value_are_pixels(save, monkeypatch):
    monkeypatch.setattr(array_source, "_FIRST_BLOCK_BYTES", 10)
    x = np.zeros((40, 20), np.uint8)
    x[-1, -1] = 200
    assert inspect_npz(save(x=x, y=LABELS), ArrayOptions(), "train").pixel_max == 255


def test_scan_stops_at_the_first_large_value(save, monkeypatch):
    blocks, iter_values = [], array_source.iter_values
    monkeypatch.setattr(array_source, "_FIRST_BLOCK_BYTES", 50)
    monkeypatch.setattr(array_source, "_MAX_BLOCK_BYTES", 50)
    monkeypatch.setattr(
        "dnn_cli.formats.npz_arrays.iter_values",
        lambda *arguments: (blocks.append(block) or block for block in iter_values(*arguments)),
    )
    inspect_npz(save(x=PHOTOS, y=LABELS), ArrayOptions(), "train")
    assert len(blocks) == 1


def test_other_splits_have_the_divisor_of_the_training_inputs(save):
    path = save(x_train=PHOTOS, y_train=LABELS, x_val=PHOTOS % 8, y_val=LABELS, x_test=PHOTOS * 1.0, y_test=LABELS)
    assert [inspect_npz(path, ArrayOptions(), split).pixel_max for split in ("validation", "test")] == [255, 255]
    assert read_npz(path, ArrayOptions(), "test").inputs.dtype == np.float32


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize(
    ("train", "other"), [(PHOTOS, PHOTOS / 255), (PHOTOS / 255, PHOTOS), (PHOTOS / 255, PHOTOS * 1.0)]
)
def test_split_on_another_scale_is_refused(save, split, train, other):
    path = save(**{"x_train": train, "y_train": LABELS, f"x_{split}": other, f"y_{split}": LABELS})
    with pytest.raises(UserDataError, match=rf"x_{split} ranges from 0 to .*, but x_train from 0 to ") as refused:
        inspect_npz(path, ArrayOptions(), "validation" if split == "val" else split)
    assert "255" in refused.value.suggestion


def test_ranges_of_narrow_tables_are_not_compared(save):
    path = save(x_train=PHOTOS[:, 0] / 255, y_train=LABELS, x_val=PHOTOS[:, 0], y_val=LABELS)
    assert inspect_npz(path, ArrayOptions(), "validation").examples == 40


def test_pixels_of_a_split_next_to_codes_are_named(save):
    codes, pixels = np.full((4, 20), 16, np.uint8), np.full((4, 20), 200, np.uint8)
    path = save(x_train=codes, y_train=[0, 1, 0, 1], x_test=pixels, y_test=[0, 1, 0, 1])
    remarks = [str(remark) for remark in inspect_npz(path, ArrayOptions(scale=1.0), "test").remarks]
    assert remarks[1:] == ["x_test: uint8 pixels, not divided by 255, as the training inputs  (data.scale=255)"]
    assert len(inspect_npz(path, ArrayOptions(scale=255.0), "test").remarks) == 1
