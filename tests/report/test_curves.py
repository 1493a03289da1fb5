"""Which runs make which curves."""

import pytest

from dnn_cli.compare.comparison import compare
from dnn_cli.errors import UsageError
from dnn_cli.report.curves import MOST, curves, thinned
from dnn_cli.runs.selection import Lookup


@pytest.fixture
def entries(tmp_path):
    """The runs that were made, the first made first."""

    def read():
        lookup = Lookup(tmp_path / "runs")
        return sorted(lookup.detailed(lookup.entries()), key=lambda entry: entry.record.id)

    return read


def test_one_run_has_its_loss_and_what_it_watched(make_run, entries):
    make_run(curve=(0.5, 0.75))
    made = curves(entries())
    assert [panel.title for panel in made.panels] == ["loss", "accuracy"]
    assert [(curve.part, curve.x, curve.y) for curve in made.panels[0].curves] == [
        ("validation", (1, 2), (0.5, 0.25)), ("training", (1, 2), (0.5, 0.25)),
    ]  # fmt: skip
    assert made.names == ("digits",)
    assert made.notes == ()


def test_seeds_are_one_curve_with_a_range_and_settings_are_names(make_run, entries):
    for number, (optimizer, seed, last) in enumerate([("adam", 1, 0.8), ("adam", 2, 0.9), ("sgd", 1, 0.6)], 1):
        make_run(f"optimizer={optimizer}", f"seed={seed}", curve=(0.5, last), digits=f"{number:08x}")
    made = curves(entries())
    assert made.names == ("adam", "sgd")
    adam = made.panels[1].curves[0]
    assert (adam.runs, adam.low[1], adam.high[1]) == (2, 0.8, 0.9)
    assert adam.y[1] == pytest.approx(0.85)
    assert made.notes == ("runs that differ only in their seed are one curve, their mean; --runs draws each",)
    assert curves(entries(), each=True).names == (
        "seed 1, optimizer adam", "seed 2, optimizer adam", "seed 1, optimizer sgd",
    )  # fmt: skip


def test_a_number_is_named_with_its_key(make_run, entries):
    for number, units in enumerate((8, 32), 1):
        make_run(f"layers.hidden.units={units}", digits=f"{number:08x}")
    assert curves(entries()).names == ("units 8", "units 32")


def test_equal_runs_are_told_apart_by_their_ids(make_run, entries):
    for number, score in ((1, 0.7), (2, 0.8)):
        make_run(digits=f"{number:08x}", curve=(score,))
    assert curves(entries(), each=True).names == ("digits 00000001", "digits 00000002")


def test_a_mean_goes_as_far_as_all_its_runs_and_says_so(make_run, entries):
    make_run("seed=1", curve=(0.5, 0.6, 0.7))
    make_run("seed=2", curve=(0.4,), digits="00000002", status="diverged", reason="the loss was no number")
    made = curves(entries())
    assert made.panels[0].curves[0].x == (1,)
    assert "digits 00000002 diverged after 1 epoch" in made.notes
    assert "the mean of digits ends with digits 00000002, after 1 epoch" in made.notes


@pytest.mark.parametrize(
    ("along", "expected"),
    [("epoch", (1, 2)), ("seconds", (1.0, 2.0)), ("steps", (45, 90))],
)
def test_what_is_along_the_axis(make_run, entries, along, expected):
    make_run(data={"dataset": "digits", "fingerprint": "sha256:0", "train": 1438})
    assert curves(entries(), along=along).panels[0].curves[0].x == expected


def test_columns_are_drawn_as_they_are_named(make_run, entries):
    make_run()
    made = curves(entries(), ["acc", "val_loss", "learning_rate"])
    assert [[curve.part for curve in panel.curves] for panel in made.panels] == [
        ["validation", "training"], ["validation"], ["training"],
    ]  # fmt: skip
    assert [panel.has_both for panel in made.panels] == [True, False, False]
    with pytest.raises(UsageError, match="no run has the metric val_acuracy") as refused:
        curves(entries(), ["val_acuracy"])
    assert refused.value.hint == "did you mean val_accuracy?"


def test_more_than_can_be_told_apart_are_the_best(make_run, entries):
    for number in range(1, MOST + 4):
        make_run(f"layers.hidden.units={number}", digits=f"{number:08x}", curve=(number / 20,))
    made = curves(entries())
    assert made.names == tuple(f"units {number}" for number in range(MOST + 3, 3, -1))
    assert f"11 curves cannot be told apart: these are the {MOST} best by val_accuracy" in made.notes[0]


def test_runs_without_an_epoch_are_left_out_and_alone_refused(make_run, entries):
    make_run(curve=(), status="diverged", reason="no number in epoch 1")
    with pytest.raises(UsageError, match="digits 00000001 has no epoch to draw: no number in epoch 1"):
        curves(entries())
    make_run(digits="00000002")
    made = curves(entries())
    assert made.names == ("digits",)
    assert made.notes == ("digits 00000001 has no epoch to draw: no number in epoch 1",)


def test_a_run_whose_config_is_gone_is_left_out(make_run, entries):
    make_run().config.unlink()
    make_run("optimizer=sgd", digits="00000002")
    made = curves(entries())
    assert made.names == ("digits",)
    assert "digits 00000001 has no epoch to draw: config.yaml" in made.notes[0]


def test_many_epochs_keep_their_peaks(make_run, entries):
    values = [0.5] * 5000
    values[1234], values[4321] = 1.0, 0.0
    make_run(curve=tuple(values))
    curve = thinned(curves(entries()).panels[1].curves[0], 1000)
    assert len(curve.x) <= 1000
    assert (max(curve.y), min(curve.y)) == (1.0, 0.0)
    assert list(curve.x) == sorted(curve.x)
    assert curve.x[curve.y.index(1.0)] == 1235


@pytest.fixture
def grid(make_run, entries):
    """Two optimizers with two seeds and two widths each, and a fifth and incomplete sgd run."""
    number = 0
    for optimizer, base in ("adam", 0.8), ("sgd", 0.6):
        for units in 8, 32:
            for seed in 1, 2:
                number += 1
                words = f"optimizer={optimizer}", f"layers.hidden.units={units}", f"seed={seed}"
                make_run(*words, curve=(0.5, base + number / 100), digits=f"{number:08x}")
    make_run("optimizer=sgd", "seed=3", curve=(0.1,), digits="00000009", status="interrupted")
    return entries()


def test_groups_are_the_means_of_their_runs_with_a_band(grid):
    made = curves(grid, by=["optimizer.type"])
    assert made.names == ("adam (4 runs)", "sgd (4 runs)")
    (adam,) = (one for one in made.panels[1].curves if one.name == "adam (4 runs)" and one.part == "validation")
    assert adam.y[1] == pytest.approx(0.8 + (1 + 2 + 3 + 4) / 4 / 100)
    assert (adam.low[1], adam.high[1]) == pytest.approx((0.81, 0.84))
    assert made.caption("dotted") == "lines: mean of the runs; dotted: from the lowest to the highest run in each epoch"
    assert made.notes == ("left out of the groups, because not completed: 1 run (00000009)",)


def test_groups_have_the_same_other_settings_as_in_a_comparison(make_run, grid, entries):
    make_run("optimizer=adam", "layers.hidden.units=64", "seed=1", curve=(0.5, 0.99), digits="0000000a")
    made = curves(entries(), by=["optimizer.type"])
    compared = compare(entries(), by=["optimizer.type"])
    means = {group.name: group.mean for group in compared.groups}
    drawn = {one.name.split()[0]: one.y[-1] for one in made.panels[1].curves if one.part == "validation"}
    assert drawn == pytest.approx(means)
    assert "left out, because not all groups have runs with their other settings: 1 run (0000000a)" in made.notes


def test_several_keys_make_a_group_for_each_combination(grid):
    made = curves(grid, by=["optimizer.type", "layers.hidden.units"])
    assert made.names == ("adam, 8 (2 runs)", "adam, 32 (2 runs)", "sgd, 8 (2 runs)", "sgd, 32 (2 runs)")


def test_groups_need_a_known_key_and_completed_runs(make_run, grid, entries):
    with pytest.raises(UsageError, match="no run has the field"):
        curves(grid, by=["optimizer.typ"])
    with pytest.raises(UsageError, match="no completed run"):
        curves(grid[-1:], by=["optimizer.type"])
