"""All views of a comparison give one mean, one number of seeds and one interval for a group."""

import csv
import io
import shutil
from collections import defaultdict
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.comparison_tables import (
    build_groups_cells,
    format_comparison_csv,
    format_interval,
    format_mean_and_spread,
)
from dnn_cli.report.curves import build_curve_chart
from dnn_cli.report.html.overview import build_verdict_section as page_verdict
from dnn_cli.runs.record import Results
from dnn_cli.runs.store import Store

EXAMPLES = 200

RUNS = st.lists(
    st.tuples(
        st.sampled_from(["adam", "sgd", "rmsprop"]),
        st.integers(1, 4),  # seed
        st.integers(100, 200),  # correct examples
        st.sampled_from(["completed"] * 5 + ["failed", "diverged", "interrupted"]),
        st.sampled_from(["a", "b"]),  # weights: equal ones make a repeat a copy
        st.sampled_from([True] * 6 + [False]),  # has the metric
    ),
    min_size=2,
    max_size=9,
)


def add_runs(scored_runs, runs):
    """Make the runs, and return the accuracy that counts for every optimizer and seed: that of the latest run."""
    counted = defaultdict(dict)
    for optimizer, seed, correct, status, weights, has_metric in runs:
        score = correct / EXAMPLES
        (run,) = scored_runs.add(
            optimizer, ((0.5, score),), f"optimizer={optimizer}", first=seed, status=status,
            results=Results(monitor="val_accuracy", weights=f"sha256:{weights}{correct}"),
            data={"dataset": "digits", "fingerprint": "sha256:0", "validation": EXAMPLES},
        )  # fmt: skip
        if not has_metric:
            run.write_metrics([{"epoch": 1, "loss": 0.5, "val_loss": 0.5, "learning_rate": 0.1, "seconds": 1.0}])
        elif status == "completed":
            counted[optimizer][seed] = score
    return counted


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS)
def test_all_views_agree(scored_runs, runs):
    shutil.rmtree(scored_runs.root / "runs", ignore_errors=True)
    scored_runs.count = 0
    counted = add_runs(scored_runs, runs)
    if len(counted) < 2:
        return
    compared = scored_runs.compare(metric="val_accuracy")
    groups = {compared.get_label(group): group for group in compared.groups}
    assert {name: group.seed_means for name, group in groups.items()} == dict(counted)
    for name, scores in counted.items():
        assert groups[name].mean == pytest.approx(fmean(scores.values()))
        interval = compared.get_interval(groups[name])
        assert (interval is None) == (len(scores) < 3)
        values = list(scores.values())
        if interval and len(set(values)) > 1:
            least = (1 / EXAMPLES) ** 2 / 12
            if stats.tstd(values) ** 2 > least:
                assert interval == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval()))

    document = build_comparison_document(compared)
    cells = build_groups_cells(compared)
    texts = dict(zip((compared.get_label(group) for group in compared.groups), cells.rows, strict=True))
    markdown, latex = cells.to_markdown(), cells.to_latex()
    standings = {verdict_row.label: verdict_row for verdict_row in page_verdict(compared).rows}
    rows = list(csv.DictReader(io.StringIO(format_comparison_csv(compared))))
    for group_document in document["groups"]:
        name, group = group_document["name"], groups[group_document["name"]]
        mean, interval = format_mean_and_spread(compared, group), format_interval(compared, group)
        assert (group_document["mean"], group_document["seeds"]) == (group.mean, sorted(counted[name]))
        assert (tuple(group_document["interval"]) if group_document["interval"] else None) == compared.get_interval(
            group
        )
        expected_cells = {mean, str(len(group.seeds)), *({interval} if "95% interval" in cells.headers else ())}
        assert expected_cells <= set(texts[name])
        for text in (markdown, latex.replace("$\\pm$", "±").replace("--", "–")):
            assert mean.split(" ")[0] in text
        assert (standings[name].mean, standings[name].interval) == (mean, interval)
        assert standings[name].seeds.split()[0] == str(len(group.seeds))
        of_group = [row for row in rows if row["group"] == name]
        assert len(of_group) == len(group.run_scores) == len(counted[name])
        for row in of_group:
            assert float(row["group_mean"]) == group.mean
            assert int(row["group_seeds"]) == len(group.seeds)
            assert (row["group_low"] == "") == (group_document["interval"] is None)
    store = Store(scored_runs.root / "runs")
    ids = {row.run.directory for row in compared.run_scores}
    drawn = build_curve_chart(
        [run_info for run_info in store.with_details(store.list_runs()) if run_info.run.directory in ids],
        ["val_accuracy"],
    )
    assert {curve.name: curve.run_count for curve in drawn.panels[0].curves} == {
        name: len(scores) for name, scores in counted.items()
    }  # fmt: skip
    for curve in drawn.panels[0].curves:
        assert curve.y[-1] == pytest.approx(groups[curve.name].mean)
