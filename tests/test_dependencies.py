"""Dependencies in pyproject.toml agree with the imports of the program and with the extras that it names."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from dnn_cli.doctor.program import list_extras
from dnn_cli.export.export_formats import EXPORT_FORMATS
from tests.helpers.settings import ROOT

DEVELOPMENT_EXTRAS = {"test", "lint"}

DEPENDENCIES_OF_DEPENDENCIES = {"click", "pydantic-core"}
"""Packages that typer and pydantic require, and whose objects appear in their interfaces."""


@pytest.fixture(scope="module")
def project():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 cannot read pyproject.toml")
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def imported_packages():
    """The installed packages that modules of the program import, by their names in pyproject.toml."""
    modules = set()
    for path in (ROOT / "dnn_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    packages = packages_distributions()
    names = {name for module in modules - sys.stdlib_module_names for name in packages.get(module, ())}
    return {normalize(name) for name in names} - {"dnn-cli"}


def normalize(requirement):
    """The name of a requirement, as PyPI normalises it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def test_every_dependency_is_imported(project, imported_packages):
    assert {normalize(requirement) for requirement in project["dependencies"]} - imported_packages == set()


def test_every_imported_package_is_a_dependency(project, imported_packages):
    declared = [*DEPENDENCIES_OF_DEPENDENCIES, *project["dependencies"]]
    for name, requirements in project["optional-dependencies"].items():
        declared += requirements if name not in DEVELOPMENT_EXTRAS else []
    assert imported_packages - {normalize(requirement) for requirement in declared} == set()


def test_doctor_reports_every_extra(project):
    assert set(list_extras()) == set(project["optional-dependencies"]) - DEVELOPMENT_EXTRAS


def test_formats_with_modules_have_an_extra(project):
    for export_format in EXPORT_FORMATS.values():
        assert (export_format.extra is None) == (export_format.modules == ()), export_format.name


def test_gpu_extra_has_the_versions_of_the_dependency(project):
    (dependency,) = [text for text in project["dependencies"] if normalize(text) == "tensorflow"]
    assert project["optional-dependencies"]["gpu"] == [dependency.replace("tensorflow", "tensorflow[and-cuda]")]
