"""`dnn settle`: which pairs it trains and counts, when it ends, and what `dnn compare` shows afterwards."""

import json

import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.errors import UsageError
from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.comparison_view import build_comparison_view
from dnn_cli.runs.lock import hold_lock


def score_clearly(name, seed):
    return 0.60 + 0.10 * (name == "momentum") + 0.01 * (seed % 3)


def score_by_chance(name, seed):
    return 0.60 + 0.05 * ((seed + (name == "momentum")) % 2)


def compare_all(program, metric=None, **options):
    return compare_runs(program.store.with_details(program.store.list_runs()), metric, **options)


def test_a_clear_difference_ends_after_six_pairs(settle_program):
    done = settle_program.settle(score_clearly)
    assert done.code == 0
    assert sorted(settle_program.list_trained_seeds()) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert "momentum is better than digits by 10.00 points" in done.out
    assert "always-valid p = 0.048, after 6 pairs" in done.out
    assert "sequential test of 6 pairs of equal seeds" in done.out
    record = settle_program.read_record()
    assert [pair["seed"] for pair in record["pairs"]] == [1, 2, 3, 4, 5, 6] and record["planned_seeds"] == []


def test_the_same_command_trains_nothing_more_and_swapped_sides_are_the_same_comparison(settle_program):
    settle_program.settle(score_clearly)
    again = settle_program.settle(score_clearly, settle_program.second, settle_program.first, as_json=True)
    assert settle_program.list_trained_seeds() == []
    document = json.loads(again.out)
    assert (document["a"], document["verdict"], document["decided_after"]) == ("momentum", "better", 6)
    assert document["difference"] == pytest.approx(0.1) and document["p_value"] < 0.05
    assert [pair["scores"][0] for pair in document["pairs"]][:2] == pytest.approx([0.71, 0.72])
    assert document["comparison"]["pairs"][0]["test"] == "sequential"


def test_existing_pairs_count_first_and_new_seeds_follow(settle_program):
    settle_program.settle(score_by_chance, most=3, difference=0.01)
    # Another pair is trained by hand.
    first, second = settle_program.first, settle_program.second
    settle_program.settle(score_by_chance, first, second, most=4, difference=0.01)
    assert settle_program.list_trained_seeds() == [4, 4]
    done = settle_program.settle(score_by_chance, "digits", "momentum", most=6, difference=0.01)
    assert sorted(settle_program.list_trained_seeds()) == [5, 5, 6, 6]
    assert "undecided after 6 pairs" in done.out and "--most 12 continues" in done.out


def test_equal_scores_are_equivalent_and_compare_says_so(settle_program):
    done = settle_program.settle(lambda name, seed: 0.6 + 0.01 * seed)
    assert "are equivalent within 0.50 points" in done.out and "after 5 pairs" in done.out
    text = "\n".join(line for block in build_comparison_view(compare_all(settle_program)).paragraphs for line in block)
    assert "sequential test of 5 pairs" in text and "seeds of each group" not in text
    document = build_comparison_document(compare_all(settle_program))
    assert document["pairs"][0]["equivalence"]["difference"] == 0.005


def test_compare_shows_the_always_valid_p_value_and_other_metrics_too(settle_program):
    settle_program.settle(score_by_chance, most=8, difference=0.001)
    (verdict,) = compare_all(settle_program).verdict_set.verdicts
    assert verdict.difference.test == "sequential" and verdict.word == "undecided"
    (verdict,) = compare_all(settle_program, at="best").verdict_set.verdicts
    assert verdict.difference.test == "sequential" and verdict.difference.seed_counts == (8, 8)
    (verdict,) = compare_all(settle_program, by=["optimizer.momentum"]).verdict_set.verdicts
    assert verdict.difference.test == "sequential"


def test_removed_runs_stay_in_the_record(settle_program):
    settle_program.settle(score_by_chance, most=3, difference=0.001)
    for run_info in settle_program.store.list_runs():
        if run_info.details.seed == 2:
            (run_info.run.directory / "run.json").unlink()
    settle_program.settle(score_by_chance, most=4, difference=0.001)
    assert settle_program.list_trained_seeds() == [4, 4]
    assert [pair["seed"] for pair in settle_program.read_record()["pairs"]] == [1, 2, 3, 4]


def test_a_diverged_run_loses_its_pair(settle_program):
    done = settle_program.settle(lambda name, seed: "diverged" if name == "momentum" and seed > 1 else 0.6, most=20)
    assert done.code == 0
    assert "worse: 0.00 points, always-valid p = " in done.out and "pairs with one diverged run" in done.out
    assert "digits is better than momentum, always-valid p = " in done.out
    assert "count as losses of momentum, whose run diverged" in done.out


def test_a_failed_run_ends_the_command_and_is_trained_again(settle_program):
    fails = True

    def score(name, seed):
        return "failed" if fails and (name, seed) == ("momentum", 2) else score_clearly(name, seed)

    done = settle_program.settle(score)
    assert done.code == 1
    assert "seed 2 of momentum failed: " in done.out and "the same command continues" in done.out
    record = settle_program.read_record()
    # A pair counts after all pairs before it.
    assert [pair["seed"] for pair in record["pairs"]] == [1] and record["planned_seeds"] == [2, 3, 4, 5]
    fails = False
    done = settle_program.settle(score)
    assert settle_program.list_trained_seeds() == [2, 6, 6]
    assert done.code == 0 and "after 6 pairs" in done.out


def test_an_interrupted_round_continues_with_its_seeds(settle_program):
    def die(task):
        if task.loaded.experiment.seed == 3:
            raise KeyboardInterrupt
        return settle_program.fabricated.train(task)

    with pytest.raises(KeyboardInterrupt):
        settle_program.settle(score_clearly, train=die)
    assert settle_program.read_record()["planned_seeds"] == [1, 2, 3, 4, 5]
    settle_program.settle(score_clearly)
    trained = settle_program.list_trained_seeds()
    assert sorted(trained) == sorted([*range(1, 7), 3, 4, 5, 6])


def test_two_processes_cannot_add_pairs_at_once(settle_program):
    settle_program.settle(score_clearly, most=2)
    (record,) = (settle_program.store.root / "comparisons").glob("*.json")
    with hold_lock(record.with_suffix(".lock")), pytest.raises(UsageError, match="another process compares"):
        settle_program.settle(score_clearly)


def test_runs_on_changed_data_are_refused(settle_program):
    settle_program.settle(score_clearly, most=2)
    for run_info in settle_program.store.list_runs()[:2]:
        record = run_info.run.read_raw_record()
        changed = {**record.data, "fingerprint": "sha256:1"}
        run_info.run.write_record(record.model_copy(update={"data": changed}))
    with pytest.raises(UsageError, match="were trained on different data"):
        settle_program.settle(score_clearly)
