import pytest

from dnn_cli.host.gpus import VISIBLE_GPUS_VARIABLE, list_visible_gpus

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
