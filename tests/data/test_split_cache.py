from dataclasses import replace

import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.data import split_cache
from dnn_cli.data.examples import Examples, split_examples
from dnn_cli.data.split_cache import load_split
from dnn_cli.errors import UserDataError

DATA = Data(dataset="digits", validation_size=0.2, reporting_half=True)
EXAMPLES = Examples(np.zeros((1797, 8, 8), np.uint8), np.arange(1797, dtype=np.int32) % 10)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The directory of the cache, and the number of computed splits."""
    computed = []
    monkeypatch.setattr(split_cache, "get_cache_path", lambda *parts: tmp_path.joinpath(*parts))
    monkeypatch.setattr(split_cache, "split_examples", lambda *words: computed.append(words) or split_examples(*words))
    return tmp_path / "splits", computed


def test_second_load_reads_the_cache(cache):
    directory, computed = cache
    first, second = load_split(DATA, EXAMPLES), load_split(DATA, EXAMPLES)
    assert first.compute_fingerprint() == second.compute_fingerprint()
    assert (len(computed), len(list(directory.iterdir()))) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "other_targets"),
    [({"split_seed": 7}, False), ({"stratify": True}, False), ({"validation_size": 0.3}, False), ({}, True),
     ({"reporting_half": False}, False), ({"folds": 3, "fold": 2}, False), ({"test_size": 0.1}, False)],
)  # fmt: skip
def test_other_split_is_computed(cache, changes, other_targets):
    examples = replace(EXAMPLES, targets=EXAMPLES.targets[::-1].copy()) if other_targets else EXAMPLES
    load_split(DATA, EXAMPLES)
    data = DATA.model_copy(update=changes)
    assert load_split(data, examples).compute_fingerprint() == split_examples(data, examples).compute_fingerprint()
    assert len(cache[1]) == 2


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-200],
                                    lambda content: content.replace(b"\x01\x00\x00\x00", b"\x02\x00\x00\x00"),
                                    lambda content: b"no archive"])  # fmt: skip
def test_damaged_file_is_replaced(cache, damage):
    directory, computed = cache
    expected = load_split(DATA, EXAMPLES).compute_fingerprint()
    (file,) = directory.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert load_split(DATA, EXAMPLES).compute_fingerprint() == expected
    assert load_split(DATA, EXAMPLES).compute_fingerprint() == expected
    assert len(computed) == 2


def test_unusable_cache_changes_nothing(cache):
    directory, computed = cache
    directory.write_text("a file instead of a directory")
    assert len(load_split(DATA, EXAMPLES).train) == 1437
    assert len(load_split(DATA, EXAMPLES).train) == 1437
    assert len(computed) == 2


def test_invalid_split_is_not_stored(cache):
    with pytest.raises(UserDataError):
        load_split(DATA.model_copy(update={"folds": 1000, "stratify": True}), EXAMPLES)
    assert not cache[0].exists()


def test_unused_files_are_removed(cache, monkeypatch):
    monkeypatch.setattr(split_cache, "MAX_CACHE_FILES", 2)
    for seed in range(4):
        load_split(DATA.model_copy(update={"split_seed": seed}), EXAMPLES)
    assert len(list(cache[0].iterdir())) == 2
