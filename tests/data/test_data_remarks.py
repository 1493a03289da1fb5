import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.data.data_remarks import list_data_remarks
from dnn_cli.data.examples import load_examples

RANDOM = np.random.default_rng(0)
SHUFFLED = "they are shuffled before the split"


@pytest.fixture
def list_remarks(tmp_path):
    """Writes a csv of columns and returns the remarks about it, without those of the reader."""

    def list_order_remarks(keys=None, has_messages=True, **columns):
        path = tmp_path / "data.csv"
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n", "utf-8")
        data = Data.model_validate({"dataset": "csv", "path": str(path), "target": "y", **(keys or {})})
        remarks = list_data_remarks(data, load_examples(data))
        assert remarks[: len(data.info.remarks)] == list(data.info.remarks)
        return [remark.message if has_messages else remark.override for remark in remarks[len(data.info.remarks) :]]

    return list_order_remarks


@pytest.mark.parametrize(
    ("time", "classes", "sorted_by"),
    [
        pytest.param(np.arange(40) * 3, RANDOM.integers(0, 2, 40), "column time", id="by time"),
        pytest.param(-np.arange(40), RANDOM.integers(0, 2, 40), "column time", id="latest first"),
        pytest.param(RANDOM.random(40), np.arange(40) // 20, "class", id="by class"),
        pytest.param(np.arange(40) // 2, np.arange(40) // 20, "class and by column time", id="by both"),
        pytest.param(RANDOM.random(40), RANDOM.integers(0, 2, 40), "", id="by nothing"),
        pytest.param(np.ones(40), RANDOM.integers(0, 2, 40), "", id="a constant column"),
        pytest.param(np.arange(10), np.arange(10) // 5, "", id="few rows"),
    ],
)
def test_a_remark_names_the_order_of_sorted_rows(list_remarks, time, classes, sorted_by):
    remarks = list_remarks(time=time, noise=RANDOM.random(len(time)), y=classes)
    assert remarks == ([f"the rows are sorted by {sorted_by}; {SHUFFLED}"] if sorted_by else [])


def test_rows_without_a_split_keep_their_order(list_remarks):
    assert not list_remarks({"validation_size": 0}, x=np.arange(40), y=np.arange(40) // 20)


def test_rows_that_are_split_by_time_are_not_shuffled(list_remarks):
    columns = {"x": np.arange(40), "day": np.arange(40), "y": RANDOM.integers(0, 2, 40)}
    assert not list_remarks({"time": "day"}, **columns)
    assert list_remarks({"folds": 4}, **columns) == [f"the rows are sorted by column x; {SHUFFLED}"]


@pytest.mark.parametrize(
    ("keys", "override"),
    [
        ({}, "data.time=day"),
        ({"stratify": True}, "data.time=day data.stratify=false"),
        ({"group": "g"}, ""),
    ],
)
def test_the_override_fits_the_other_keys_of_the_split(list_remarks, keys, override):
    columns = {"day": np.arange(40), "g": np.tile(np.arange(8), 5), "y": RANDOM.integers(0, 2, 40)}
    assert list_remarks(keys, has_messages=False, **columns) == [override]


def test_built_in_data_has_no_remarks():
    data = Data(dataset="iris")
    assert not list_data_remarks(data, load_examples(data))
