"""`dnn data check` as it is typed."""

import pytest

from tests.helpers.cli_output import parse_json_output


@pytest.fixture
def sorted_table(tmp_path):
    """Writes a table whose rows are sorted by class, and returns its name."""
    path = tmp_path / "cars.csv"
    path.write_text("power,price\n" + "".join(f"{at * 7 % 31},{at // 20}\n" for at in range(40)))
    return path.name


def test_examples_splits_and_remarks_are_printed(dnn, sorted_table):
    done = dnn("data", "check", sorted_table, "data.test_size=0.25")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "cars.csv: 40 examples, 1 feature, 2 classes",
        "  24 for training, 6 for validation, 10 for testing",
    ]
    assert "data: the rows are sorted by class; they are shuffled before the split" in lines


def test_a_config_is_checked_with_its_data(dnn, sorted_table, tmp_path):
    (tmp_path / "cars.yaml").write_text(
        f"data: {{dataset: csv, path: {sorted_table}, validation_size: 10}}\n"
        "model: {layers: [{type: Dense, units: 1, activation: sigmoid}]}\nloss: binary_crossentropy\n"
    )
    document = parse_json_output(dnn("data", "check", "cars.yaml", "--json"))
    assert document["examples"] == {"train": 30, "validation": 10, "test": 0}
    assert document["classes"] == ["0", "1"]
    assert "the rows are sorted by class; they are shuffled before the split" in [
        remark["message"] for remark in document["remarks"]
    ]


def test_every_value_of_every_split_is_read(dnn, sorted_table, tmp_path):
    (tmp_path / "test.csv").write_text("power,price\n1,0\nfast,1\n")
    done = dnn("data", "check", sorted_table, "data.test_path=test.csv")
    assert done.returncode == 2
    assert "test.csv:3  column power: 'fast' is not a number" in done.stderr
    assert done.stdout == ""
