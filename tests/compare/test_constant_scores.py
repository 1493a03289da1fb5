"""Seeds whose scores equal a constant prediction: only an exact test may judge them."""

import numpy as np
import pytest

from dnn_cli.compare.constant_scores import compute_constant_score
from dnn_cli.config.datasets import DATASETS
from dnn_cli.report.seed_command import build_sweep_commands
from dnn_cli.runs.input_profile import write_input_profile
from tests.helpers.explained_runs import build_input_profile

LABELS = np.arange(200) % 4


def add_runs(scored_runs, name, scores, *overrides):
    for run in scored_runs.add(name, scores, *overrides):
        np.savez(run.predictions, labels=LABELS, outputs=np.eye(10)[LABELS], indices=np.arange(200))


@pytest.mark.parametrize(
    ("metric", "good", "bad"),
    [("val_accuracy", (0.9, 0.91, 0.92), (0.28, 0.9, 0.9)), ("val_loss", (0.9, 0.91, 0.92), (-0.5, 0.9, 0.9))],
)
def test_untrained_seed_requires_the_exact_test(scored_runs, metric, good, bad):
    """`make_run` writes the loss as 1 - accuracy: -0.5 is a loss of 1.5, above the ln 4 of a constant prediction."""
    add_runs(scored_runs, "adam", good)
    add_runs(scored_runs, "sgd", bad, "optimizer=sgd")
    compared = scored_runs.compare(metric=metric)
    sgd = next(group for group in compared.groups if group.name == "sgd")
    assert dict(sgd.failed) == {42: "did not beat a constant prediction"}
    (verdict,) = compared.verdict_set.verdicts
    assert (verdict.word, verdict.difference.test) == ("undecided", "exact")
    assert verdict.exact_test_reason == "seed 42 of sgd did not beat a constant prediction"


def test_trained_seeds_are_judged_by_a_t_test(scored_runs):
    add_runs(scored_runs, "adam", (0.9, 0.91, 0.92))
    add_runs(scored_runs, "sgd", (0.8, 0.81, 0.82), "optimizer=sgd")
    (verdict,) = scored_runs.compare().verdict_set.verdicts
    assert (verdict.word, verdict.difference.test) == ("worse", "student")


def test_diverged_seed_requires_the_exact_test(scored_runs):
    add_runs(scored_runs, "adam", (0.9, 0.91, 0.92))
    add_runs(scored_runs, "sgd", (0.8, 0.81, 0.82), "optimizer=sgd")
    scored_runs.add("sgd", (0.1,), "optimizer=sgd", first=50, status="diverged")
    (verdict,) = scored_runs.compare().verdict_set.verdicts
    assert (verdict.word, verdict.exact_test_reason) == ("undecided", "seed 50 of sgd diverged")


def test_advice_includes_completed_seeds_with_bad_scores(scored_runs):
    """To leave out a seed because of its score would make the other group look worse or better than it is."""
    add_runs(scored_runs, "adam", (0.9, 0.91, 0.92))
    add_runs(scored_runs, "sgd", (0.28, 0.9, 0.9), "optimizer=sgd")
    groups = scored_runs.compare().groups
    ((command,), missing) = build_sweep_commands(groups, 6, "runs")
    assert command[-1] == "seed=42..47"
    assert missing == [3, 3]


REGRESSION = ["data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mse", "metrics=[mae]"]


def test_constant_loss_of_standardized_targets_has_their_scale(scored_runs):
    targets = np.random.default_rng(1).normal(155, 77, (50, 1)).astype(np.float32)
    runs = [
        *scored_runs.add("scaled", (0.5,), *REGRESSION, "data.standardize_target=true"),
        *scored_runs.add("plain", (0.5,), *REGRESSION),
    ]
    for run in runs:
        np.savez(run.predictions, labels=targets, outputs=targets, indices=np.arange(50))
    write_input_profile(runs[0], build_input_profile(DATASETS["diabetes"], target_mean=[155], target_scale=[77]))
    groups = {group.name: group.run_scores for group in scored_runs.compare(metric="val_loss").groups}
    assert compute_constant_score(groups["scaled"], "val_loss") == pytest.approx(targets.var() / 77**2, rel=1e-4)
    assert compute_constant_score(groups["plain"], "val_loss") == pytest.approx(targets.var(), rel=1e-4)
    assert compute_constant_score([*groups["scaled"], *groups["plain"]], "val_loss") is None
