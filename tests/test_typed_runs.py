"""A run of a table with categories, dates and missing cells, from the training to predictions."""

import numpy as np
import pytest

from tests.helpers.cli_output import parse_json_output
from tests.helpers.trained_runs import Workspace

CONFIG = """\
name: visits
data:
  dataset: csv
  path: visits.csv
  target: seen
  ignore: [id]
  columns: {port: category, age: number, member: boolean, joined: date}
  test_size: 0.2
model:
  layers:
    - {type: Dense, units: 4, activation: relu}
    - {type: Dense, units: 1, activation: sigmoid}
loss: binary_crossentropy
metrics: [accuracy]
epochs: 1
engine: keras
"""

NEW_ROWS = """\
joined,more,id,age,member,port
2024-01-05,x,7,30,yes,S
,x,8,,,
2024-03-01,x,9,1e9,no,Z
2024-01-06,x,10,old,no,C
"""


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """Train `visits` in a directory, and return the directory with `dnn`."""
    workspace = Workspace(tmp_path_factory.mktemp("visits"))
    rng = np.random.default_rng(0)
    rows = [
        f"{at},{rng.choice(['S', 'C', 'Q'])},{rng.integers(20, 60) if at % 7 else ''},{['yes', 'no'][at % 2]},"
        f"2024-01-{at % 28 + 1:02d} {at % 24:02d}:30:00,{['no', 'yes'][at % 2]}"
        for at in range(100)
    ]
    (workspace.path / "visits.csv").write_text("\n".join(["id,port,age,member,joined,seen", *rows, ""]))
    workspace.run, _ = workspace.train("visits", CONFIG)
    (workspace.path / "new.csv").write_text(NEW_ROWS)
    return workspace


def test_rows_are_predicted_and_replaced_cells_are_counted(visits):
    done = visits.dnn("predict", "visits", "new.csv", "-o", "out.csv", "--proba", "--keep", "more,id")
    assert done.returncode == 2
    header, *rows = (visits.path / "out.csv").read_text().splitlines()
    assert header == "more,id,seen,proba_no,proba_yes"
    assert [row.split(",")[:2] for row in rows] == [["x", "7"], ["x", "8"], ["x", "9"], ["x", "10"]]
    assert rows[3] == "x,10,,,"
    assert {row.split(",")[2] for row in rows[:3]} <= {"no", "yes"}
    lines = done.stderr.splitlines()
    assert any(line.startswith("warning: new.csv:4: age is 1e+09, in training 2") for line in lines)
    assert "new.csv: column port: 1 unknown category (Z) in 1 row, whose inputs are all 0" in lines
    assert "dnn: new.csv:5  column age: 'old' is not a number  " in done.stderr
    result = parse_json_output(visits.dnn("predict", "visits", "new.csv", "--json"))
    assert [prediction["line"] for prediction in result["predictions"]] == [2, 3, 4]
    counts = [(cells["column"], cells["missing"], cells["unknown"]) for cells in result["replaced_cells"]]
    assert counts == [("port", 1, 1), ("age", 1, 0), ("member", 1, 0), ("joined", 1, 0)]


def test_file_and_test_set_are_evaluated(visits):
    assert parse_json_output(visits.dnn("evaluate", "visits", "--json"))["examples"] == 20
    (visits.path / "labelled.csv").write_text("seen,age,port,member,joined\nyes,,Z,no,2024-01-01\nno,3,S,yes,\n")
    result = parse_json_output(visits.dnn("evaluate", "visits", "labelled.csv", "--json"))
    assert result["examples"] == 2
    assert [cells["column"] for cells in result["replaced_cells"]] == ["port", "age", "joined"]


def test_training_rows_have_the_same_outputs_as_in_the_training(visits):
    with np.load(visits.run.predictions) as saved:
        outputs, indices = saved["outputs"], saved["indices"]
    result = parse_json_output(visits.dnn("predict", "visits", "visits.csv", "--json"))
    shares = np.array([prediction["probabilities"] for prediction in result["predictions"]])
    np.testing.assert_allclose(shares[indices, 1], outputs[:, 0], atol=1e-6)
