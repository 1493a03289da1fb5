"""What a process keeps between trainings, and what it lets go."""

import gc

import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.training.tensorflow_startup import import_tensorflow


def test_examples_are_loaded_once(experiment):
    session = ProcessCache()
    examples, split = session.load_examples(experiment().data)
    again, same = session.load_examples(experiment("seed=7").data)
    assert (again is examples, same is split) == (True, True)
    other, _ = session.load_examples(experiment("data.split_seed=7").data)
    assert other is not examples


def test_failed_load_is_retried(experiment, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "1,x\n2,z\n" * 20)
    data = experiment(
        f"data={{dataset: csv, path: {path}}}", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
        "loss=binary_crossentropy",
    ).data  # fmt: skip
    path.rename(tmp_path / "elsewhere.csv")
    session = ProcessCache()
    with pytest.raises(UserDataError):
        session.load_examples(data)
    (tmp_path / "elsewhere.csv").rename(path)
    assert len(session.load_examples(data)[0]) == 40


def test_imported_tensorflow_is_not_frozen_again():
    import_tensorflow()
    before = gc.get_freeze_count()
    import_tensorflow()
    assert gc.get_freeze_count() == before, "what is frozen is never collected, and a worker would grow with each run"
