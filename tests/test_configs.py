"""The configs that come with `dnn`: valid, explained, and trainable without a network."""

import re
from pathlib import Path

import pytest

from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.config.sweep_config import read_sweep
from dnn_cli.execution.sweep_plan import plan_sweep
from dnn_cli.training.model_builder import build_model
from tests.helpers.settings import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
SWEEPS = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))
EMBEDDED = [name for name, dataset in DATASETS.items() if isinstance(dataset, EmbeddedDataset)]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_header_has_command_and_scores(path: Path):
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert f"configs/{path.name}" in "\n".join(header)
    assert any(re.search(r"Measured: validation .* after \d+ epochs, test ", line) for line in header)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds_offline(path: Path):
    shape = re.findall(r"data.dataset=digits (\S+)", path.read_text(encoding="utf-8"))  # where a config needs more
    digits = [] if load_experiment(str(path)).experiment.data.dataset in EMBEDDED else ["data.dataset=digits", *shape]
    experiment = load_experiment(str(path), digits).experiment
    assert build_model(experiment).count_params() == summarize_network(experiment).total


def test_only_deep_sigmoid_has_advice():
    advised = [path.stem for path in CONFIGS if load_experiment(str(path)).advice]
    assert advised == ["deep_sigmoid"]


def test_textbook_configs_match_textbook():
    experiments = {path.stem: load_experiment(str(path)).experiment for path in CONFIGS}
    for name in experiments.keys() - {"best_dense", "breast_cancer", "diabetes"}:
        assert (experiments[name].epochs, experiments[name].batch_size) == (5, 32)
    optimizers = {name: experiments[name].optimizer for name in experiments}
    assert (optimizers["sigmoid_rmsprop"].type, experiments["sigmoid_rmsprop"].data.flatten) == ("rmsprop", True)
    assert (optimizers["relu_sgd"].type, optimizers["relu_sgd"].learning_rate) == ("sgd", 0.01)
    assert optimizers["relu_sgd_lr01"].learning_rate == 0.1
    assert (optimizers["relu_nesterov"].momentum, optimizers["relu_nesterov"].nesterov) == (0.9, True)
    assert optimizers["relu_adagrad"].initial_accumulator_value == 0.1
    assert (optimizers["relu_adam"].beta_1, optimizers["relu_adam"].beta_2) == (0.9, 0.999)
    assert experiments["named"].model.name == "패션 MNIST 모델"
    assert summarize_network(experiments["relu_adam"]).total == 79_510


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sweep_file_matches_command_in_header(path):
    text = path.read_text(encoding="utf-8")
    (words,) = re.findall(r"^#   dnn sweep (configs/\w+\.yaml .*)$", text, re.MULTILINE)
    base, *words = words.split()
    typed, written = plan_sweep(read_sweep(str(ROOT / base), words)), plan_sweep(read_sweep(str(path), []))
    assert [planned_run.outcome_digest for planned_run in typed] == [
        planned_run.outcome_digest for planned_run in written
    ]
    assert f"the {len(written)} runs" in text
