"""`dnn configs` as it is typed."""

import json

import pytest


def test_configs_are_listed_with_descriptions(dnn):
    done = dnn("configs")
    assert "relu_adam " in done.stdout
    assert "textbook/dropout " in done.stdout
    documents = json.loads(dnn("configs", "--json").stdout)["configs"]
    assert {"name", "description", "measured"} == documents[0].keys()


@pytest.mark.parametrize("name", ["dropout", "textbook/dropout", "configs/textbook/dropout.yaml"])
def test_copy_is_printed(dnn, name):
    assert "{type: Dropout, rate: 0.5}" in dnn("configs", name).stdout


def test_copy_is_written_and_never_replaces_a_file(dnn, tmp_path):
    assert dnn("configs", "relu_adam", "-o", "my.yaml").returncode == 0
    text = (tmp_path / "my.yaml").read_text()
    done = dnn("configs", "relu_sgd", "-o", "my.yaml")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "dnn: my.yaml already exists")
    assert (tmp_path / "my.yaml").read_text() == text


def test_all_configs_are_copied(dnn, tmp_path):
    assert dnn("configs", "-o", "examples").returncode == 0
    assert dnn("check", "examples/relu_adam.yaml", "examples/textbook/dropout.yaml").returncode == 0


def test_unknown_name_is_refused(dnn):
    done = dnn("configs", "relu_adm")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["dnn: no example config is named relu_adm", "  did you mean relu_adam?"]


def test_directory_that_does_not_exist_is_refused(dnn):
    assert dnn("configs", "relu_adam", "-o", "missing/my.yaml").returncode == 2
