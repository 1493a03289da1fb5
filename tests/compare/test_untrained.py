"""Seeds that are no better than a constant prediction, which only an exact test may judge."""

import numpy as np
import pytest

LABELS = np.arange(200) % 4


def add(trained, name, scores, *overrides):
    for run in trained.add(name, scores, *overrides):
        np.savez(run.predictions, labels=LABELS, outputs=np.eye(10)[LABELS], indices=np.arange(200))


@pytest.mark.parametrize(
    ("metric", "good", "bad"),
    [("val_accuracy", (0.9, 0.91, 0.92), (0.28, 0.9, 0.9)), ("val_loss", (0.9, 0.91, 0.92), (-0.5, 0.9, 0.9))],
)
def test_a_seed_at_chance_leaves_its_group_to_the_exact_test(trained, metric, good, bad):
    """`make_run` writes the loss as 1 - accuracy: -0.5 is a loss of 1.5, above the ln 4 of a constant prediction."""
    add(trained, "adam", good)
    add(trained, "sgd", bad, "optimizer=sgd")
    compared = trained.compare(metric=metric)
    sgd = next(group for group in compared.groups if group.name == "sgd")
    assert dict(sgd.failed) == {42: "is no better than a constant prediction"}
    (verdict,) = compared.family.verdicts
    assert (verdict.word, verdict.difference.test) == ("undecided", "exact")
    assert verdict.needs_exact == "seed 42 of sgd is no better than a constant prediction"


def test_trained_seeds_are_judged_by_a_t_test(trained):
    add(trained, "adam", (0.9, 0.91, 0.92))
    add(trained, "sgd", (0.8, 0.81, 0.82), "optimizer=sgd")
    (verdict,) = trained.compare().family.verdicts
    assert (verdict.word, verdict.difference.test) == ("worse", "student")


def test_a_diverged_seed_leaves_its_group_to_the_exact_test(trained):
    add(trained, "adam", (0.9, 0.91, 0.92))
    add(trained, "sgd", (0.8, 0.81, 0.82), "optimizer=sgd")
    trained.add("sgd", (0.1,), "optimizer=sgd", first=50, status="diverged")
    (verdict,) = trained.compare().family.verdicts
    assert (verdict.word, verdict.needs_exact) == ("undecided", "seed 50 of sgd diverged")
