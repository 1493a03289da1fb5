"""Kept programs are taken only as they were kept, and never needed."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorflow.python.framework import ops

from dnn_cli.training import xla_cache
from tests.helpers.settings import ROOT, RUN_ALL_CASES


@pytest.fixture
def places(tmp_path):
    working = tmp_path / "working"
    working.mkdir()
    return tmp_path / "kept" / "network", working


def list_names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_saved_programs_are_moved_and_loaded_again(places):
    network_directory, working = places
    (working / "program.pb").write_bytes(b"code")
    xla_cache.save_programs(network_directory, working)
    assert list_names(working) == []
    xla_cache.load_programs(network_directory, working)
    assert (working / "program.pb").read_bytes() == b"code"
    xla_cache.save_programs(network_directory, working)
    assert len(list_names(network_directory)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1], id="cut"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:5] + b"?" + content[6:], id="another byte"),
    ],
)
def test_damaged_programs_are_removed_and_not_loaded(places, damage):
    network_directory, working = places
    (working / "program.pb").write_bytes(b"some machine code")
    xla_cache.save_programs(network_directory, working)
    (saved_file,) = network_directory.iterdir()
    saved_file.write_bytes(damage(saved_file.read_bytes()))
    xla_cache.load_programs(network_directory, working)
    assert list_names(working) == list_names(network_directory) == []


def test_oldest_programs_of_a_network_are_removed(places, monkeypatch):
    monkeypatch.setattr(xla_cache, "MAX_PROGRAMS", 2)
    network_directory, working = places
    for number in range(3):
        (working / f"program{number}.pb").write_bytes(b"%d" % number)
        xla_cache.save_programs(network_directory, working)
        for path in network_directory.iterdir():
            os.utime(path, (path.stat().st_mtime - 1, path.stat().st_mtime - 1))
    assert sorted(path.read_bytes() for path in network_directory.iterdir()) == [b"1", b"2"]


def test_oldest_networks_are_evicted(tmp_path, monkeypatch):
    monkeypatch.setattr(xla_cache, "MAX_NETWORKS", 2)
    for age in range(4):
        (tmp_path / f"network{age}").mkdir()
        os.utime(tmp_path / f"network{age}", (time.time() - age, time.time() - age))
    xla_cache.evict_old_networks(tmp_path)
    assert list_names(tmp_path) == ["network0", "network1"]


def test_network_digest_covers_only_compiled_settings(experiment):
    key = xla_cache.compute_network_digest(experiment())
    same = ["seed=7", "epochs=9", "name=x", "optimizer.learning_rate=0.5", "early_stopping={patience: 2}"]
    same.append("data.split_seed=7")
    other = ["layers.hidden.units=17", "batch_size=64", "optimizer=sgd", "optimizer.beta_1=0.8", "data.test_size=0.1"]
    other.append("optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}")
    assert {xla_cache.compute_network_digest(experiment(override)) for override in same} == {key}
    assert key not in [xla_cache.compute_network_digest(experiment(override)) for override in other]


TINY_YAML = """\
data: {dataset: iris, validation_size: 0}
model: {layers: [{type: Dense, units: 3, activation: softmax}]}
optimizer: sgd
epochs: 1
batch_size: 150
engine: keras
jit: true
diagnostics: false
"""
"""A training with one program, so that XLA compiles little."""


def read_scores(tmp_path):
    runs = sorted((tmp_path / "runs").iterdir(), key=lambda run: run.stat().st_mtime)
    rows = (runs[-1] / "metrics.csv").read_text().splitlines()
    return [row.rpartition(",")[0] for row in rows]


def test_a_damaged_cache_costs_only_time(dnn, config, tmp_path):
    def train():
        done = dnn("train", config(TINY_YAML), "-v", XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        return read_scores(tmp_path), int(re.search(r"XLA cache \w+: (\d+) programs loaded", done.stderr)[1])

    def list_programs():
        return sorted((tmp_path / "cache" / "dnn" / "xla").rglob("*.pb"))

    expected, loaded_count = train()
    assert loaded_count == 0
    programs = list_programs()
    assert programs
    damaged_program = programs[0].with_name(f"{programs[0].stem}-damaged.pb")
    damaged_program.write_bytes(programs[0].read_bytes()[: programs[0].stat().st_size // 2])
    assert train() == (expected, len(programs))
    assert not damaged_program.exists()
    # On a busy machine TensorFlow may write its last program too late for the first training.
    assert len(list_programs()) - len(programs) <= 1, "found again, not compiled again"


def test_numbers_in_program_names_depend_on_the_network_alone(monkeypatch):
    monkeypatch.setattr(ops, "uid", ops.uid)
    numbers = []
    for networks in ("ab", "ba"):
        monkeypatch.setattr(xla_cache, "_NAME_COUNTERS", {})
        for network in networks:
            xla_cache.number_program_names(network * 32)
            numbers.append((network, [ops.uid() for _ in range(3)]))
    assert sorted(numbers[:2]) == sorted(numbers[2:])
    assert len({number for _, network_numbers in numbers[:2] for number in network_numbers}) == 6
    xla_cache.number_program_names("b" * 32)
    assert ops.uid() not in {number for _, network_numbers in numbers for number in network_numbers}


@pytest.mark.skipif(not RUN_ALL_CASES, reason="DNN_TEST_EVERYTHING=1 tries whole sweeps")
def test_programs_are_found_after_other_networks(program, config, tmp_path):
    programs = []
    for optimizers in ("sgd,adam", "adam,sgd"):
        done = program(
            "sweep", config(TINY_YAML), f"optimizer={optimizers}", "-j", "1", "--force",
            XDG_CACHE_HOME=str(tmp_path / "cache"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        programs.append(sorted((tmp_path / "cache" / "dnn" / "xla").rglob("*.pb")))
    assert len(programs[0]) >= 2
    assert programs[0] == programs[1], "nothing was compiled again"


def test_an_unwritable_cache_is_ignored(experiment, places, monkeypatch, tmp_path):
    _, working = places
    (working / "program.pb").write_bytes(b"code")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(xla_cache, "_get_xla_cache_directory", lambda: tmp_path / "file" / "xla")
    monkeypatch.setattr(xla_cache, "set_up_working_directory", lambda: working)
    with xla_cache.use_cached_programs(experiment()):
        pass
    assert list_names(working) == ["program.pb"]


def test_cache_directory_set_by_user_is_left_alone(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/somewhere")
    xla_cache.set_up_working_directory.cache_clear()
    try:
        assert xla_cache.set_up_working_directory() is None
        assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_persistent_cache_directory=/somewhere"
    finally:
        xla_cache.set_up_working_directory.cache_clear()


def test_cache_directory_of_parent_process_is_not_shared(monkeypatch):
    flag = "--tf_xla_persistent_cache_directory"
    monkeypatch.setenv("TF_XLA_FLAGS", f"--tf_xla_auto_jit=0 {flag}=/tmp/dnn-xla-parent")
    xla_cache.set_up_working_directory.cache_clear()
    try:
        own = xla_cache.set_up_working_directory()
        assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_auto_jit=0 {flag}={own}"
    finally:
        xla_cache.set_up_working_directory.cache_clear()


def test_working_directory_is_removed_when_the_process_ends(tmp_path):
    lines = "from dnn_cli.training import xla_cache; print(xla_cache.set_up_working_directory())"
    environment = {**os.environ, "TF_XLA_FLAGS": "", "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True, timeout=60)
    assert Path(done.stdout.strip()).parent == tmp_path, done.stderr
    assert list_names(tmp_path) == []


@pytest.mark.skipif(not RUN_ALL_CASES, reason="DNN_TEST_EVERYTHING=1 tries a whole training")
def test_no_temporary_directories_remain(program, config, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = program("train", config(TINY_YAML), "jit=false", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert [path for path in Path(temporary).iterdir() if path.name.startswith("dnn-")] == []


def test_directories_of_killed_processes_are_removed_after_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(xla_cache.tempfile, "tempdir", str(tmp_path))
    dead, alive = 4_194_305, os.getpid()  # more than any process's number can be
    for name, age in ((f"x-{dead}-old", 2), (f"x-{dead}-young", 0.5), (f"x-{alive}-old", 2), ("x-other", 2)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age * 86_400,) * 2)
    with xla_cache.create_process_directory("x-") as created:
        assert f"x-{alive}-" in created
        assert not (tmp_path / f"x-{dead}-old").exists()
        assert len(list(tmp_path.iterdir())) == 4
