"""Runs as they are trained, and what is said of them: cases that were explained wrongly."""

import numpy as np
import pytest

from dnn_cli.explain.explanation import explain
from dnn_cli.runs.entry import read_entry
from dnn_cli.spec.load import load
from tests.data.test_advice import houses
from tests.explain_cases.planted import FAULTS, IMAGE, few_images
from tests.training.conftest import examples_of

CASES = {case.name: case for case in FAULTS}


def explained(trained, config, text, *overrides):
    examples_of.cache_clear()  # the files of other tests are gone
    run, _, _ = trained(load(config(text), ["jit=false", *overrides]).experiment)
    return explain(read_entry(run)), run


def test_batch_normalization_with_few_steps_is_the_cause(config, trained, tmp_path):
    """C19."""
    few_images(tmp_path)
    text = (
        f"data: {{dataset: npz, path: few.npz, validation_size: 0.25}}\nmodel: {{{IMAGE}}}\n"
        "loss: binary_crossentropy\noptimizer: {type: adam, learning_rate: 0.01}\nepochs: 5\nbatch_size: 32\n"
    )
    explanation, _ = explained(trained, config, text)
    finding = explanation.findings[0]
    assert finding.kind == "batch_norm_averages"
    assert "accuracy is 1.00 in training" in finding.seen
    assert "the averages of BatchNormalization have seen 10 steps" in finding.seen
    assert finding.remedies[0].overrides == ("layers.1.momentum=0.9",)


@pytest.mark.parametrize("status", ["diverged", "completed"])
def test_a_table_of_large_numbers_is_to_be_standardized(config, trained, tmp_path, status):
    """C13."""
    houses(tmp_path)
    text = (
        "data: {dataset: csv, path: houses.csv}\nloss: mse\nmetrics: []\nepochs: 3\nmodel: {layers: [{type: Dense, "
        "units: 8, activation: relu}, {type: Dense, units: 1}]}\n"
    )
    changes = {
        "diverged": ["optimizer={type: sgd, learning_rate: 0.01}", "layers=[{type: Dense, units: 1}]", "epochs=9"],
        "completed": ["optimizer={type: sgd, learning_rate: 1e-12}"],
    }
    explanation, run = explained(trained, config, text, *changes[status])
    assert run.read_record().status == status
    named = [finding for finding in explanation.findings if finding.remedies]
    assert named[0].remedies[0].overrides == ("data.standardize=true",)
    assert "unscaled_inputs" in [finding.kind for finding in explanation.findings[:2]]


def test_what_a_run_keeps_of_its_data_is_enough_without_it(config, trained, tmp_path):
    case = CASES["leaked_index"]
    case.write_data(tmp_path)
    _, run = explained(trained, config, case.config, "epochs=15")
    (tmp_path / "indexed.csv").unlink()
    finding = explain(read_entry(run)).findings[0]
    assert finding.kind == "row_numbers"
    assert finding.remedies[0].overrides == ('data.ignore=["Unnamed: 0"]',)
    assert not np.isnan(list(finding.figures.values())).any()
