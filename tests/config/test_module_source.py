"""Source files of modules are found without an import."""

import sys

import pytest

from dnn_cli.config.module_source import find_module_source
from dnn_cli.errors import UsageError


@pytest.fixture
def import_path(tmp_path, monkeypatch):
    """A directory of Python's import path."""
    path = tmp_path / "installed"
    path.mkdir()
    monkeypatch.setattr(sys, "path", [str(path), *sys.path])
    return path


def test_own_directory_precedes_the_import_path(tmp_path, import_path):
    own = tmp_path / "own"
    own.mkdir()
    (import_path / "layers.py").write_text("1")
    assert find_module_source("layers", str(own)).content == b"1"
    (own / "layers.py").write_text("2")
    assert find_module_source("layers", str(own)).content == b"2"


def test_modules_of_packages_are_found(tmp_path):
    (tmp_path / "project" / "deep").mkdir(parents=True)
    (tmp_path / "project" / "__init__.py").write_text("raise SystemExit")
    (tmp_path / "project" / "deep" / "layers.py").write_text("raise SystemExit")
    source = find_module_source("project.deep.layers", str(tmp_path))
    assert (source.path.name, source.is_package) == ("layers.py", False)
    assert find_module_source("project", str(tmp_path)).is_package
    assert "project" not in sys.modules


@pytest.mark.parametrize("name", ["absent", "directory", "sys", "directory.absent"])
def test_module_without_a_source_file_is_refused(tmp_path, name):
    (tmp_path / "directory").mkdir()
    with pytest.raises(UsageError, match=f"the module {name} does not exist"):
        find_module_source(name, str(tmp_path))
