"""The same experiment with the same seed counts once, at every comparison point."""

import numpy as np

from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.comparison_tables import build_default_cells, format_comparison_csv
from dnn_cli.report.curves import build_curve_chart
from dnn_cli.report.verdict_text import build_verdict_paragraphs
from dnn_cli.runs.record import Results
from dnn_cli.runs.store import Store
from tests.helpers.reports import build_page


def build_results(weights):
    """The results of a run with these weights."""
    return Results(monitor="val_accuracy", weights=f"sha256:{weights}")


def list_lines(compared):
    return [line for block in build_verdict_paragraphs(compared, with_verdicts=True) for line in block]


def list_runs(scored_runs):
    store = Store(scored_runs.root / "runs")
    return store.with_details(store.list_runs())


def test_a_copy_counts_once_and_is_named(scored_runs):
    scored_runs.add("adam", (0.8, 0.9), results=build_results("a"))
    scored_runs.add("adam", (0.8,), results=build_results("a"))
    scored_runs.add("sgd", (0.7, 0.75), "optimizer=sgd")
    compared = scored_runs.compare()
    assert [(group.seeds, round(group.mean, 6), len(group.run_scores)) for group in compared.groups] == [
        ([42, 43], 0.85, 2), ([42, 43], 0.725, 2),
    ]  # fmt: skip
    note = "00000001 (of 00000003) is a copy with equal weights: each experiment and seed counts once"
    assert note in list_lines(compared)
    assert len(compared.run_scores) == 4
    assert [len(panel.curves) for panel in build_curve_chart(list_runs(scored_runs)).panels] == [4, 4]
    assert {
        curve.run_count for panel in build_curve_chart(list_runs(scored_runs)).panels for curve in panel.curves
    } == {2}
    assert note in build_curve_chart(list_runs(scored_runs)).notes
    (section,) = build_page(scored_runs.root / "runs").sections
    assert note in section.verdict.notes
    assert len(section.table.rows) == 4
    assert len(format_comparison_csv(compared).splitlines()) == 5
    assert [repeat["counted"] for repeat in build_comparison_document(compared)["repeats"]] == ["00000003"]


def test_copy_does_not_change_the_verdict_on_single_models(scored_runs):
    labels = np.arange(200) % 10
    for units, wrong in ((16, 20), (8, 60), (8, 60)):
        (run,) = scored_runs.add(
            "digits", (1 - wrong / 200,), f"layers.hidden.units={units}", results=build_results(units)
        )
        outputs = np.eye(10)[(labels + (np.arange(200) < wrong)) % 10]
        np.savez(run.predictions, outputs=outputs, labels=labels, indices=np.arange(200))
    (verdict,) = scored_runs.compare().verdict_set.verdicts
    assert (verdict.word, verdict.examples.count) == ("worse", 200)


def test_copy_does_not_change_an_average(scored_runs):
    scored_runs.add("adam", (0.9,), "batch_size=16", results=build_results("a"))
    scored_runs.add("adam", (0.8,), "batch_size=32", results=build_results("b"))
    before = [group.mean for group in scored_runs.compare(by=["optimizer.type"]).groups]
    scored_runs.add("adam", (0.8,), "batch_size=32", results=build_results("b"))
    assert [group.mean for group in scored_runs.compare(by=["optimizer.type"]).groups] == before


def test_caveat_of_a_repeat_names_other_numbers_of_lanes(scored_runs):
    scored_runs.add("adam", (0.8,), results=build_results("a"))
    scored_runs.add("adam", (0.9,), results=build_results("b"), plan={"lanes": 16})
    (caveat,) = scored_runs.compare().caveats
    assert caveat.startswith("the same experiment and seed led to other weights (lanes 1 and 16); only the latest run")


def test_repeat_with_different_weights_is_a_caveat(scored_runs):
    scored_runs.add("adam", (0.8,), results=build_results("a"), versions={"tensorflow": "2.21.0"})
    scored_runs.add("adam", (0.9,), results=build_results("b"), versions={"tensorflow": "2.22.0"})
    compared = scored_runs.compare()
    assert [group.mean for group in compared.groups] == [0.9]
    assert compared.caveats == (
        "the same experiment and seed led to other weights (tensorflow 2.21.0 and 2.22.0); only the latest run counts, "
        "not 00000001 (now 00000002)",
    )


def test_runs_on_other_data_are_no_repeats(scored_runs):
    scored_runs.add("adam", (0.8,))
    scored_runs.add("adam", (0.8,), data={"dataset": "digits", "fingerprint": "x"})
    assert len(scored_runs.compare().run_scores) == 2


def test_completed_run_counts_instead_of_interrupted_repeat(scored_runs):
    scored_runs.add("adam", ((0.5, 0.6, 0.7),))
    scored_runs.add("adam", ((0.5, 0.6),), status="interrupted")
    chart = build_curve_chart(list_runs(scored_runs))
    assert [curve.y for curve in chart.panels[1].curves if curve.split == "validation"] == [(0.5, 0.6, 0.7)]
    assert any("a later run repeats" in note or "left out" in note for note in chart.notes)


def test_names_do_not_change_groups_or_curves(scored_runs):
    scored_runs.add("one", (0.8, 0.81))
    scored_runs.add("two", (0.7, 0.71), "layers.hidden.name=other", "layers.output.name=last", first=50)
    scored_runs.add("sgd", (0.6, 0.61), "optimizer=sgd", "layers.hidden.name=third")
    assert [group.seeds for group in scored_runs.compare().groups] == [[42, 43, 50, 51], [42, 43]]
    by_units = scored_runs.compare(by=["layers.hidden.units"])
    assert [(group.name, group.seeds, len(group.set_aside)) for group in by_units.groups] == [("16", [42, 43], 2)]
    by_optimizer = scored_runs.compare(by=["optimizer.type"])
    assert [group.seeds for group in by_optimizer.groups] == [[42, 43, 50, 51], [42, 43]]
    assert by_optimizer.caveats == ()
    assert len(build_curve_chart(list_runs(scored_runs)).names) == 2
    assert "layers" not in build_default_cells(scored_runs.compare()).headers


def test_layer_names_do_not_split_a_compared_layer(scored_runs):
    for size in (16, 32):
        scored_runs.add("a", (0.8,), f"batch_size={size}")
        for units in (8, 4):
            scored_runs.add(
                "b", (0.7,), f"batch_size={size}", "layers.hidden.name=other", f"layers.other.units={units}"
            )
    compared = scored_runs.compare(by=["layers.hidden.units"])
    assert {group.name: len(group.run_scores) for group in compared.groups} == {"16": 2, "8": 2, "4": 2}
    assert compared.averaged_settings == {"batch_size": ["16", "32"]}
