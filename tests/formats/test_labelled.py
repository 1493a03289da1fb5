"""Labelled inputs in files of the user's choice."""

import re

import numpy as np
import pytest
from PIL import Image

from dnn_cli.errors import OwnDataError
from dnn_cli.formats.given import Wanted
from dnn_cli.formats.labelled import Target, read_labelled

NAMES = Target(("cat", "dog"), column="animal")
HOUSES = Wanted((2,), ("area", "age"))


def write(tmp_path, text, name="new.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path):
    path = write(tmp_path, "animal,id,age,area\ndog,1,2,3\ncat,4,5,6\n")
    found = read_labelled(path, HOUSES, NAMES)
    assert found.inputs.tolist() == [[3, 2], [6, 5]]
    assert found.labels.tolist() == [1, 0]


def test_numbers_are_the_numbers_of_named_classes(tmp_path):
    path = write(tmp_path, "a,b,y\n1,2,1\n3,4,0\n")
    found = read_labelled(path, Wanted((2,)), Target(("cat", "dog")))
    assert found.labels.tolist() == [1, 0]


def test_numbers_are_names_where_classes_are_called_by_numbers(tmp_path):
    path, classes = write(tmp_path, "area,age,size\n1,2,7\n3,4,3\n"), ("3", "5", "7")
    assert read_labelled(path, HOUSES, Target(classes, column="size")).labels.tolist() == [2, 0]
    np.savez(tmp_path / "new.npz", x=np.zeros((2, 2)), y=[7.0, 3.0])
    assert read_labelled(str(tmp_path / "new.npz"), HOUSES, Target(classes)).labels.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area,age\n1,2\n", "has no column animal"),
        ("area,animal\n1,cat\n", "has no column age"),
        ("area,age,animal\n1,2,cow\n", "'cow' is no class of the training file"),
        ("area,age,animal\n1,2,\n", "column animal: is empty"),
        ("area,age,animal\n1,old,cat\n", "column age: 'old'"),
        ("area,age,animal\n", "has a header and no rows"),
        ("", "is empty"),
    ],
)
def test_faults_of_a_table(tmp_path, text, message):
    with pytest.raises(OwnDataError, match=message):
        read_labelled(write(tmp_path, text), HOUSES, NAMES)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array(["dog", "cat"]), [1, 0]),
        (np.array([1, 0]), [1, 0]),
        (np.array([[0, 1], [1, 0]]), [1, 0]),
        (np.array([[1.0], [0.0]]), [1, 0]),
    ],
)
@pytest.mark.parametrize("names", [("x", "y"), ("X_test", "y_test"), ("x_train", "y_train")])
def test_arrays_with_labels_of_any_kind(tmp_path, labels, expected, names):
    np.savez(tmp_path / "new.npz", **dict(zip(names, (np.ones((2, 2)), labels), strict=True)))
    assert read_labelled(str(tmp_path / "new.npz"), HOUSES, NAMES).labels.tolist() == expected


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.ones((2, 2))}, "has no x and y; it holds x"),
        ({"x": np.ones((2, 2)), "y": ["dog", "cow"]}, "'cow' is no class"),
        ({"x": np.ones((2, 2)), "y": [0, 2]}, "label 2 is no class"),
        ({"x": np.ones((2, 2)), "y": [0, 0.5]}, "not a whole number"),
        ({"x": np.ones((2, 3)), "y": [0, 1]}, r"this run needs numbers of \(n, 2\)"),
        ({"x": np.ones((2, 2)), "y": [0]}, "one label an input"),
    ],
)
def test_faults_of_arrays(tmp_path, arrays, message):
    np.savez(tmp_path / "new.npz", **arrays)
    with pytest.raises(OwnDataError) as error:
        read_labelled(str(tmp_path / "new.npz"), HOUSES, NAMES)
    assert re.search(message, f"{error.value.message} {error.value.hint}")


def test_numbers_to_predict(tmp_path):
    np.savez(tmp_path / "new.npz", x=np.ones((2, 2)), y=[[1.5, 2], [3, 4]])
    assert read_labelled(str(tmp_path / "new.npz"), HOUSES, Target(targets=2)).labels.tolist() == [[1.5, 2], [3, 4]]
    with pytest.raises(OwnDataError, match="2 numbers an example, and this run predicts 1"):
        read_labelled(str(tmp_path / "new.npz"), HOUSES, Target())


def test_a_folder_of_images_by_class(tmp_path):
    for name, value in ("dog", 10), ("cat", 200):
        (tmp_path / "new" / name).mkdir(parents=True)
        Image.fromarray(np.full((4, 4), value, np.uint8)).save(tmp_path / "new" / name / "a.png")
    found = read_labelled(str(tmp_path / "new"), Wanted((4, 4)), NAMES)
    assert [image[0, 0] for image in found.inputs] == [200, 10]
    assert found.labels.tolist() == [0, 1]
    (tmp_path / "new" / "cow").mkdir()
    with pytest.raises(OwnDataError, match="has the sub-folder cow, which is no class"):
        read_labelled(str(tmp_path / "new"), Wanted((4, 4)), NAMES)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(OwnDataError, match="holds no labelled examples"):
        read_labelled(write(tmp_path, "", "photo.png"), Wanted((4, 4)), NAMES)
    with pytest.raises(OwnDataError, match="No such file"):
        read_labelled(str(tmp_path / "gone.csv"), HOUSES, NAMES)
