"""Baselines in a comparison: one-sample tests against their fixed score, families of verdicts, and caveats."""

import csv
import io

import numpy as np
import pytest
from scipy import stats

from dnn_cli.compare.group_tests import ScorePair, measure_differences
from dnn_cli.compare.significance import ALPHA, ScoreResolution
from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.comparison_tables import format_comparison_csv
from dnn_cli.report.method_text import format_method_lines
from dnn_cli.report.seed_advice import format_advice_lines
from dnn_cli.runs.record import Baseline

EXACT = ScoreResolution(0.0, 0.0)
TITLES = {"constant": "the constant prediction", "linear": "the linear model", "boosting": "gradient boosting"}
SEEDS = (0.905, 0.91, 0.92, 0.915)


@pytest.fixture
def baselines(scored_runs):
    """Adds a baseline with a score to the runs."""

    def add(method, score, notes=(), examples=1437):
        baseline = Baseline(method=method, title=TITLES[method], estimator="", examples=examples, notes=notes)
        data = {"dataset": "digits", "fingerprint": "sha256:0", "train": 1437}
        changes = {"kind": "baseline", "baseline": baseline, "parameters": {}, "engine": None, "data": data}
        return scored_runs.add(f"digits-{method}", [(score,)], **changes)[0]

    return add


def measure_against(scores, fixed):
    """Return the difference between scores over seeds and a fixed score."""
    pair = ScorePair(dict(enumerate(scores)), dict.fromkeys(range(len(scores)), fixed), is_fixed=True)
    return measure_differences([pair], 1, EXACT)[0]


@pytest.mark.parametrize("seeds", [3, 5])
def test_few_seeds_are_compared_with_a_baseline_by_a_one_sample_t_test(seeds):
    scores = np.random.default_rng(seeds).normal(0.9, 0.01, seeds)
    difference = measure_against(scores.tolist(), 0.89)
    expected = stats.ttest_1samp(scores, 0.89)
    assert (difference.design, difference.test) == ("fixed", "student")
    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-5)
    assert difference.interval == pytest.approx(tuple(np.array(expected.confidence_interval()) - 0.89), rel=1e-4)


@pytest.mark.parametrize("seeds", [3, 4, 6, 9])
def test_one_sample_tests_have_at_most_5_percent_false_verdicts(seeds):
    drawn = np.random.default_rng(seeds).normal(0.9, 0.01, (1000, seeds))
    pairs = [ScorePair(dict(enumerate(row)), dict.fromkeys(range(seeds), 0.9), is_fixed=True) for row in drawn.tolist()]
    p_values = [difference.p_value for difference in measure_differences(pairs, 1, EXACT)]
    # A true rate of 5% gives more than 62 of 1,000 in fewer than 5% of cases.
    assert sum(p_value <= ALPHA for p_value in p_values) <= 62


def test_networks_have_the_same_verdicts_with_and_without_baselines(scored_runs, baselines):
    for name, shift in (("a", 0.0), ("b", -0.02), ("c", -0.3)):
        units = f"layers.hidden.units={ord(name)}"
        scored_runs.add(name, [score + shift for score in SEEDS], units)
    plain = scored_runs.compare().verdict_set
    baselines("constant", 0.1)
    baselines("boosting", 0.99)
    comparison = scored_runs.compare()
    verdicts = {verdict.group.name: verdict for verdict in comparison.verdict_set.verdicts}
    assert comparison.groups[0].name == "digits-boosting"
    assert comparison.verdict_set.reference.name == plain.reference.name == "a"
    assert comparison.verdict_set.comparisons == plain.comparisons == 3
    for verdict in plain.verdicts:
        assert verdicts[verdict.group.name].p_value == verdict.p_value
    assert (verdicts["digits-boosting"].word, verdicts["digits-constant"].word) == ("better", "worse")
    assert verdicts["digits-boosting"].comparisons == 6
    networks, fixed = format_method_lines(comparison)
    assert "paired t-test of 4 seeds" in networks
    assert fixed.startswith("baselines: one-sample t-test of 4 seeds against a fixed score")


def test_a_named_baseline_is_the_reference(scored_runs, baselines):
    scored_runs.add("a", SEEDS)
    baselines("linear", 0.8)
    verdict_set = scored_runs.compare(baseline="linear").verdict_set
    assert (verdict_set.reference.name, verdict_set.verdicts[0].word) == ("digits-linear", "better")


@pytest.mark.parametrize(
    ("score", "caveat"),
    [
        (0.5, None),
        (0.914, "is not clearly better than the linear model (0.914); more seeds can show a difference"),
        (0.95, "is worse than the linear model (0.95): a simpler model can be enough"),
    ],
)
def test_a_caveat_names_baselines_that_no_network_beats(score, caveat, scored_runs, baselines):
    scored_runs.add("a", SEEDS)
    baselines("linear", score)
    caveats = [text for text in scored_runs.compare().caveats if "the best network" in text]
    assert caveats == ([f"the best network {caveat}"] if caveat else [])
    named = [text for text in scored_runs.compare(baseline="linear").caveats if "better than" in text]
    assert [text.partition(" the linear model")[0] for text in named] == (
        ["no network is clearly better than"] if caveat else []
    )


def test_a_caveat_needs_a_test_or_a_better_baseline(scored_runs, baselines):
    scored_runs.add("a", [0.9])
    baselines("linear", 0.2)
    baselines("boosting", 0.95)
    caveats = [text for text in scored_runs.compare().caveats if "better than" in text]
    assert [text.partition(" not ")[2] for text in caveats] == [
        "clearly better than gradient boosting (0.95); more seeds can show a difference"
    ]


def test_a_baseline_has_no_epochs_and_size_that_could_be_unfair(scored_runs, baselines):
    scored_runs.add("a", SEEDS)
    baselines("boosting", 0.2, notes=("trained on 100 of 1,437 training examples, to limit the time",), examples=100)
    for at in ("final", "best", "epoch=1"):
        assert [text for text in scored_runs.compare(at=at).caveats if "best epoch was chosen" not in text] == [
            "digits-boosting: trained on 100 of 1,437 training examples, to limit the time"
        ]
    comparison = scored_runs.compare()
    assert comparison.groups[-1].settings == {"baseline": "boosting examples=100"}
    assert format_advice_lines(comparison) == []


def test_a_baseline_has_one_score_at_every_epoch_and_none_for_a_number_of_epochs(scored_runs, baselines):
    scored_runs.add("a", SEEDS)
    baselines("linear", 0.2)
    assert scored_runs.compare(at="epoch=2").groups[-1].mean == 0.2
    left_out = scored_runs.compare(at="reach=0.9").left_out
    assert [run_info.error for run_info in left_out] == ["a baseline has no epochs"]


def test_groups_by_a_key_keep_each_baseline_apart(scored_runs, baselines):
    scored_runs.add("a", SEEDS, "optimizer=sgd")
    scored_runs.add("b", SEEDS, "optimizer=adam", "batch_size=64")
    baselines("linear", 0.2)
    baselines("boosting", 0.3)
    comparison = scored_runs.compare(by=["optimizer.type"])
    assert {group.name for group in comparison.groups} == {
        "sgd", "adam", "linear (baseline)", "boosting (baseline)"
    }  # fmt: skip
    assert comparison.set_aside_count == 0


def test_a_repeated_baseline_counts_once_for_all_seeds(scored_runs, baselines):
    baselines("linear", 0.2)
    baselines("linear", 0.2)
    scored_runs.add("a", SEEDS)
    comparison = scored_runs.compare()
    assert len(comparison.run_scores) == 5
    assert [repeat.is_copy for repeat in comparison.repeats] == [True]


def test_rows_for_programs_have_the_same_columns(scored_runs, baselines):
    scored_runs.add("a", SEEDS, "optimizer=sgd")
    scored_runs.add("b", SEEDS, "optimizer=adam")
    baselines("linear", 0.2)
    comparison = scored_runs.compare()
    last = list(csv.DictReader(io.StringIO(format_comparison_csv(comparison))))[-1]
    assert (last["name"], last["baseline"], last["optimizer"], last["score"]) == ("digits-linear", "linear", "", "0.2")
    document = build_comparison_document(comparison)
    assert [group["kind"] for group in document["groups"]] == ["network", "network", "baseline"]
    assert document["pairs"][-1]["design"] == "fixed"
