"""The same experiment with the same seed counts once, at every comparison point."""

import numpy as np

from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.comparison_tables import build_default_cells, format_comparison_csv
from dnn_cli.report.curves import build_curve_chart
from dnn_cli.report.html.page import build_report_page
from dnn_cli.report.verdict_text import build_verdict_paragraphs
from dnn_cli.runs.record import Results
from dnn_cli.runs.store import Store


def build_results(weights):
    """The results of a run with these weights."""
    return Results(monitor="val_accuracy", weights=f"sha256:{weights}")


def list_lines(compared):
    return [line for block in build_verdict_paragraphs(compared, with_verdicts=True) for line in block]


def list_runs(trained):
    store = Store(trained.root / "runs")
    return store.with_details(store.list_runs())


def test_a_copy_counts_once_and_is_named(trained):
    trained.add("adam", (0.8, 0.9), results=build_results("a"))
    trained.add("adam", (0.8,), results=build_results("a"))
    trained.add("sgd", (0.7, 0.75), "optimizer=sgd")
    compared = trained.compare()
    assert [(group.seeds, round(group.mean, 6), len(group.run_scores)) for group in compared.groups] == [
        ([42, 43], 0.85, 2), ([42, 43], 0.725, 2),
    ]  # fmt: skip
    note = "00000001 (of 00000003) is a copy with equal weights: each experiment and seed counts once"
    assert note in list_lines(compared)
    assert len(compared.run_scores) == 4
    assert [len(panel.curves) for panel in build_curve_chart(list_runs(trained)).panels] == [4, 4]
    assert {curve.run_count for panel in build_curve_chart(list_runs(trained)).panels for curve in panel.curves} == {2}
    assert note in build_curve_chart(list_runs(trained)).notes
    assert note in build_report_page(compared, ["dnn"]).verdict.notes
    assert len(build_report_page(compared, ["dnn"]).table.rows) == 4
    assert len(format_comparison_csv(compared).splitlines()) == 5
    assert [repeat["counted"] for repeat in build_comparison_document(compared)["repeats"]] == ["00000003"]


def test_copy_does_not_change_the_verdict_on_single_models(trained):
    labels = np.arange(200) % 10
    for units, wrong in ((16, 20), (8, 60), (8, 60)):
        (run,) = trained.add("digits", (1 - wrong / 200,), f"layers.hidden.units={units}", results=build_results(units))
        outputs = np.eye(10)[(labels + (np.arange(200) < wrong)) % 10]
        np.savez(run.predictions, outputs=outputs, labels=labels, indices=np.arange(200))
    (verdict,) = trained.compare().verdict_set.verdicts
    assert (verdict.word, verdict.examples.count) == ("worse", 200)


def test_copy_does_not_change_an_average(trained):
    trained.add("adam", (0.9,), "batch_size=16", results=build_results("a"))
    trained.add("adam", (0.8,), "batch_size=32", results=build_results("b"))
    before = [group.mean for group in trained.compare(by=["optimizer.type"]).groups]
    trained.add("adam", (0.8,), "batch_size=32", results=build_results("b"))
    assert [group.mean for group in trained.compare(by=["optimizer.type"]).groups] == before


def test_repeat_with_different_weights_is_a_caveat(trained):
    trained.add("adam", (0.8,), results=build_results("a"), versions={"tensorflow": "2.21.0"})
    trained.add("adam", (0.9,), results=build_results("b"), versions={"tensorflow": "2.22.0"})
    compared = trained.compare()
    assert [group.mean for group in compared.groups] == [0.9]
    assert compared.caveats == (
        "the same experiment and seed led to other weights (tensorflow 2.21.0 and 2.22.0); only the latest run counts, "
        "not 00000001 (now 00000002)",
    )


def test_runs_on_other_data_are_no_repeats(trained):
    trained.add("adam", (0.8,))
    trained.add("adam", (0.8,), data={"dataset": "digits", "fingerprint": "x"})
    assert len(trained.compare().run_scores) == 2


def test_completed_run_counts_instead_of_interrupted_repeat(trained):
    trained.add("adam", ((0.5, 0.6, 0.7),))
    trained.add("adam", ((0.5, 0.6),), status="interrupted")
    chart = build_curve_chart(list_runs(trained))
    assert [curve.y for curve in chart.panels[1].curves if curve.split == "validation"] == [(0.5, 0.6, 0.7)]
    assert any("a later run repeats" in note or "left out" in note for note in chart.notes)


def test_names_do_not_change_groups_or_curves(trained):
    trained.add("one", (0.8, 0.81))
    trained.add("two", (0.7, 0.71), "layers.hidden.name=other", "layers.output.name=last", first=50)
    trained.add("sgd", (0.6, 0.61), "optimizer=sgd", "layers.hidden.name=third")
    assert [group.seeds for group in trained.compare().groups] == [[42, 43, 50, 51], [42, 43]]
    by_units = trained.compare(by=["layers.hidden.units"])
    assert [(group.name, group.seeds, len(group.set_aside)) for group in by_units.groups] == [("16", [42, 43], 2)]
    by_optimizer = trained.compare(by=["optimizer.type"])
    assert [group.seeds for group in by_optimizer.groups] == [[42, 43, 50, 51], [42, 43]]
    assert by_optimizer.caveats == ()
    assert len(build_curve_chart(list_runs(trained)).names) == 2
    assert "layers" not in build_default_cells(trained.compare()).headers


def test_layer_names_do_not_split_a_compared_layer(trained):
    for size in (16, 32):
        trained.add("a", (0.8,), f"batch_size={size}")
        for units in (8, 4):
            trained.add("b", (0.7,), f"batch_size={size}", "layers.hidden.name=other", f"layers.other.units={units}")
    compared = trained.compare(by=["layers.hidden.units"])
    assert {group.name: len(group.run_scores) for group in compared.groups} == {"16": 2, "8": 2, "4": 2}
    assert compared.averaged_settings == {"batch_size": ["16", "32"]}
