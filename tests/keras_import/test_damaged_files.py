"""Damaged, forged and unusual files are refused with one clear error, in little time."""

import json
import zipfile

import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.keras_import import hdf5_attributes, hdf5_file
from dnn_cli.keras_import.program_file import read_program
from tests.helpers.fuzz_programs import DOCUMENT, SCRIPT, generate_program, try_program
from tests.helpers.imported_programs import import_script, list_import_errors, write_program
from tests.helpers.settings import RUN_ALL_CASES

MANY = 3000 if RUN_ALL_CASES else 40


def test_random_files_are_accepted_or_refused(tmp_path):
    """`python -m tests.stress imports` tries more files."""
    failures = {}
    for number in range(MANY):
        _, wrong = try_program(*generate_program(number), tmp_path)
        if wrong:
            failures[number] = wrong
    assert failures == {}


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"", "a.json is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ("a.json", b"\xff\xfe", "a.json is not UTF-8 text"),
        ("a.json", b"3", "a.json is not the architecture of a Keras model: class_name is missing"),
        ("a.json", b'{"class_name": "Sequential"}',
         "a.json has a model of the class Sequential, whose layers are code"),
        ("a.json", b'{"class_name": "MyModel", "config": {}}',
         "a.json has a model of the class MyModel, whose layers are code"),
        ("a.json", b"[" * 100_000, "a.json is nested more than 60 levels deep"),
        ("a.json", b"[" * 100 + b"]" * 100, "a.json is nested more than 60 levels deep"),
        ("a.json", b'{"class_name": "Sequential", "config": [%s3]}' % (b"3, " * 10_000),
         "a.json has 10,001 layers; the maximum is 10,000"),
        ("a.keras", b"PK\x03\x04", "a.keras is damaged: File is not a zip file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "a.h5 is damaged: the HDF5 library cannot read it"),
        ("a.py", b"model = (", "a.py:1:9  is not Python 3: '(' was never closed"),
        ("a.py", b"print 'x'", None),
        ("a.py", b"x = 1\x00", None),
        ("a.py", b"x = 3", "a.py has no Sequential model with layers"),
        ("a.ipynb", b'{"cells": 3}', "a.ipynb is not a notebook: cells is not a list"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_damaged_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    (error,) = list_import_errors(path)
    assert message is None or error == message
    assert "\n" not in error


def test_hanging_hdf5_library_is_stopped(tmp_path, monkeypatch):
    """Some damaged files make the HDF5 library run without an end."""
    (tmp_path / "hang.py").write_text("while True: pass")
    monkeypatch.setattr(hdf5_attributes, "__file__", str(tmp_path / "hang.py"))
    monkeypatch.setattr(hdf5_file, "_MAX_SECONDS", 0.2)
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert list_import_errors(path) == ["model.h5 is damaged: the HDF5 library does not end"]


def test_large_architecture_is_refused(tmp_path):
    path = write_zip(tmp_path / "bomb.keras", {"config.json": b" " * 40_000_000})
    assert path.stat().st_size < 100_000
    assert list_import_errors(path) == ["bomb.keras: config.json is larger than 32,000,000 bytes"]


def test_zip_without_architecture_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.keras", {"model.weights.h5": b""})
    assert list_import_errors(path) == ["a.keras is not a .keras file: it has no config.json"]


def test_saved_model_directory_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(UserDataError, match="is a SavedModel, whose layers are code"):
        read_program(str(tmp_path))


def test_many_issues_end_the_search(tmp_path):
    document = json.loads(json.dumps(DOCUMENT))
    document["config"]["layers"] = [{"class_name": f"Unknown{n}", "config": {}} for n in range(10_000)]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    assert len(list_import_errors(path)) == 100


@pytest.mark.parametrize(
    "statement",
    [
        "x = 'a' * 10 ** 9", "x = 10 ** 10 ** 10", "x = f'{1:>999999999}'",
        "x = [1]\nfor _ in range(60): x = [x, x]\ny = x == x",
        "x = 'a'\nfor _ in range(60): x += x", "x = list(range(10 ** 15))", "x = []\nx.append(x)", "x = 1 / 0",
        "while True: pass", "class A(undefined): pass", "with open('x') as f: f.write('y')", "x: int = 'a'.b[3](4)",
    ],
)  # fmt: skip
def test_other_statements_change_nothing(tmp_path, statement):
    plain, _ = import_script(tmp_path, SCRIPT)
    experiment, _ = import_script(tmp_path, f"{statement}\n{SCRIPT}{statement}\n")
    assert experiment == plain


def test_endless_repetitions_are_refused(tmp_path):
    path = write_program(tmp_path, f"{SCRIPT}for i in range(9999):\n  for j in range(9999):\n    x = i\n")
    assert list_import_errors(path) == ["train.py repeats too many lines to be read without a run"]


@pytest.mark.parametrize("layer", [None, 3, [], "Dense", {}, {"units": 3}, {"a": {"class_name": "Foo", "config": {}}}])
def test_values_that_are_not_layers_are_named(tmp_path, layer):
    document = json.loads(json.dumps(DOCUMENT))
    document["config"]["layers"][2] = layer
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    assert list_import_errors(path)[0].startswith("model.json  layer 2  ")
