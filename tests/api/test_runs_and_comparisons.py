"""Lists of runs, comparisons and reports in Python."""

import sys

import pytest

import dnn_cli
from dnn_cli.errors import QueryError, UsageError
from tests.helpers.untrained_runs import make_run_directory

MEANS = {"adam": 0.88, "sgd": 0.85}


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    """Runs of two optimizers with eight seeds each, of which sgd is clearly worse."""
    directory = tmp_path_factory.mktemp("api")
    for seed in range(1, 9):
        for number, (optimizer, mean) in enumerate(MEANS.items()):
            make_run_directory(
                directory, f"optimizer={optimizer}", f"seed={seed}", digits=f"{number}000000{seed}",
                curve=(0.5, 0.8, mean + seed / 5000), stamp=f"20260101-0000{seed}{number}",
            )  # fmt: skip
    return directory / "runs"


def test_list_of_runs_is_a_sequence_of_runs(runs_dir):
    runs = dnn_cli.list_runs(runs_dir=runs_dir)
    assert len(runs) == 16
    assert [run.status for run in runs[:2]] == ["completed"] * 2
    assert runs[0].metrics["val_accuracy"][-1] == pytest.approx(0.8516)
    assert repr(runs) == f"<16 runs of {runs_dir}>"


def test_condition_selects_runs(runs_dir):
    runs = dnn_cli.list_runs(where="optimizer = adam and seed < 3", runs_dir=runs_dir)
    assert {run.record.id for run in runs} == {"00000001", "00000002"}
    with pytest.raises(QueryError):
        dnn_cli.list_runs(where="optimizer =", runs_dir=runs_dir)


def test_table_of_runs_has_settings_and_scores(runs_dir):
    frame = dnn_cli.list_runs(runs_dir=runs_dir).to_pandas()
    assert frame.groupby("optimizer")["last.val_accuracy"].mean().round(4).to_dict() == {
        "adam": 0.8809,
        "sgd": 0.8509,
    }


def test_comparison_has_a_verdict_on_each_group(runs_dir):
    comparison = dnn_cli.compare_runs(by="optimizer.type", runs_dir=runs_dir)
    best, other = comparison.groups
    assert (best.name, best.verdict, best.p_value) == ("adam", "", None)
    assert (other.name, other.verdict, other.seeds) == ("sgd", "worse", tuple(range(1, 9)))
    assert other.difference == pytest.approx(0.03)
    assert other.runs == tuple(f"1000000{seed}" for seed in range(1, 9))
    assert comparison.document["pairs"][0]["verdict"] == "worse"
    assert comparison.to_pandas()["verdict"].tolist() == ["", "worse"]
    assert "worse by 3.00 points" in comparison._repr_html_()


def test_unknown_metric_is_an_error(runs_dir):
    with pytest.raises(UsageError):
        dnn_cli.compare_runs(metric="val_precision", runs_dir=runs_dir)


def test_sweep_with_an_unknown_number_of_lanes_writes_nothing(config, tmp_path):
    with pytest.raises(UsageError, match="unknown value of --lanes: 5"):
        dnn_cli.sweep(config(), "seed=1..5", lanes="5", runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_html_shows_names_as_text(tmp_path):
    make_run_directory(tmp_path, "name=<b>x</b>", digits="00000001")
    html = dnn_cli.list_runs(runs_dir=tmp_path / "runs")._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html


def test_report_is_one_page_in_a_frame(runs_dir, tmp_path):
    report = dnn_cli.build_report("best:val_accuracy", runs_dir=runs_dir)
    assert report._repr_html_().startswith("<iframe srcdoc=")
    report.save(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report.html


def test_missing_pandas_is_named(runs_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        dnn_cli.list_runs(runs_dir=runs_dir).to_pandas()


def test_module_lists_its_functions():
    assert set(dnn_cli.__all__) <= set(dir(dnn_cli))
    assert all(callable(getattr(dnn_cli, name)) for name in dnn_cli.__all__)
    with pytest.raises(AttributeError):
        _ = dnn_cli.unknown
