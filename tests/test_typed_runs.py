"""A run of a table with categories, dates and missing cells, from the training to predictions."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from dnn_cli.export.export_formats import EXPORT_FORMATS
from tests.helpers.cli_output import parse_json_output
from tests.helpers.settings import RUN_ALL_CASES
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


SERVING_PROGRAM = """
import json, sys

sys.modules["dnn_cli"] = None  # an import fails
import numpy as np
import tensorflow as tf

interface = json.load(open("visits_savedmodel.json"))
loaded = tf.saved_model.load("visits_savedmodel")
cells = {
    "port": ["S", "", "Z", "C"], "age": [30, np.nan, 1e9, 41], "member": ["yes", "", "no", "T"],
    "joined": ["2024-01-05", "", "2024-03-01", "2024-01-06 10:30"],
}
tensors = {name: tf.constant(column, tf.float32 if name == "age" else tf.string) for name, column in cells.items()}
names = {column["name"]: column["tensor"] for column in interface["rows"]["columns"]}
by_signature = loaded.signatures["serving_default"](**{names[name]: tensor for name, tensor in tensors.items()})
outputs = [loaded.serve(tensors), *by_signature.values()]
print(json.dumps([output.numpy()[:, 0].tolist() for output in outputs]))
"""


def test_saved_model_takes_cells_without_dnn(visits):
    done = visits.dnn("export", "visits", "--format", "savedmodel")
    assert done.returncode == 0, done.stderr
    assert "  columns  serve takes the cells of 4 columns by name; serve_encoded takes 12 inputs" in done.stdout
    assert "on 256 random rows of cells: largest difference" in done.stdout
    program = [sys.executable, "-I", "-c", SERVING_PROGRAM]
    served = subprocess.run(program, cwd=visits.path, capture_output=True, text=True, check=True)
    (visits.path / "cells.csv").write_text(
        "port,age,member,joined\nS,30,yes,2024-01-05\n,,,\nZ,1e9,no,2024-03-01\nC,41,T,2024-01-06 10:30\n"
    )
    result = parse_json_output(visits.dnn("predict", "visits", "cells.csv", "--json"))
    shares = [prediction["probabilities"][1] for prediction in result["predictions"]]
    for outputs in json.loads(served.stdout):
        np.testing.assert_allclose(outputs, shares, atol=1e-5)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="tests/report/test_export_summary.py shows the description")
@pytest.mark.parametrize("form", [form for form in EXPORT_FORMATS if form != "savedmodel"])
def test_other_formats_take_encoded_inputs(visits, form):
    for module in EXPORT_FORMATS[form].modules:
        pytest.importorskip(module)
    name = f"other{EXPORT_FORMATS[form].suffix}"
    result = parse_json_output(visits.dnn("export", "visits", "--format", form, "-o", name, "--json"))
    assert result["input"]["shape"] == [None, 12]
    assert [column["name"] for column in result["input"]["encoding"]["columns"]] == ["port", "age", "member", "joined"]
    assert "rows" not in result
    assert result["checked"]["difference"] < 1e-5


def test_report_shows_the_cells_of_examples(visits):
    done = visits.dnn("report", "visits", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    page = (visits.path / "report.html").read_text(encoding="utf-8")
    assert re.search(r"port [SCQ], age (missing|[0-9]+), member (yes|no), joined 2024-01-[0-9]{2} ", page)
