"""Runs as they are trained, and what is said of them: cases that were explained wrongly."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.explain.explanation import explain_run
from dnn_cli.runs.run_info import read_run_info
from tests.explain_cases.planted import FAULTS, IMAGE, few_images
from tests.helpers.house_prices import write_houses_csv
from tests.helpers.training_runs import load_cached_examples

CASES = {case.name: case for case in FAULTS}


def train_and_explain(trained, config, text, *overrides):
    load_cached_examples.cache_clear()  # the files of other tests are gone
    run, _, _ = trained(load_experiment(config(text), ["engine=keras", *overrides]).experiment)
    return explain_run(read_run_info(run)), run


def test_batch_normalization_with_few_steps_is_the_cause(config, trained, tmp_path):
    """C19."""
    few_images(tmp_path)
    text = (
        f"data: {{dataset: npz, path: few.npz, validation_size: 0.25}}\nmodel: {{{IMAGE}}}\n"
        "loss: binary_crossentropy\noptimizer: {type: adam, learning_rate: 0.01}\nepochs: 5\nbatch_size: 24\n"
    )
    explanation, _ = train_and_explain(trained, config, text)
    finding = explanation.findings[0]
    assert finding.kind == "batch_norm_averages"
    assert "accuracy is 1.00 in training" in finding.observation
    assert "after 10 steps the moving averages of BatchNormalization" in finding.observation
    assert finding.suggestions[0].overrides == ("layers.1.momentum=0.9",)


@pytest.mark.parametrize("status", ["diverged", "completed"])
def test_standardizing_is_suggested_for_large_numbers(config, trained, tmp_path, status):
    """C13."""
    write_houses_csv(tmp_path)
    text = (
        "data: {dataset: csv, path: houses.csv}\nloss: mse\nmetrics: []\nepochs: 3\nmodel: {layers: [{type: Dense, "
        "units: 8, activation: relu}, {type: Dense, units: 1}]}\n"
    )
    changes = {
        "diverged": ["optimizer={type: sgd, learning_rate: 0.01}", "layers=[{type: Dense, units: 1}]", "epochs=9"],
        "completed": ["optimizer={type: sgd, learning_rate: 1e-12}"],
    }
    explanation, run = train_and_explain(trained, config, text, *changes[status])
    assert run.read_record().status == status
    named = [finding for finding in explanation.findings if finding.suggestions]
    assert named[0].suggestions[0].overrides == ("data.standardize=true",)
    assert "unscaled_inputs" in [finding.kind for finding in explanation.findings[:2]]


def test_run_is_explained_without_its_data(config, trained, tmp_path):
    case = CASES["leaked_index"]
    case.write_data(tmp_path)
    _, run = train_and_explain(trained, config, case.config, "epochs=15", "batch_size=40")
    (tmp_path / "indexed.csv").unlink()
    finding = explain_run(read_run_info(run)).findings[0]
    assert finding.kind == "row_numbers"
    assert finding.suggestions[0].overrides == ('data.ignore=["Unnamed: 0"]',)
    assert not np.isnan(list(finding.figures.values())).any()
