"""The environment that the record of a run describes."""

import subprocess

import pytest

from dnn_cli.training import environment
from dnn_cli.training.environment import read_git_state
from dnn_cli.training.resume_checks import list_version_changes

USER = ("-c", "user.name=user", "-c", "user.email=user@example.com")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Repository without commits, as the working directory."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commit_file(path):
    subprocess.run(["git", "add", path], check=True)
    subprocess.run(["git", *USER, "commit", "-q", "-m", "add a file"], check=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_git_state_is_the_commit_and_whether_files_are_modified(repository):
    assert read_git_state() is None, "there is no commit"
    (repository / "code.py").write_text("first")
    commit = commit_file(repository / "code.py")
    (repository / "untracked.py").write_text("other")
    assert read_git_state() == {"commit": commit, "dirty": False}
    (repository / "code.py").write_text("second")
    assert read_git_state() == {"commit": commit, "dirty": True}


def test_git_state_outside_of_a_repository_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_git_state() is None


def test_only_other_versions_of_keras_and_tensorflow_are_changes(make_run):
    versions = environment.read_versions()
    record = make_run(versions={**versions, "keras": "3.0.0", "numpy": "1.0.0"}).read_record()
    assert list_version_changes(record) == [f"keras: 3.0.0 → {versions['keras']}"]
    assert list_version_changes(record.model_copy(update={"versions": versions})) == []


def test_variables_that_change_results_are_recorded(monkeypatch):
    variables = {
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
        "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    }
    for name, value in {**variables, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_ONEDNN_UNUSED": ""}.items():
        monkeypatch.setenv(name, value)
    recorded = environment.list_environment_variables()
    assert variables.items() <= recorded.items()
    assert not {"TF_CPP_MIN_LOG_LEVEL", "TF_ONEDNN_UNUSED"} & recorded.keys()
