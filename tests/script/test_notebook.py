"""Notebooks have the code of the script in their cells."""

import ast
import json

import pytest

from dnn_cli.script.notebook import format_notebook
from dnn_cli.script.origin import describe_config_origin
from dnn_cli.script.script_builder import build_script
from tests.helpers.settings import RUN_ALL_CASES

SMALL = ["layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "epochs=1", "jit=false", "batch_size=999"]


def write_notebook(experiment):
    return format_notebook(build_script(experiment, describe_config_origin(experiment)))


def test_cells_have_the_code_of_the_script(experiment):
    notebook = json.loads(write_notebook(experiment(*SMALL)))
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert cells[0].startswith("# digits: a program of plain Keras")
    assert cells[2].startswith("## Load the data: digits")
    code = "\n".join(cell for cell in cells if not cell.startswith("#"))
    assert ast.parse(code)
    assert "model.fit(" in code
    assert len({cell["id"] for cell in notebook["cells"]}) == len(cells)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="only with DNN_TEST_EVERYTHING: a kernel imports TensorFlow")
def test_notebook_runs_in_jupyter(experiment, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.reads(write_notebook(experiment(*SMALL)), as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert "val_accuracy" in "".join(texts)
