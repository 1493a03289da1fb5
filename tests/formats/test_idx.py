import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.errors import DataError
from dnn_cli.formats.idx import parse_idx, to_idx


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.randoms())
def test_every_array_survives_the_round_trip(shape, random):
    array = np.frombuffer(random.randbytes(int(np.prod(shape))), np.uint8).reshape(shape)
    assert np.array_equal(parse_idx(to_idx(array), "file"), array)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x1f\x8b\x08\x00", id="still zipped"),
        pytest.param(to_idx(np.zeros((2, 3), np.uint8))[:-1], id="cut short"),
        pytest.param(to_idx(np.zeros((2, 3), np.uint8)) + b"x", id="too long"),
        pytest.param(bytes([0, 0, 8, 200]), id="header cut short"),
        pytest.param(bytes([0, 0, 9, 1, 0, 0, 0, 0]), id="other type of number"),
    ],
)
def test_invalid_idx_file_is_refused(content):
    with pytest.raises(DataError, match="labels"):
        parse_idx(content, "labels")
