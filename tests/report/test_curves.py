"""Which runs make which curves."""

import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.errors import UsageError
from dnn_cli.report.curves import MAX_CURVE_GROUPS, build_curve_chart, thin_curve
from dnn_cli.runs.query.selection import CachedStore


@pytest.fixture
def read_runs(tmp_path):
    """The runs that were made, the first made first."""

    def read_sorted():
        lookup = CachedStore(tmp_path / "runs")
        return sorted(lookup.with_details(lookup.list_runs()), key=lambda run_info: run_info.record.id)

    return read_sorted


def test_one_run_has_loss_and_monitor(make_run, read_runs):
    make_run(curve=(0.5, 0.75))
    chart = build_curve_chart(read_runs())
    assert [panel.title for panel in chart.panels] == ["loss", "accuracy"]
    assert [(curve.split, curve.x, curve.y) for curve in chart.panels[0].curves] == [
        ("validation", (1, 2), (0.5, 0.25)), ("training", (1, 2), (0.5, 0.25)),
    ]  # fmt: skip
    assert chart.names == ("digits",)
    assert chart.notes == ()


def test_seeds_form_one_curve_with_range(make_run, read_runs):
    for number, (optimizer, seed, last) in enumerate([("adam", 1, 0.8), ("adam", 2, 0.9), ("sgd", 1, 0.6)], 1):
        make_run(f"optimizer={optimizer}", f"seed={seed}", curve=(0.5, last), digits=f"{number:08x}")
    chart = build_curve_chart(read_runs())
    assert chart.names == ("adam", "sgd")
    adam = chart.panels[1].curves[0]
    assert (adam.run_count, adam.low[1], adam.high[1]) == (2, 0.8, 0.9)
    assert adam.y[1] == pytest.approx(0.85)
    assert chart.notes == ("runs that differ only in seed or fold are drawn as their mean; --runs draws every run",)
    assert build_curve_chart(read_runs(), separate_runs=True).names == (
        "seed 1, optimizer adam", "seed 2, optimizer adam", "seed 1, optimizer sgd",
    )  # fmt: skip


def test_number_is_labelled_with_its_key(make_run, read_runs):
    for number, units in enumerate((8, 32), 1):
        make_run(f"layers.hidden.units={units}", digits=f"{number:08x}")
    assert build_curve_chart(read_runs()).names == ("units 8", "units 32")


def test_equal_runs_are_labelled_with_ids(make_run, read_runs):
    for number, score in ((1, 0.7), (2, 0.8)):
        make_run(digits=f"{number:08x}", curve=(score,))
    assert build_curve_chart(read_runs(), separate_runs=True).names == ("digits 00000001", "digits 00000002")


def test_mean_ends_with_its_shortest_run(make_run, read_runs):
    make_run("seed=1", curve=(0.5, 0.6, 0.7))
    make_run("seed=2", curve=(0.4,), digits="00000002", status="diverged", reason="the loss was no number")
    chart = build_curve_chart(read_runs())
    assert chart.panels[0].curves[0].x == (1,)
    assert "digits 00000002 diverged after 1 epoch" in chart.notes
    assert "the mean of digits ends after 1 epoch, like digits 00000002" in chart.notes


@pytest.mark.parametrize(
    ("along", "expected"),
    [("epoch", (1, 2)), ("seconds", (1.0, 2.0)), ("steps", (45, 90))],
)
def test_x_axis_values(make_run, read_runs, along, expected):
    make_run(data={"dataset": "digits", "fingerprint": "sha256:0", "train": 1438})
    assert build_curve_chart(read_runs(), x_axis=along).panels[0].curves[0].x == expected


def test_named_columns_are_drawn(make_run, read_runs):
    make_run()
    chart = build_curve_chart(read_runs(), ["acc", "val_loss", "learning_rate"])
    assert [[curve.split for curve in panel.curves] for panel in chart.panels] == [
        ["validation", "training"], ["validation"], ["training"],
    ]  # fmt: skip
    assert [panel.has_both_splits for panel in chart.panels] == [True, False, False]
    with pytest.raises(UsageError, match="no run has the metric val_acuracy") as refused:
        build_curve_chart(read_runs(), ["val_acuracy"])
    assert refused.value.suggestion == "did you mean val_accuracy?"


def test_only_best_groups_are_drawn(make_run, read_runs):
    for number in range(1, MAX_CURVE_GROUPS + 4):
        make_run(f"layers.hidden.units={number}", digits=f"{number:08x}", curve=(number / 20,))
    chart = build_curve_chart(read_runs())
    assert chart.names == tuple(f"units {number}" for number in range(MAX_CURVE_GROUPS + 3, 3, -1))
    assert f"11 curves are too many for one chart, which shows the {MAX_CURVE_GROUPS} best" in chart.notes[0]


def test_runs_without_epochs_are_left_out(make_run, read_runs):
    make_run(curve=(), status="diverged", reason="no number in epoch 1")
    with pytest.raises(UsageError, match="digits 00000001 has no completed epoch: no number in epoch 1"):
        build_curve_chart(read_runs())
    make_run(digits="00000002")
    chart = build_curve_chart(read_runs())
    assert chart.names == ("digits",)
    assert chart.notes == ("digits 00000001 has no completed epoch: no number in epoch 1",)


def test_run_without_config_is_left_out(make_run, read_runs):
    make_run().config.unlink()
    make_run("optimizer=sgd", digits="00000002")
    chart = build_curve_chart(read_runs())
    assert chart.names == ("digits",)
    assert "digits 00000001 has no completed epoch: config.yaml" in chart.notes[0]


def test_thinned_curve_keeps_its_peaks(make_run, read_runs):
    values = [0.5] * 5000
    values[1234], values[4321] = 1.0, 0.0
    make_run(curve=tuple(values))
    curve = thin_curve(build_curve_chart(read_runs()).panels[1].curves[0], 1000)
    assert len(curve.x) <= 1000
    assert (max(curve.y), min(curve.y)) == (1.0, 0.0)
    assert list(curve.x) == sorted(curve.x)
    assert curve.x[curve.y.index(1.0)] == 1235


@pytest.fixture
def grid_runs(make_run, read_runs):
    """Two optimizers with two seeds and two widths each, and a fifth and incomplete sgd run."""
    number = 0
    for optimizer, base in ("adam", 0.8), ("sgd", 0.6):
        for units in 8, 32:
            for seed in 1, 2:
                number += 1
                overrides = f"optimizer={optimizer}", f"layers.hidden.units={units}", f"seed={seed}"
                make_run(*overrides, curve=(0.5, base + number / 100), digits=f"{number:08x}")
    make_run("optimizer=sgd", "seed=3", curve=(0.1,), digits="00000009", status="interrupted")
    return read_runs()


def test_group_curve_is_mean_with_band(grid_runs):
    chart = build_curve_chart(grid_runs, by=["optimizer.type"])
    assert chart.names == ("adam (4 runs)", "sgd (4 runs)")
    (adam,) = (
        curve for curve in chart.panels[1].curves if curve.name == "adam (4 runs)" and curve.split == "validation"
    )
    assert adam.y[1] == pytest.approx(0.8 + (1 + 2 + 3 + 4) / 4 / 100)
    assert (adam.low[1], adam.high[1]) == pytest.approx((0.81, 0.84))
    assert (
        chart.format_caption("dotted")
        == "lines: mean of the runs; dotted: from the lowest to the highest run in each epoch"
    )
    assert chart.notes == ("left out, because not completed: 1 run (00000009)",)


def test_groups_match_those_of_a_comparison(make_run, grid_runs, read_runs):
    make_run("optimizer=adam", "layers.hidden.units=64", "seed=1", curve=(0.5, 0.99), digits="0000000a")
    chart = build_curve_chart(read_runs(), by=["optimizer.type"])
    compared = compare_runs(read_runs(), by=["optimizer.type"])
    means = {group.name: group.mean for group in compared.groups}
    drawn = {curve.name.split()[0]: curve.y[-1] for curve in chart.panels[1].curves if curve.split == "validation"}
    assert drawn == pytest.approx(means)
    assert "left out, because some groups have no run with the same other settings: 1 run (0000000a)" in chart.notes


def test_several_keys_make_a_group_for_each_combination(grid_runs):
    chart = build_curve_chart(grid_runs, by=["optimizer.type", "layers.hidden.units"])
    assert chart.names == ("adam, 8 (2 runs)", "adam, 32 (2 runs)", "sgd, 8 (2 runs)", "sgd, 32 (2 runs)")


def test_groups_need_a_known_key_and_completed_runs(make_run, grid_runs, read_runs):
    with pytest.raises(UsageError, match="no run has the field"):
        build_curve_chart(grid_runs, by=["optimizer.typ"])
    with pytest.raises(UsageError, match="no run is completed"):
        build_curve_chart(grid_runs[-1:], by=["optimizer.type"])
