import pytest

from dnn_cli.host.gpus import VISIBLE_GPUS_VARIABLE, hide_gpus, list_training_gpus, list_visible_gpus

UNIQUE_NAME = "GPU-8e2b0c1d-0000-1111-2222-333344445555"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, ["0", "1", "2"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2", ["2"]),
        ("2, 0", ["2", "0"]),
        ("1,-1,2", ["1"]),
        ("0,3,1", ["0"]),
        ("1,1", ["1"]),
        (UNIQUE_NAME, [UNIQUE_NAME]),
        ("MIG-1,MIG-2", ["MIG-1", "MIG-2"]),
    ],
)
def test_variable_selects_visible_gpus(cuda_machine, monkeypatch, variable, expected):
    cuda_machine.add_gpus(3)
    if variable is not None:
        monkeypatch.setenv(VISIBLE_GPUS_VARIABLE, variable)
    assert list_visible_gpus() == expected


def test_a_machine_without_gpus_has_no_visible_gpus(cuda_machine, monkeypatch):
    assert list_visible_gpus() == []
    monkeypatch.setenv(VISIBLE_GPUS_VARIABLE, UNIQUE_NAME)
    assert list_visible_gpus() == []


def test_gpus_can_be_hidden(cuda_machine, monkeypatch):
    cuda_machine.add_gpus(1)
    monkeypatch.setenv(VISIBLE_GPUS_VARIABLE, "0")
    hide_gpus()
    assert list_visible_gpus() == []


def test_trainings_use_gpus_only_with_all_libraries(cuda_machine):
    cuda_machine.add_gpus(2)
    assert list_training_gpus() == []
    cuda_machine.install_wheels(without=("ptxas",))
    assert list_training_gpus() == ["0", "1"]
    cuda_machine.write_build(is_cuda_build=False)
    assert list_training_gpus() == []


def test_libraries_alone_are_not_a_gpu(cuda_machine):
    cuda_machine.install_wheels()
    assert list_training_gpus() == []
