"""Kept programs are taken only as they were kept, and never needed."""

import os
import time
from pathlib import Path

import pytest

from dnn_cli.training import programs


@pytest.fixture
def places(tmp_path):
    working = tmp_path / "working"
    working.mkdir()
    return tmp_path / "kept" / "network", working


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_loaded_and_leaves_the_working_directory(places):
    folder, working = places
    (working / "program.pb").write_bytes(b"code")
    programs.save(folder, working)
    assert names(working) == []
    programs.load(folder, working)
    assert (working / "program.pb").read_bytes() == b"code"
    programs.save(folder, working)
    assert len(names(folder)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1], id="cut"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:5] + b"?" + content[6:], id="another byte"),
    ],
)
def test_what_is_damaged_is_removed_and_not_loaded(places, damage):
    folder, working = places
    (working / "program.pb").write_bytes(b"some machine code")
    programs.save(folder, working)
    (kept,) = folder.iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    programs.load(folder, working)
    assert names(working) == names(folder) == []


def test_only_so_many_networks_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "MAX_NETWORKS", 2)
    for age in range(4):
        (tmp_path / f"network{age}").mkdir()
        os.utime(tmp_path / f"network{age}", (time.time() - age, time.time() - age))
    programs.forget_old(tmp_path)
    assert names(tmp_path) == ["network0", "network1"]


def test_a_network_is_known_by_what_is_compiled(experiment):
    key = programs.network_key(experiment())
    same = ["seed=7", "epochs=9", "name=x", "optimizer.learning_rate=0.5", "early_stopping={patience: 2}"]
    other = ["layers.hidden.units=17", "batch_size=64", "optimizer=sgd", "optimizer.beta_1=0.8", "data.split_seed=7"]
    other.append("optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}")
    assert {programs.network_key(experiment(one)) for one in same} == {key}
    assert key not in [programs.network_key(experiment(one)) for one in other]


def scores(tmp_path):
    runs = sorted((tmp_path / "runs").iterdir(), key=lambda run: run.stat().st_mtime)
    rows = (runs[-1] / "metrics.csv").read_text().splitlines()
    return [row.rpartition(",")[0] for row in rows]


def test_a_damaged_or_unwritable_cache_costs_only_time(dnn, config, tmp_path):
    cache = tmp_path / "cache"
    words = ["train", config()]

    def train(place):
        done = dnn(*words, XDG_CACHE_HOME=str(place))
        assert done.returncode == 0, done.stderr
        return scores(tmp_path)

    expected = train(cache)
    assert train(cache) == expected  # on a busy machine TensorFlow may write its last program too late for the first
    kept = list((cache / "dnn" / "xla").rglob("*.pb"))
    assert len(kept) >= 2
    assert train(cache) == expected
    assert sorted((cache / "dnn" / "xla").rglob("*.pb")) == sorted(kept), "found again, not compiled again"
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert train(cache) == expected
    (tmp_path / "file").write_text("in the way")
    assert train(tmp_path / "file") == expected


def test_a_user_s_own_place_is_left_alone(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/somewhere")
    programs.working_directory.cache_clear()
    try:
        assert programs.working_directory() is None
        assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_persistent_cache_directory=/somewhere"
    finally:
        programs.working_directory.cache_clear()


def test_a_place_of_a_parent_process_is_not_shared(monkeypatch):
    flag = "--tf_xla_persistent_cache_directory"
    monkeypatch.setenv("TF_XLA_FLAGS", f"--tf_xla_auto_jit=0 {flag}=/tmp/dnn-xla-parent")
    programs.working_directory.cache_clear()
    try:
        own = programs.working_directory()
        assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_auto_jit=0 {flag}={own}"
    finally:
        programs.working_directory.cache_clear()


def test_nothing_is_left_behind(program, config, tmp_path):
    place = tmp_path / "tmp"
    place.mkdir()
    program("train", config(), "epochs=1", TMPDIR=str(place))
    assert [path for path in Path(place).iterdir() if path.name.startswith("dnn-")] == []


def test_what_killed_processes_have_left_is_removed_after_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(programs.tempfile, "tempdir", str(tmp_path))
    dead, alive = 4_194_305, os.getpid()  # more than any process's number can be
    for name, age in ((f"x-{dead}-old", 2), (f"x-{dead}-young", 0.5), (f"x-{alive}-old", 2), ("x-other", 2)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age * 86_400,) * 2)
    with programs.temporary_directory("x-") as made:
        assert f"x-{alive}-" in made
        assert not (tmp_path / f"x-{dead}-old").exists()
        assert len(list(tmp_path.iterdir())) == 4
