"""`dnn script` as a user types it."""

import ast

import pytest

from tests.helpers.digits import DIGITS_YAML


@pytest.fixture
def in_directory(tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
    return tmp_path


def test_program_is_printed_without_colours_in_a_pipe(dnn, in_directory):
    done = dnn("script", "digits.yaml", "epochs=7", "optimizer=sgd")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "tf.data.Dataset.range(7)" in done.stdout
    assert "TensorFlow 2." in ast.get_docstring(ast.parse(done.stdout))


def test_program_and_notebook_are_written_to_files(dnn, in_directory):
    for name in ("train.py", "train.ipynb"):
        done = dnn("script", "digits.yaml", "-o", name)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"wrote {name}; next: ")
        assert (in_directory / name).stat().st_size > 1000


def test_script_of_a_run_has_its_settings(dnn, make_run, in_directory):
    run = make_run()
    done = dnn("script", str(run.directory))
    assert done.returncode == 0, done.stderr
    assert f"run {run.read_record().id}" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digits.yaml", "-o", "train.txt"], "train.txt ends neither in .py nor in .ipynb"),
        (["digits.yaml", "-o", "missing/train.py"], "missing does not exist"),
        (["digits.yaml", "-o", "digits.py"], "digits.py already exists"),
        (["digits.yaml", "digits.yaml"], "script accepts one config or run"),
        (["digits.yaml", "data.folds=3"], "data.folds: the config describes 3 trainings"),
    ],
)
def test_invalid_command_lines_are_refused(words, message, dnn, in_directory):
    (in_directory / "digits.py").write_text("", encoding="utf-8")
    done = dnn("script", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert not (in_directory / "train.txt").exists()
