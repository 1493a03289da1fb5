"""A column of group numbers is named if its rows are nearly equal and in several splits, and no other column is."""

import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.data.group_columns import list_group_issues

NAMES = ("patient", "a", "b", "c")


def list_messages(rows, validation=None):
    """The messages for rows, of which a fifth is for validation unless indices are given."""
    order = np.random.default_rng(1).permutation(len(rows))
    validation = order[: len(rows) // 5] if validation is None else validation
    split = Split(np.setdiff1d(order, validation), validation)
    info = DatasetInfo(input_shape=(4,), examples=len(rows), classes=("no", "yes"), features=NAMES)
    data = Data(dataset="csv", path="rows.csv").with_info(info)
    examples = Examples(rows.astype(np.float32), np.zeros(len(rows), np.int32))
    return [str(issue) for issue in list_group_issues(data, AllExamples(examples, None, split))]


def draw_groups(count=200, size=5, noise=0.1, seed=0):
    """Rows with the number of a patient, and three columns that differ little between rows of a patient."""
    random = np.random.default_rng(seed)
    centres = np.repeat(random.normal(size=(count, 3)), size, axis=0)
    return np.column_stack(
        [np.repeat(random.permutation(count), size), centres + noise * random.normal(size=centres.shape)]
    )


def test_near_copies_of_groups_are_named():
    (line,) = list_messages(draw_groups())
    assert line == (
        "195 of 200 validation rows have the same patient as training rows, and rows of the same patient are nearly "
        "equal  (data.group=patient)"
    )


def test_suggested_group_keeps_groups_together(tmp_path):
    rows = np.column_stack([draw_groups(), np.arange(1000) // 5 % 2])
    lines = [",".join([*NAMES, "y"]), *(",".join(f"{value:.6g}" for value in row) for row in rows)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    for group in (None, "patient"):
        data = Data.model_validate({"dataset": "csv", "path": str(tmp_path / "rows.csv"), "group": group})
        examples = load_examples(data)
        all_examples = AllExamples(examples, None, split_examples(data, examples))
        assert bool(list_group_issues(data, all_examples)) == (group is None)


def test_whole_groups_in_one_split_have_no_issue():
    assert list_messages(draw_groups(), np.arange(800, 1000)) == []


RANDOM = np.random.default_rng(2)
DAYS = np.repeat(np.arange(100), 6)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(draw_groups(noise=2), id="groups that differ within"),
        pytest.param(draw_groups(count=10), id="few groups"),
        pytest.param(draw_groups(size=1), id="single rows"),
        pytest.param(
            np.column_stack([DAYS, np.sin(DAYS / 9), np.cos(DAYS / 9), DAYS / 100]) + 0.01 * RANDOM.random((600, 4)),
            id="fractions",
        ),
        pytest.param(np.column_stack([DAYS, np.sin(DAYS / 9), np.cos(DAYS / 9), DAYS / 100]), id="smooth functions"),
    ],
)
def test_other_columns_have_no_issue(rows):
    assert list_messages(rows) == []


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_datasets_have_no_groups(name):
    data = Data(dataset=name)
    examples = load_examples(data)
    assert list_group_issues(data, AllExamples(examples, None, split_examples(data, examples))) == []
