"""Copies, columns of row numbers and columns like the label are found, and nothing else is taken for them."""

import numpy as np
import pytest

from dnn_cli.data.data_leakage import find_row_number_columns, measure_copies, score_single_columns
from dnn_cli.data.examples import Examples, Split


def build_split_examples(inputs, targets=None, validation=0.25):
    """Examples and a random split."""
    targets = np.zeros(len(inputs), np.int32) if targets is None else targets
    order = np.random.default_rng(1).permutation(len(inputs))
    count = int(validation * len(inputs))
    return Examples(inputs, targets), Split(order[count:], order[:count])


def test_row_number_columns_are_found_in_any_order():
    rng = np.random.default_rng(2)
    columns = [
        np.arange(60),
        rng.permutation(60) + 1,
        rng.integers(0, 60, 60),
        np.linspace(0, 1, 60),
        np.arange(60) + 0.5,
    ]
    assert find_row_number_columns(np.stack(columns, 1).astype(np.float32)).tolist() == [1, 1, 0, 0, 0]
    assert find_row_number_columns(np.arange(10, dtype=np.float32)[:, None]).tolist() == [0]


TARGETS = {
    "classes": lambda rng, x: ((x[:, 0] > 0).astype(np.int32), 0.9),
    "numbers": lambda rng, x: ((3 * x[:, 0:1]).astype(np.float32), 0.98),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_only_the_deciding_column_predicts_the_target(target):
    rng = np.random.default_rng(3)
    inputs = rng.normal(0, 1, (400, 4)).astype(np.float32)
    targets, least = target(rng, inputs)
    scores = score_single_columns(Examples(inputs, targets), np.arange(400))
    assert scores[0] >= least
    assert (scores[1:] < 0.15).all()


def test_copies_are_counted_for_every_row_width():
    rng = np.random.default_rng(4)
    for width, kind in ((3, np.float32), (4, np.float32), (7, np.uint8), (65, np.uint8)):
        rows = rng.integers(0, 250, (200, width)).astype(kind)
        assert measure_copies(*build_split_examples(rows)).tolist() == [0, 0]
        share, expected = measure_copies(*build_split_examples(np.tile(rows, (4, 1))))
        assert share > 0.9
        assert expected < 0.02


def test_equal_rows_of_a_small_table_are_expected_by_chance():
    rows = np.random.default_rng(5).integers(0, 3, (900, 4)).astype(np.float32)
    share, expected = measure_copies(*build_split_examples(rows))
    assert share > 0.9
    assert expected > 0.5
