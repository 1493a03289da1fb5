"""A cross-validation from training to evaluation, with real trainings."""

import json

import numpy as np
import pytest
from sklearn.model_selection import KFold

from dnn_cli.cli.commands.train import train
from dnn_cli.execution import train_requests
from dnn_cli.training.stop_request import SIGNAL_REASON, Interrupted
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import QUICK_YAML
from tests.helpers.settings import RUN_ALL_CASES


@pytest.mark.skipif(not RUN_ALL_CASES, reason="trains for several seconds; DNN_TEST_EVERYTHING=1 runs it")
def test_folds_are_trained_resumed_and_evaluated(dnn, config, tmp_path):
    text = QUICK_YAML.replace("dataset: digits", "dataset: wine, standardize: true")
    config(text.replace("    - Flatten\n", "").replace("units: 10", "units: 3").replace("479", "89"))
    done = dnn("train", "digits.yaml", "--folds", "2", "epochs=1")
    assert done.returncode == 0, done.stderr
    assert "fold 2 of 2, 89 examples for training, 89 for validation" in done.stderr
    assert "digits: 2 folds, 2 runs" in done.stdout
    address = done.stdout.rsplit("dnn evaluate ", 1)[1].strip()

    # The same split as scikit-learn's, and each example in one validation set.
    expected = [validation for _, validation in KFold(2, shuffle=True, random_state=42).split(np.zeros(178))]
    stored = [np.load(path)["indices"] for path in sorted((tmp_path / "runs").glob("*/predictions.npz"))]
    assert sorted(map(tuple, stored)) == sorted(map(tuple, expected))

    (document,) = parse_json_output(dnn("evaluate", address, "--json"))["cross_validations"]
    assert (document["folds"], document["missing"], document["examples"]) == (2, None, 178)
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/run.json")]
    scores = [record["results"]["last"]["val_accuracy"] for record in records]
    assert abs(document["scores"]["val_accuracy"]["mean"] - np.mean(scores)) < 1e-6
    assert abs(document["report"]["accuracy"] - np.mean(scores)) < 1e-6

    resumed = dnn("train", "digits.yaml", "--folds", "2", "epochs=1", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert len(list((tmp_path / "runs").glob("*/run.json"))) == 2
    sweep = dnn("sweep", "digits.yaml", "--folds", "2", "epochs=1", "--dry-run")
    assert "0 runs to train" in sweep.stdout


def test_an_interrupted_cross_validation_names_the_command_for_all_folds(config, tmp_path, monkeypatch, capfd):
    def interrupt(*_, **__):
        raise Interrupted(SIGNAL_REASON)
        yield

    config(QUICK_YAML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_requests, "train_sequentially", interrupt)
    with pytest.raises(SystemExit):
        train(["digits.yaml"], folds=3, jobs=1, lanes="off", runs_dir=tmp_path / "runs")
    assert "3 unfinished runs; the same command with --resume continues the training" in capfd.readouterr().err
