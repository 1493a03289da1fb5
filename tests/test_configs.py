"""The configs that come with `dnn`: valid, explained, and trainable without a network."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from dnn_cli.cli.options import load_configs, split_configs_and_overrides
from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.config.sweep_reader import read_sweep
from dnn_cli.execution.sweep_plan import plan_sweep
from dnn_cli.runs.store import Store
from dnn_cli.training.model_builder import build_model
from tests.helpers.settings import ROOT
from tests.helpers.training_runs import train_in_store

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
TEXTBOOK = sorted((ROOT / "configs" / "textbook").glob("*.yaml"))
SPEEDRUNS = sorted((ROOT / "configs" / "speedruns").glob("*.yaml"))
SWEEPS = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))
EMBEDDED = [name for name, dataset in DATASETS.items() if isinstance(dataset, EmbeddedDataset)]


def find_digits_overrides(path):
    """Return the overrides that train a config on digits: those of the command in its header, if there is one."""
    more = re.findall(r"data.dataset=digits (\S+)", path.read_text(encoding="utf-8"))
    return ["data.dataset=digits", "data.validation_size=0.2", *more]


@pytest.mark.parametrize("path", [*CONFIGS, *TEXTBOOK, *SPEEDRUNS], ids=lambda path: path.stem)
def test_config_header_has_schema_command_and_scores(path: Path):
    schema = "schema.json" if path in CONFIGS else "../schema.json"
    assert path.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={schema}\n")
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert f"dnn train {path.relative_to(ROOT)}" in "\n".join(header)
    scores = " over 8 seeds, p " if path in SPEEDRUNS else ", test "
    assert any(re.search(rf"Measured: validation .* after \d+ epochs{scores}", line) for line in header)


@pytest.mark.parametrize("path", SPEEDRUNS, ids=lambda path: path.stem)
def test_speedrun_reaches_the_accuracy_of_its_name(path: Path):
    measured = re.search(r"Measured: validation accuracy ([\d.]+) ± [\d.]+ after ", path.read_text(encoding="utf-8"))
    assert float(measured[1]) >= int(path.stem.removeprefix("accuracy_")) / 100


@pytest.mark.parametrize("path", [*CONFIGS, *TEXTBOOK, *SPEEDRUNS], ids=lambda path: path.stem)
def test_training_commands_of_the_header_are_valid(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    for words in re.findall(r"^# +dnn train ([^&\n]*)", path.read_text(encoding="utf-8"), re.MULTILINE):
        configs, overrides = split_configs_and_overrides(shlex.split(words, comments=True))
        assert load_configs(configs, overrides)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds_offline(path: Path):
    is_embedded = load_experiment(str(path)).experiment.data.dataset in EMBEDDED
    digits = [] if is_embedded else find_digits_overrides(path)
    experiment = load_experiment(str(path), digits).experiment
    assert build_model(experiment).count_params() == summarize_network(experiment).total


@pytest.mark.parametrize("path", [*TEXTBOOK, *SPEEDRUNS], ids=lambda path: path.stem)
def test_textbook_or_speedrun_config_trains_on_digits(path, tmp_path):
    # Without XLA, the short training needs no compilation.
    overrides = [*find_digits_overrides(path), "epochs=1", "jit=false"]
    experiment = load_experiment(str(path), overrides).experiment
    _, record, reporter = train_in_store(Store(tmp_path), experiment)
    assert record.status == "completed"
    assert np.isfinite(reporter.epochs[0]["val_loss"])


def test_only_deep_sigmoid_has_advice():
    advised = [path.stem for path in [*CONFIGS, *TEXTBOOK] if load_experiment(str(path)).advice]
    assert advised == ["deep_sigmoid"]


def test_textbook_configs_match_textbook():
    experiments = {path.stem: load_experiment(str(path)).experiment for path in CONFIGS}
    for name in experiments.keys() - {"best_dense", "breast_cancer", "cnn_100k", "cnn_500k", "diabetes"}:
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
