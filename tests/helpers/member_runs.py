"""Untrained runs with given predictions, as members of an ensemble."""

import numpy as np

from dnn_cli.metrics.saved_predictions import write_predictions

COUNT, CLASSES = 60, 10


def draw_members(count, seed=0, noise=2.0):
    """Draw class numbers, and probabilities of members that are wrong on different examples."""
    chance = np.random.default_rng(seed)
    targets = chance.integers(0, CLASSES, COUNT)
    logits = 2 * np.eye(CLASSES)[targets] + noise * chance.normal(size=(count, COUNT, CLASSES))
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return targets, probabilities.astype(np.float32)


def make_members(make_run, outputs, targets, *overrides, first=1, **changes):
    """Make a run for each array of outputs, with consecutive seeds and shuffled examples, and return the runs."""
    runs = []
    for number, part in enumerate(outputs, first):
        run = make_run(*overrides, f"seed={number}", digits=f"{number:08x}", **changes)
        order = np.random.default_rng(number).permutation(len(targets))
        write_predictions(run.predictions, part[order], targets[order], 3 * order)
        runs.append(run)
    return runs
