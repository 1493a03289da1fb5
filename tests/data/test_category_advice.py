"""Columns of categories that harm a training are named in a check of the data."""

import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.data_check import list_data_issues
from dnn_cli.data.encoded_examples import encode_examples
from dnn_cli.data.examples import load_all_examples, split_examples

COLUMNS = {
    "name": {"type": "category"},
    "city": {"type": "category"},
    "age": {"type": "number"},
    "day": {"type": "date"},
}


def list_issues(tmp_path, change=None, test_change=None):
    """The issues of a table of typed columns, and of a test table, with rows that a function changes."""
    # Each call has its own generator, so that the tests do not depend on their order.
    random, paths = np.random.default_rng(0), {}
    for split, count, function in (("train", 200, change), ("test", 80, test_change)):
        lines = ["name,city,age,day,y"]
        for at in range(count):
            city = random.choice(["Lima", "Oslo", "Rome"])
            row = {
                "name": random.choice(["Kim", "Lee", "Ng"]),
                "city": city,
                "age": f"{random.normal(40, 9):.4f}" if random.random() > 0.1 else "",
                "day": f"2024-0{random.integers(1, 10)}-1{random.integers(0, 10)}",
                "y": random.choice(["no", "yes"]),
            }
            lines.append(",".join({**row, **(function(at, row) if function else {})}.values()))
        paths[split] = tmp_path / f"{split}.csv"
        paths[split].write_text("\n".join(lines) + "\n")
    data = Data.model_validate(
        {"dataset": "csv", "path": str(paths["train"]), "test_path": str(paths["test"]), "columns": COLUMNS}
    )
    examples, test_set = load_all_examples(data)
    split = split_examples(data, examples)
    encoded = encode_examples(data, examples, split)
    return [str(issue) for issue in list_data_issues(data, AllExamples(examples, test_set, split), encoded)]


@pytest.mark.parametrize(
    ("change", "issues"),
    [
        pytest.param(None, [], id="clean"),
        pytest.param(
            lambda at, row: {"name": f"person {at}"},
            ["column name has a different text in each row, as ids have  (data.ignore=[name])"],
            id="ids",
        ),
        pytest.param(
            lambda at, row: {"city": "Oslo"}, ["column city is constant  (data.ignore=[city])"], id="constant"
        ),
        pytest.param(
            lambda at, row: {"city": "Oslo" if row["y"] == "yes" else "Rome"},
            ["column city alone predicts the target  (data.ignore=[city])"],
            id="target",
        ),
    ],
)
def test_harmful_categories_are_named(tmp_path, change, issues):
    assert list_issues(tmp_path, change, change) == issues


def test_categories_of_a_test_file_are_compared_by_their_texts(tmp_path):
    (line,) = list_issues(tmp_path, None, lambda at, row: {"city": "Quito" if at % 2 else row["city"]})
    assert line == (
        "column city differs between the training and test rows: share of city=Quito 0.0% and 50.0%  "
        "(check how the test rows were chosen)"
    )


def test_dates_of_a_test_file_are_compared_as_dates(tmp_path):
    # With an age in each row, no rows of one day are equal by chance.
    (line,) = list_issues(
        tmp_path, None, lambda at, row: {"day": "2025-03-04", "age": row["age"] or f"{40 + at / 99:.4f}"}
    )
    assert line.startswith("column day differs between the training and test rows: mean of day 2024-0")
    assert line.endswith(" and 2025-03-04  (check how the test rows were chosen)")


def test_copies_are_found_before_rare_categories_are_joined(tmp_path):
    rows = []

    def store_row(at, row):
        rows.append(row)
        return {"name": f"person {at % 100}"}

    def copy_row(at, row):
        return {**rows[at], "name": f"person {at}" if at < 10 else f"guest {at}"}

    lines = list_issues(tmp_path, store_row, copy_row)
    assert [line for line in lines if "have the inputs" in line] == [
        "10 of 80 test rows have the inputs of a training or validation row, with equal targets  "
        "(remove the copies, which make the test score too good)"
    ]
