"""Tests import shared code only from `tests/helpers`, and every script can be started by its name."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from tests.helpers.script_runner import read_docstrings, run_script
from tests.helpers.settings import ROOT

TESTS = ROOT / "tests"
README = (TESTS / "README.md").read_text(encoding="utf-8")
SCRIPTS = [
    (f"tests.{directory}", name)
    for directory in ("stress", "benchmarks")
    for name in read_docstrings(TESTS / directory)
]


def list_imported_modules(path):
    """List the modules of `tests` that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tests":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "tests")


def test_no_file_imports_tests_or_conftests():
    violations = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in TESTS.rglob("*.py")
        for module in list_imported_modules(path)
        if re.search(r"\.(test_\w+|conftest)\b", module)
    ]
    assert violations == []


def test_tests_and_helpers_import_no_scripts():
    violations = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in TESTS.rglob("*.py")
        if path.name.startswith(("test_", "conftest")) or path.parent.name == "helpers"
        for module in list_imported_modules(path)
        if module.startswith(("tests.stress", "tests.benchmarks"))
    ]
    assert violations == []


def test_only_test_directories_have_tests_and_only_script_directories_have_scripts():
    """A file that is not a test would be overlooked between tests."""
    named = {"__init__.py", "conftest.py"}
    scripts = {"stress", "benchmarks", "docs", "helpers", "explain_cases"}
    wrong_files = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if (path.relative_to(TESTS).parts[0] in scripts) == path.name.startswith("test_") and path.name not in named
    ]
    assert wrong_files == []


@pytest.mark.parametrize(("package", "name"), SCRIPTS)
def test_script_starts_and_has_help(package, name, capsys):
    directory = Path(importlib.import_module(package).__file__).parent
    with pytest.raises(SystemExit) as stopped:
        run_script(package, directory, [name, "--help"])
    assert stopped.value.code == 0
    help_text = capsys.readouterr().out
    assert help_text.startswith(f"usage: python -m {package} {name} ")
    assert read_docstrings(directory)[name] in help_text


@pytest.mark.parametrize("package", ["tests.stress", "tests.benchmarks"])
def test_scripts_are_listed_with_one_line_descriptions(package, capsys):
    directory = TESTS / package.rpartition(".")[2]
    assert run_script(package, directory, []) == 0
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", capsys.readouterr().out, re.MULTILINE))
    assert listed.keys() == {name for each, name in SCRIPTS if each == package}
    assert all(re.fullmatch(r"[A-Z].{20,90}\.", description) for description in listed.values())
    assert run_script(package, directory, ["missing"]) == 2
    assert f"{package} has no missing: {next(iter(listed))}" in capsys.readouterr().out


def test_readme_names_all_directories_and_scripts():
    directories = {path.name for path in TESTS.glob("[!._]*") if path.is_dir() and any(path.glob("[!_]*"))}
    assert {name for name in directories if f"`{name}/`" not in README} == set()
    assert {name for _, name in SCRIPTS if f"`{name}`" not in README} == set()
