"""`dnn data check` as it is typed."""

import shutil

import numpy as np
import pytest
from PIL import Image

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


def write_rows(path, rows):
    lines = ["a,b,c,y", *(",".join(f"{value:.6g}" for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def test_copies_are_printed_with_their_lines(dnn, tmp_path):
    rows = np.random.default_rng(1).normal(size=(60, 4))
    rows[:, 3] = np.arange(60) % 2
    write_rows(tmp_path / "rows.csv", rows)
    write_rows(tmp_path / "later.csv", [*rows[4:14], *np.add(rows[20:30], [0.1, 0.1, 0.1, 0])])
    words = ("data", "check", "rows.csv", "data.validation_path=later.csv")
    lines = dnn(*words).stdout.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("advice: 10 of 20 validation rows have"))
    assert "with equal targets" in lines[start]
    assert lines[start + 1 : start + 5] == [
        "        rows.csv:6, later.csv:2",
        "        rows.csv:7, later.csv:3",
        "        rows.csv:8, later.csv:4",
        "        7 more groups: --json lists all",
    ]
    document = parse_json_output(dnn(*words, "--json"))
    (issue,) = [issue for issue in document["issues"] if issue["kind"] == "shared_examples"]
    assert len(issue["groups"]) == 10
    assert issue["groups"][9] == [
        {"location": "rows.csv:15", "index": 13, "line": 15},
        {"location": "later.csv:11", "index": 9, "line": 11},
    ]


def test_copied_images_are_printed_with_their_names(dnn, tmp_path):
    random = np.random.default_rng(2)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for at in range(6):
            Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / f"photos/{name}/{at}.png")
    shutil.copy(tmp_path / "photos/cat/1.png", tmp_path / "photos/dog/9.png")
    lines = dnn("data", "check", "photos").stdout.splitlines()
    start = next(at for at, line in enumerate(lines) if "have different targets, in 1 group" in line)
    assert lines[start + 1] == "        photos/cat/1.png, photos/dog/9.png"


def test_clean_arrays_have_no_issues(dnn, tmp_path):
    random = np.random.default_rng(3)
    np.savez(tmp_path / "a.npz", x=random.normal(size=(300, 5)).astype(np.float32), y=np.arange(300) % 3)
    document = parse_json_output(dnn("data", "check", "a.npz", "data.test_size=0.2", "--json"))
    assert document["issues"] == document["advice"] == []


def test_a_table_of_text_and_gaps_has_the_types_of_a_new_config(dnn, tmp_path):
    rows = [f"name {at},{'MF'[at % 2]},{at % 7 or ''},{at % 3 // 2}" for at in range(60)]
    (tmp_path / "people.csv").write_text("\n".join(["Name,Sex,Age,y", *rows, ""]))
    lines = dnn("data", "check", "people.csv").stdout.splitlines()
    assert lines[0] == "people.csv: 60 examples, 2 columns encoded into 5 inputs, 2 classes"
    assert "data: column Name has a different text in every row, like an identifier or free text; left out" in lines
    done = dnn("data", "check", "people.csv", "data.columns={Sex: number}")
    assert (done.returncode, "column Sex: 'M' is not a number" in done.stderr) == (2, True)
