"""Requests of `dnn train`: the folds of a cross-validation."""

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
from dnn_cli.config.sweeps import compute_sweep_id
from dnn_cli.errors import UsageError
from dnn_cli.execution.resumable_runs import find_run_to_resume
from dnn_cli.execution.train_requests import format_training_label, list_fold_trainings
from dnn_cli.runs.store import Store


def test_each_fold_is_trained_once_in_the_sweep_of_dnn_sweep(config):
    loaded = load_experiment(config(), ["data.folds=3"])
    trainings = list_fold_trainings([loaded], 2, is_requested=True)
    labels = [format_training_label(item.experiment) for item, _ in trainings]
    assert labels == [f"digits fold {fold} of 3" for fold in (1, 2, 3)] * 2
    (sweep_id,) = {membership.id for _, (membership,) in trainings}
    assert sweep_id == compute_sweep_id(read_sweep(config(), [], SweepOptions(folds=3, repetitions=2)))
    assert trainings[4][1][0].settings == {"data.split_seed": "43", "data.fold": "2"}


def test_an_interrupted_cross_validation_continues(config, make_run, tmp_path):
    finished = make_run("data.folds=3", "data.fold=1", digits="00000001")
    stopped = make_run("data.folds=3", "data.fold=2", digits="00000002", status="interrupted")
    store = Store(tmp_path / "runs")
    resumed = []
    for fold in (1, 2, 3):
        loaded = load_experiment(config(), ["data.folds=3", f"data.fold={fold}"])
        resumed.append(find_run_to_resume(loaded, store, force=fold == 3))
    assert resumed == [finished, stopped, None]
    # Another change of an unfinished fold is refused as before.
    with pytest.raises(UsageError, match="its config differs"):
        changed = load_experiment(config(), ["data.folds=3", "data.fold=2", "optimizer=sgd"])
        find_run_to_resume(changed, store, force=False)


def test_one_fold_is_one_training(config):
    loaded = load_experiment(config(), ["data.folds=3", "data.fold=2"])
    assert list_fold_trainings([loaded], None, is_requested=False) == [(loaded, ())]
    with pytest.raises(UsageError, match=r"data\.fold is 2"):
        list_fold_trainings([loaded], None, is_requested=True)
    with pytest.raises(UsageError, match="--repeats needs all folds"):
        list_fold_trainings([loaded], 2, is_requested=False)
