"""What a process keeps between trainings, and what it lets go."""

import gc

import numpy as np
import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.execution import preparation
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.training.tensorflow_startup import import_tensorflow

TABLE = ["layers=[{type: Dense, units: 3, activation: softmax}]"]


def test_examples_are_loaded_once(experiment):
    session = ProcessCache()
    examples, split = session.load_examples(experiment().data)
    again, same = session.load_examples(experiment("seed=7").data)
    assert (again is examples, same is split) == (True, True)


def test_alternating_data_sections_are_loaded_once(experiment):
    session = ProcessCache()
    sections = [experiment(*overrides).data for overrides in ([], ["data.dataset=iris", *TABLE], ["data.split_seed=7"])]
    first = [session.load_examples(data) for data in sections]
    again = [session.load_examples(data) for data in sections]
    assert all(old is new for old_parts, new_parts in zip(first, again, strict=True)
               for old, new in zip(old_parts, new_parts, strict=True))  # fmt: skip
    (examples, split), (other_examples, _), (shared_examples, other_split) = first
    assert shared_examples is examples, "another split has the same examples"
    assert other_examples is not examples
    assert not np.array_equal(split.validation, other_split.validation)


def test_examples_beyond_the_memory_limit_are_removed(experiment, monkeypatch):
    session = ProcessCache()
    examples, _ = session.load_examples(experiment().data)
    monkeypatch.setattr(preparation, "get_usable_memory", lambda: 16 * examples.inputs.nbytes)
    session.load_examples(experiment("data.split_seed=7").data)
    assert len(session.loaded) == 2, "another split needs no memory"
    session.load_examples(experiment("data.dataset=iris", *TABLE).data)
    assert [loaded.data.dataset for loaded in session.loaded] == ["iris"]
    monkeypatch.setattr(preparation, "get_usable_memory", lambda: 1 << 40)
    monkeypatch.setattr(preparation, "_MAX_DATA_SECTIONS", 2)
    for seed in (1, 2):
        session.load_examples(experiment(f"data.split_seed={seed}").data)
    assert [loaded.data.split_seed for loaded in session.loaded] == [1, 2]


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
