"""Copies, columns of row numbers and columns like the label are found, and nothing else is taken for them."""

import numpy as np
import pytest

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.relations import alone, copies, numbering


def divided(inputs, labels=None, validation=0.25):
    """Examples and a random split."""
    labels = np.zeros(len(inputs), np.int32) if labels is None else labels
    order = np.random.default_rng(1).permutation(len(inputs))
    count = int(validation * len(inputs))
    return Examples(inputs, labels), Split(order[count:], order[:count])


def test_columns_that_number_the_rows_are_found_in_any_order():
    rng = np.random.default_rng(2)
    columns = [
        np.arange(60),
        rng.permutation(60) + 1,
        rng.integers(0, 60, 60),
        np.linspace(0, 1, 60),
        np.arange(60) + 0.5,
    ]
    assert numbering(np.stack(columns, 1).astype(np.float32)).tolist() == [1, 1, 0, 0, 0]
    assert numbering(np.arange(10, dtype=np.float32)[:, None]).tolist() == [0]


TARGETS = {
    "classes": lambda rng, x: ((x[:, 0] > 0).astype(np.int32), 0.9),
    "numbers": lambda rng, x: ((3 * x[:, 0:1]).astype(np.float32), 0.98),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_only_a_column_that_decides_predicts_the_label_alone(target):
    rng = np.random.default_rng(3)
    inputs = rng.normal(0, 1, (400, 4)).astype(np.float32)
    labels, least = target(rng, inputs)
    found = alone(Examples(inputs, labels), np.arange(400))
    assert found[0] >= least
    assert (found[1:] < 0.15).all()


def test_copies_are_counted_whatever_the_width_of_a_row():
    rng = np.random.default_rng(4)
    for width, kind in ((3, np.float32), (4, np.float32), (7, np.uint8), (65, np.uint8)):
        rows = rng.integers(0, 250, (200, width)).astype(kind)
        assert copies(*divided(rows)).tolist() == [0, 0]
        share, expected = copies(*divided(np.tile(rows, (4, 1))))
        assert share > 0.9
        assert expected < 0.02


def test_equal_rows_of_a_small_table_are_expected_by_chance():
    rows = np.random.default_rng(5).integers(0, 3, (900, 4)).astype(np.float32)
    share, expected = copies(*divided(rows))
    assert share > 0.9
    assert expected > 0.5
