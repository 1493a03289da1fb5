"""A notebook that trains, sweeps, compares and reports shows the results as tables and pictures."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.digits import QUICK_YAML
from tests.helpers.settings import ROOT

CELLS = [
    'import dnn_cli\nrun = dnn_cli.load("digits.yaml", "epochs=2").train()\nrun',
    'sweep = dnn_cli.sweep("digits.yaml", "optimizer=adam,sgd", "seed=1..2", jobs=1, lanes="off")\nsweep',
    'comparison = dnn_cli.compare_runs(sweep.address, by="optimizer.type")\ncomparison',
    "comparison.to_pandas()",
    'dnn_cli.list_runs(where="seed = 1")',
    'report = dnn_cli.build_report(sweep.address)\nreport.save("report.html")\nreport',
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The printed text and the HTML of each cell."""
    directory = tmp_path_factory.mktemp("notebook")
    (directory / "digits.yaml").write_text(QUICK_YAML)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    with pytest.MonkeyPatch.context() as patch:
        # The kernel imports this clone, and writes its files below the directory of the test.
        patch.setenv("PYTHONPATH", str(ROOT))
        for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            patch.setenv(variable, str(directory / "jupyter"))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(directory)}}).execute()
    texts = [
        "".join(item.get("text", "") for item in cell.outputs if item.output_type == "stream")
        for cell in notebook.cells
    ]
    pages = [
        "".join(item.data.get("text/html", "") for item in cell.outputs if item.output_type == "execute_result")
        for cell in notebook.cells
    ]
    return directory, texts, pages


def test_run_shows_epochs_while_it_trains_and_then_scores_with_curves(outputs):
    _, texts, pages = outputs
    assert "2/2" in texts[0]
    assert "\x1b" not in texts[0]
    assert "<td" in pages[0] and "<svg" in pages[0]


def test_sweep_shows_its_comparison(outputs):
    _, texts, pages = outputs
    assert "4/4  optimizer=sgd seed=2" in texts[1]
    assert "\x1b" not in texts[1]
    assert pages[1].count("<table>") == 1


def test_comparison_has_verdicts_and_a_table_for_pandas(outputs):
    _, _, pages = outputs
    assert "compared with" in pages[2]
    assert "p_value" in pages[3] and "dataframe" in pages[3]


def test_runs_and_report_show_themselves(outputs):
    directory, _, pages = outputs
    assert pages[4].count("<tr>") == 1 + 2
    assert pages[5].startswith("<iframe srcdoc=")
    assert "dnn report" in (directory / "report.html").read_text(encoding="utf-8")
