"""Cross-validated groups with given scores, and random data of which two halves are equally useful."""

from types import SimpleNamespace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dnn_cli.compare.group import Group
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.significance import ALPHA
from dnn_cli.compare.t_tests import run_paired_t_test
from dnn_cli.compare.verdicts import judge_groups
from dnn_cli.config.cross_validation import Fold

Scores = NDArray[np.float64]
Indices = NDArray[np.int64]

EXAMPLES, FEATURES, RIDGE = 100, 10, 1.0
"""Number of examples and of features in each half, and the penalty of the linear models."""


def make_fold_groups(scores: Scores, folds: int, examples: int) -> list[Group]:
    """Return one cross-validated group for each row of scores, the best first.

    Args:
        scores: The scores of shape (groups, repetitions · folds), repetition after repetition.
        folds: The number of folds of each repetition.
        examples: The number of examples, of which each fold validates an equal share.
    """
    data = {"train": examples - examples // folds, "validation": examples // folds}
    groups = []
    for number, row in enumerate(scores.tolist()):
        run_scores = tuple(
            SimpleNamespace(
                is_baseline=False,
                fold=Fold(at // folds, at % folds + 1, folds),
                seed=1,
                score=score,
                record=SimpleNamespace(data=data),
            )
            for at, score in enumerate(row)
        )
        groups.append(Group(str(number), {}, run_scores, {((), 1): float(np.mean(row))}))  # type: ignore[arg-type]
    return sorted(groups, key=lambda group: -group.mean)


def has_fold_verdict(groups: list[Group], examples: int = 0) -> bool:
    """Return whether any group is called better or worse; `examples` is the size of a validation set, 0 for losses."""
    scores = [score for group in groups for score in group.fold_means.values()]
    resolution = compute_resolution(scores, [examples] * len(scores))
    family = judge_groups(groups, "val_accuracy", is_final=True, lower_is_better=False, resolution=resolution)
    return any(verdict.word in ("better", "worse") for verdict in family.verdicts)


def draw_two_halves(chance: Generator, examples: int, features: int) -> tuple[Scores, Scores, Indices]:
    """Draw data in which each feature of one half has a twin of equal use in the other half.

    Both twins are the same combination of three hidden causes of the class, each with its own noise. A network on one
    half is therefore as good as a network on the other, as a mean over all data of this kind.

    Returns:
        The two halves, of shape (examples, features) each, and the classes 0 and 1, of shape (examples,).
    """
    causes = chance.normal(size=(examples, 3))
    classes = (causes.sum(1) + chance.normal(size=examples) > 0).astype(np.int64)
    combined = causes @ chance.normal(size=(3, features))
    first, second = (combined + chance.normal(0, 2, (examples, features)) for _ in range(2))
    return first, second, classes


def iter_folds(chance: Generator, folds: int, repetitions: int) -> list[tuple[Indices, Indices]]:
    """Return the training and validation indices of all folds."""
    parts = []
    for _ in range(repetitions):
        order = chance.permutation(EXAMPLES)
        for fold in np.array_split(order, folds):
            parts.append((np.setdiff1d(order, fold), fold))
    return parts


def score_halves(chance: Generator, folds: int, repetitions: int) -> Scores:
    """Return the accuracies of two linear models on two halves of the features, of shape (2, repetitions · folds)."""
    *halves, classes = draw_two_halves(chance, EXAMPLES, FEATURES)
    parts = iter_folds(chance, folds, repetitions)
    return np.array([[score_linear_model(half, classes, *part) for part in parts] for half in halves])


def score_linear_model(inputs: Scores, classes: Scores, train: Indices, validation: Indices) -> float:
    """Return the accuracy of a ridge regression on the signs of the classes."""
    padded = np.column_stack([np.ones(len(inputs)), inputs])
    gram = padded[train].T @ padded[train] + RIDGE * np.eye(padded.shape[1])
    weights = np.linalg.solve(gram, padded[train].T @ (2.0 * classes[train] - 1))
    return float(((padded[validation] @ weights > 0) == classes[validation]).mean())


def has_uncorrected_verdict(scores: Scores) -> bool:
    """Return whether a paired t-test, which takes folds for independent, finds a difference."""
    p_values, _ = run_paired_t_test(scores[:1] - scores[1:], 1e-12)
    return bool(p_values[0] <= ALPHA)
