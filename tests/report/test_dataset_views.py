"""Comparisons of several datasets as text, CSV, Markdown, LaTeX, JSON and HTML."""

import csv
import io
import json
import re

import pytest

from dnn_cli.compare.dataset_comparison import compare_by_dataset
from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.dataset_json import build_dataset_document
from dnn_cli.report.dataset_tables import format_datasets_csv, format_datasets_latex, format_datasets_markdown
from dnn_cli.report.ranking_view import build_rank_matrix_cells, build_ranking_cells, build_ranking_paragraphs
from dnn_cli.runs.store import Store
from tests.helpers.reports import write_report
from tests.helpers.untrained_runs import make_run_directory

NAMES = ["digits", "glass", "iris", "seeds", "wine", "yeast"]
SCORES = {"adam": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], "sgd": [0.88, 0.77, 0.66, 0.55, 0.44, 0.33]}


def make_runs(directory, names):
    """Make one run of two optimizers on each dataset."""
    for number, name in enumerate(names):
        for at, (optimizer, scores) in enumerate(SCORES.items()):
            make_run_directory(
                directory, f"optimizer={optimizer}", f"name={optimizer}", digits=f"{number}000000{at}",
                curve=(0.1, scores[number]), data={"dataset": name, "fingerprint": f"sha256:{name}"},
            )  # fmt: skip
    return directory


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("datasets"), NAMES)


@pytest.fixture(scope="module")
def compared(directory):
    store = Store(directory / "runs")
    return compare_by_dataset(store.with_details(store.list_runs()))


@pytest.fixture(scope="module")
def page(directory):
    return write_report(directory / "runs", directory / "report.html")


def test_ranking_table_has_mean_ranks_and_verdicts(compared):
    cells = build_ranking_cells(compared.ranking)
    assert cells.headers == ["setup", "mean rank", "compared with adam"]
    assert cells.rows == [
        ["adam", "1.00", "the best mean rank"],
        ["sgd", "2.00", "worse: better on 0 and worse on 6 of 6 datasets, p = 0.031"],
    ]


def test_rank_matrix_has_scores_and_ranks(compared):
    rows = build_rank_matrix_cells(compared, compared.ranking).rows
    assert rows[0] == ["digits", "0.9000 (1)", "0.8800 (2)"]
    assert rows[-1] == ["mean rank", "1.00", "2.00"]


def test_paragraphs_name_the_test_and_the_caveats(compared):
    method, caveats = build_ranking_paragraphs(compared)
    assert "Wilcoxon's signed-rank test of the differences on 6 datasets" in method[0]
    assert caveats == ["! each score is that of one seed: more seeds make the ranks less random"]


def test_csv_has_a_column_with_the_dataset(compared):
    rows = list(csv.DictReader(io.StringIO(format_datasets_csv(compared))))
    assert [row["dataset"] for row in rows] == [name for name in NAMES for _ in range(2)]
    assert {row["metric"] for row in rows} == {"val_accuracy"}


def test_markdown_and_latex_have_a_table_for_each_dataset(compared):
    markdown = format_datasets_markdown(compared)
    assert re.findall("^### (.*)$", markdown, re.MULTILINE) == [
        *(f"{name}: val_accuracy" for name in NAMES),
        "ranking of 2 setups over 6 datasets",
    ]
    assert format_datasets_latex(compared).count(r"\begin{tabular}") == len(NAMES) + 1


def test_document_has_the_document_of_each_dataset_and_the_ranking(compared):
    document = json.loads(json.dumps(build_dataset_document(compared)))
    assert [part["dataset"] for part in document["datasets"]] == NAMES
    assert (
        document["datasets"][0].keys() - {"dataset", "fingerprint"}
        == build_comparison_document(compared.parts[0].comparison).keys()
    )
    adam, sgd = document["ranking"]["setups"]
    assert (adam["verdict"], adam["ranks"], adam["means"][0]) == (None, [1.0] * 6, 0.9)
    assert (sgd["verdict"], sgd["worse_on"], sgd["p_value"]) == ("worse", 6, 2 / 2**6)


def test_one_dataset_has_the_formats_of_one_comparison(tmp_path):
    store = Store(make_runs(tmp_path, NAMES[:1]) / "runs")
    single = compare_by_dataset(store.with_details(store.list_runs()))
    assert build_dataset_document(single) == build_comparison_document(single.parts[0].comparison)
    assert not {"dataset", "metric"} & set(format_datasets_csv(single).splitlines()[0].split(","))
    assert "###" not in format_datasets_markdown(single)


def test_report_has_a_section_for_each_dataset(page):
    overview = page.partition('id="runs"')[0]
    sections = re.findall(r'<section id="(d\d-dataset)"', overview)
    assert sections == [f"d{number}-dataset" for number in range(1, 7)]
    assert all(f'href="#{section}"' in overview for section in sections)
    assert "Ranking of 2 setups over 6 datasets: adam has the best mean rank, 1.00." in overview


def test_ids_of_a_report_are_unique_and_links_have_targets(page):
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_legends_hide_the_curves_of_their_own_section(page):
    assert ".curves:has(#d1-g0:not(:checked)) .g0{display:none}" in page
    assert len(re.findall('data-prefix="d[1-6]-"', page)) == 6
