"""`dnn predict -o`: predictions as a CSV file, such as a submission to a competition."""

import csv

import numpy as np
import pytest

from tests.helpers.cli_output import parse_json_output

FLOWERS = """\
name: flowers
data: {dataset: csv, path: flowers.csv, target: kind, ignore: [Id, note], test_size: 0.2, standardize: true}
model:
  layers:
    - {type: Dense, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
metrics: [accuracy]
epochs: 2
engine: keras
"""


@pytest.fixture(scope="module")
def flowers(workspace):
    """Train a classification of rows with words for yes and no, and write new rows with an empty cell."""
    rng = np.random.default_rng(0)
    rows = [
        f"{at},x,{rng.normal():.3f},{rng.random() < 0.5},{('big, red', 'blue', 'white')[at % 3]}" for at in range(90)
    ]
    quoted = [row.replace("big, red", '"big, red"') for row in rows]
    (workspace.path / "flowers.csv").write_text("\n".join(["Id,note,size,scented,kind", *quoted, ""]))
    workspace.train("flowers", FLOWERS)
    (workspace.path / "test.csv").write_text(
        'Id,note,size,scented\n1461,"a ""b"", c",0.5,True\n1462,,,False\n1463,"two\nlines",1.5,False\n1464,x,abc,True\n'
    )
    return workspace


def read_rows(path):
    """Read the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_predictions_are_written_in_the_order_of_the_rows(flowers):
    done = flowers.dnn("predict", "flowers", "test.csv", "-o", "out.csv")
    assert done.returncode == 2
    assert "wrote out.csv: 2 predictions, 2 rows without prediction" in done.stderr
    assert "test.csv:3  column size: the cell is empty" in done.stderr
    assert "test.csv:6  column size: 'abc' is not a number" in done.stderr
    rows = read_rows(flowers.path / "out.csv")
    assert rows[0] == ["Id", "note", "kind"]
    assert [row[:2] for row in rows[1:]] == [["1461", 'a "b", c'], ["1462", ""], ["1463", "two\nlines"], ["1464", "x"]]
    assert rows[1][2] in ("big, red", "blue", "white")
    assert [row[2] for row in rows[1:]] == [rows[1][2], "", rows[3][2], ""]
    assert rows[3][2]


def test_probabilities_and_chosen_columns_are_written(flowers):
    done = flowers.dnn("predict", "flowers", "test.csv", "-o", "proba.csv", "--proba", "--keep", "Id")
    assert done.returncode == 2
    rows = read_rows(flowers.path / "proba.csv")
    assert rows[0] == ["Id", "kind", "proba_big, red", "proba_blue", "proba_white"]
    shares = np.array(rows[1][2:], float)
    assert shares.sum() == pytest.approx(1, abs=1e-6)
    assert rows[1][1] == ("big, red", "blue", "white")[shares.argmax()]
    assert rows[2] == ["1462", "", "", "", ""]
    result = parse_json_output(flowers.dnn("predict", "flowers", "test.csv", "--json"))
    assert shares.tolist() == pytest.approx(result["predictions"][0]["probabilities"])
    assert [prediction["line"] for prediction in result["predictions"]] == [2, 4]
    assert [document["file"] for document in result["refused"]] == ["test.csv"]


def test_regression_is_written_with_the_name_of_the_target(workspace):
    (workspace.path / "new.csv").write_text("id,age,area\n7,10,100\n9,20,110\n")
    done = workspace.dnn("predict", "집값", "new.csv", "-o", "prices.csv")
    assert done.returncode == 0, done.stderr
    rows = read_rows(workspace.path / "prices.csv")
    assert [row[0] for row in rows] == ["id", "7", "9"]
    assert rows[0][1] == "price"
    result = parse_json_output(workspace.dnn("predict", "집값", "new.csv", "--json"))
    numbers = [prediction["numbers"][0] for prediction in result["predictions"]]
    assert [float(row[1]) for row in rows[1:]] == pytest.approx(numbers, rel=1e-6)


def test_arrays_are_written_with_their_names(workspace):
    np.savez(workspace.path / "two.npz", x=np.zeros((2, 8, 8)))
    assert workspace.dnn("predict", "digits", "two.npz", "-o", "digits.csv").returncode == 0
    rows = read_rows(workspace.path / "digits.csv")
    assert [row[0] for row in rows] == ["input", "two.npz[0]", "two.npz[1]"]


def test_existing_file_is_replaced_only_on_request(flowers):
    path = flowers.path / "kept.csv"
    path.write_text("mine")
    done = flowers.dnn("predict", "flowers", "test.csv", "-o", "kept.csv")
    assert done.returncode == 2
    assert "kept.csv already exists" in done.stderr
    assert path.read_text() == "mine"
    flowers.dnn("predict", "flowers", "test.csv", "-o", "kept.csv", "--force")
    assert len(read_rows(path)) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["flowers", "test.csv", "--keep", "Id"], "--keep applies only to a .csv file of predictions"),
        (["flowers", "test.csv", "--proba"], "--proba applies only to a .csv file of predictions"),
        (["flowers", "test.csv", "--force"], "--force applies only to a .csv file of predictions"),
        (["flowers", "test.csv", "-o", "a.csv", "--json"], "-o and --json exclude each other"),
        (["flowers", "test.csv", "test.csv", "-o", "a.csv"], "-o writes the predictions for one file, not for 2"),
        (["flowers", "test.csv", "-o", "a.parquet"], "a.parquet is not a .csv file"),
        (["flowers", "test.csv", "-o", "none/a.csv"], "none/a.csv cannot be written"),
        (["flowers", "test.csv", "-o", "a.csv", "--keep", "Name"], "test.csv has no column Name"),
        (["flowers", "flowers.csv", "-o", "a.csv", "--keep", "kind"], "kind is a column of the predictions and"),
        (["digits", "two.npz", "-o", "a.csv", "--keep", "Id"], "two.npz is not a table, but --keep applies"),
        (["집값", "houses.csv", "-o", "a.csv", "--proba"], "--proba does not apply to this run: its targets are"),
    ],
)
def test_unsuitable_options_are_refused(flowers, words, message):
    np.savez(flowers.path / "two.npz", x=np.zeros((2, 8, 8)))
    done = flowers.dnn("predict", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (flowers.path / "a.csv").exists()
