"""The same experiment with the same seed counts once, in every view."""

import numpy as np

from dnn_cli.report.comparison import comparison_csv, usual_cells
from dnn_cli.report.comparison_json import comparison_document
from dnn_cli.report.curves import curves
from dnn_cli.report.html.page import page_of
from dnn_cli.report.verdict import blocks
from dnn_cli.runs.record import Results
from dnn_cli.runs.store import Store


def completed(weights):
    """The results of a run with these weights."""
    return Results(monitor="val_accuracy", weights=f"sha256:{weights}")


def lines(compared):
    return [line for block in blocks(compared) for line in block]


def entries(trained):
    store = Store(trained.root / "runs")
    return store.detailed(store.entries())


def test_a_copy_counts_once_and_is_named(trained):
    trained.add("adam", (0.8, 0.9), results=completed("a"))
    trained.add("adam", (0.8,), results=completed("a"))
    trained.add("sgd", (0.7, 0.75), "optimizer=sgd")
    compared = trained.compare()
    assert [(group.seeds, round(group.mean, 6), len(group.rows)) for group in compared.groups] == [
        ([42, 43], 0.85, 2), ([42, 43], 0.725, 2),
    ]  # fmt: skip
    note = "00000001 (of 00000003) is a copy with equal weights: each experiment and seed counts once"
    assert note in lines(compared)
    assert len(compared.rows) == 4
    assert [len(panel.curves) for panel in curves(entries(trained)).panels] == [4, 4]
    assert {curve.runs for panel in curves(entries(trained)).panels for curve in panel.curves} == {2}
    assert note in curves(entries(trained)).notes
    assert note in page_of(compared, ["dnn"]).verdict.notes
    assert len(page_of(compared, ["dnn"]).table.rows) == 4
    assert len(comparison_csv(compared).splitlines()) == 5
    assert [repeat["counted"] for repeat in comparison_document(compared)["repeats"]] == ["00000003"]


def test_a_copy_leaves_the_verdict_on_single_models_as_it_is(trained):
    labels = np.arange(200) % 10
    for units, wrong in ((16, 20), (8, 60), (8, 60)):
        (run,) = trained.add("digits", (1 - wrong / 200,), f"layers.hidden.units={units}", results=completed(units))
        outputs = np.eye(10)[(labels + (np.arange(200) < wrong)) % 10]
        np.savez(run.predictions, outputs=outputs, labels=labels, indices=np.arange(200))
    (verdict,) = trained.compare().family.verdicts
    assert (verdict.word, verdict.examples.count) == ("worse", 200)


def test_a_copy_does_not_weigh_in_an_average(trained):
    trained.add("adam", (0.9,), "batch_size=16", results=completed("a"))
    trained.add("adam", (0.8,), "batch_size=32", results=completed("b"))
    before = [group.mean for group in trained.compare(by=["optimizer.type"]).groups]
    trained.add("adam", (0.8,), "batch_size=32", results=completed("b"))
    assert [group.mean for group in trained.compare(by=["optimizer.type"]).groups] == before


def test_a_repeat_with_other_weights_is_a_caveat_and_the_latest_counts(trained):
    trained.add("adam", (0.8,), results=completed("a"), versions={"tensorflow": "2.21.0"})
    trained.add("adam", (0.9,), results=completed("b"), versions={"tensorflow": "2.22.0"})
    compared = trained.compare()
    assert [group.mean for group in compared.groups] == [0.9]
    assert compared.warnings == (
        "the same experiment and seed gave other weights (tensorflow 2.21.0 and 2.22.0); only the latest run counts, "
        "instead of 00000001 (now 00000002)",
    )


def test_runs_on_other_data_are_no_repeats(trained):
    trained.add("adam", (0.8,))
    trained.add("adam", (0.8,), data={"dataset": "digits", "fingerprint": "x"})
    assert len(trained.compare().rows) == 2


def test_an_interrupted_run_gives_way_to_the_completed_one(trained):
    trained.add("adam", ((0.5, 0.6, 0.7),))
    trained.add("adam", ((0.5, 0.6),), status="interrupted")
    found = curves(entries(trained))
    assert [curve.y for curve in found.panels[1].curves if curve.part == "validation"] == [(0.5, 0.6, 0.7)]
    assert any("a later run repeats" in note or "left out" in note for note in found.notes)


def test_names_make_no_other_experiment_in_any_view(trained):
    trained.add("one", (0.8, 0.81))
    trained.add("two", (0.7, 0.71), "layers.hidden.name=other", "layers.output.name=last", first=50)
    trained.add("sgd", (0.6, 0.61), "optimizer=sgd", "layers.hidden.name=third")
    assert [group.seeds for group in trained.compare().groups] == [[42, 43, 50, 51], [42, 43]]
    by_units = trained.compare(by=["layers.hidden.units"])
    assert [(group.name, group.seeds, len(group.set_aside)) for group in by_units.groups] == [("16", [42, 43], 2)]
    by_optimizer = trained.compare(by=["optimizer.type"])
    assert [group.seeds for group in by_optimizer.groups] == [[42, 43, 50, 51], [42, 43]]
    assert by_optimizer.warnings == ()
    assert len(curves(entries(trained)).names) == 2
    assert "layers" not in usual_cells(trained.compare()).headers


def test_a_compared_layer_is_no_other_setting_whatever_most_runs_call_it(trained):
    for size in (16, 32):
        trained.add("a", (0.8,), f"batch_size={size}")
        for units in (8, 4):
            trained.add("b", (0.7,), f"batch_size={size}", "layers.hidden.name=other", f"layers.other.units={units}")
    compared = trained.compare(by=["layers.hidden.units"])
    assert {group.name: len(group.rows) for group in compared.groups} == {"16": 2, "8": 2, "4": 2}
    assert compared.averaged == {"batch_size": ["16", "32"]}
