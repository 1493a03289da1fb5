"""What a process keeps between trainings, and what it lets go."""

import gc

import pytest

from dnn_cli.errors import OwnDataError
from dnn_cli.execute.session import Session
from dnn_cli.training.start import import_tensorflow


def test_examples_are_loaded_once_as_long_as_no_others_are_wanted(experiment):
    session = Session()
    examples, split = session.examples(experiment().data)
    again, same = session.examples(experiment("seed=7").data)
    assert (again is examples, same is split) == (True, True)
    other, _ = session.examples(experiment("data.split_seed=7").data)
    assert other is not examples


def test_examples_that_are_not_to_be_had_are_asked_for_again(experiment, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "1,x\n2,z\n" * 20)
    data = experiment(
        f"data={{dataset: csv, path: {path}}}", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
        "loss=binary_crossentropy",
    ).data  # fmt: skip
    path.rename(tmp_path / "elsewhere.csv")
    session = Session()
    with pytest.raises(OwnDataError):
        session.examples(data)
    (tmp_path / "elsewhere.csv").rename(path)
    assert len(session.examples(data)[0]) == 40


def test_tensorflow_that_is_there_is_not_started_again():
    before = gc.get_freeze_count()
    import_tensorflow()
    assert gc.get_freeze_count() == before, "what is frozen is never collected, and a worker would grow with each run"
