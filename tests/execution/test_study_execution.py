"""Studies whose runs are trained: no choice depends on the labels on which the values are judged."""

from dataclasses import replace

import numpy as np

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import split_examples
from dnn_cli.execution import study_planning
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.metrics.saved_predictions import read_reporting_predictions
from dnn_cli.runs.store import Store
from tests.helpers.digits import QUICK_YAML
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.study_programs import train_in_process
from tests.helpers.training_runs import KeptModels, load_cached_examples

SEEDS = "3" if RUN_ALL_CASES else "1"
QUESTION = "optimizer=adam,{type: sgd, momentum: 0.9}"


def build_cache(experiment, *, permutes):
    """Build the cache of a process whose examples can have permuted labels in the reporting half."""
    examples = load_cached_examples(experiment.data)
    split = split_examples(experiment.data, examples)
    if permutes:
        targets = examples.targets.copy()
        targets[split.reporting] = np.random.default_rng(0).permutation(targets[split.reporting])
        examples = replace(examples, targets=targets)
    cache = ProcessCache()
    cache.set_examples(experiment.data, examples, split)
    cache.compiled_models = KeptModels()
    return cache


def train_study(study_program, name, *, permutes=False):
    """Train a study in a directory of its own; return its document and its runs by their roles and seeds."""
    study_program.store = Store(study_program.directory / name)
    path = study_program.write_config(
        QUICK_YAML.replace("epochs: 2", "epochs: 1").replace("engine: keras", "jit: false")
    )
    experiment = load_experiment(path, ["data.reporting_half=true"]).experiment
    train = train_in_process(build_cache(experiment, permutes=permutes))
    done = study_program.run(path, QUESTION, train=train, seeds=SEEDS)
    assert done.code == 0 and done.document["missing_runs"] == 0
    runs = {}
    for run_info in study_program.store.list_runs():
        (membership,) = run_info.record.sweeps
        runs[membership.study, membership.settings["seed"]] = run_info
    return done.document, runs


def test_no_choice_depends_on_the_labels_of_the_reporting_half(study_program, monkeypatch):
    monkeypatch.setattr(study_planning, "_MIN_FINAL_SEEDS", 1)
    document, runs = train_study(study_program, "plain")
    permuted_document, permuted_runs = train_study(study_program, "permuted", permutes=True)
    assert permuted_runs.keys() == runs.keys() and len(runs) == 4 + 12 + 4 * int(SEEDS)
    for role, run_info in runs.items():
        ours, theirs = run_info.record, permuted_runs[role].record
        assert theirs.results.weights == ours.results.weights is not None
        assert (theirs.epochs, theirs.results.model, theirs.reason) == (ours.epochs, ours.results.model, ours.reason)
        labels = [read_reporting_predictions(info.run)["labels"] for info in (run_info, permuted_runs[role])]
        assert not np.array_equal(*labels)
    (task,), (permuted_task,) = document["tasks"], permuted_document["tasks"]
    for item, permuted_item in zip(task["values"], permuted_task["values"], strict=True):
        for key in ("chosen", "search_space", "expected_best", "sensitivity", "edges"):
            assert permuted_item[key] == item[key]
        assert [trial["score"] for trial in permuted_item["trials"]] == [trial["score"] for trial in item["trials"]]
    for arm in ("tuned", "default"):
        means = [[group["mean"] for group in side["arms"][arm]["groups"]] for side in (task, permuted_task)]
        assert means[0] != means[1]
    assert document["plan"] == permuted_document["plan"]
