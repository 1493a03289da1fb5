"""Old entries of a cache."""

import os

from dnn_cli.host.cache_files import list_old_paths


def test_paths_beyond_the_limit_are_those_changed_first(tmp_path):
    for name, seconds in (("b", 20), ("c", 30), ("a", 10)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    assert [path.name for path in list_old_paths(tmp_path.iterdir(), 1)] == ["b", "a"]
    assert list_old_paths(tmp_path.iterdir(), 3) == []
