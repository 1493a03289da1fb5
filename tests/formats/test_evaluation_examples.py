"""Labelled inputs in files of the user's choice."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dnn_cli.errors import UserDataError
from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
from dnn_cli.formats.prediction_inputs import InputSpec
from dnn_cli.formats.reader_options import CsvOptions
from tests.helpers.image_files import write_images

NAMES = TargetSpec(("cat", "dog"), column="animal")
HOUSES = InputSpec((2,), ("area", "age"))


def write_table(tmp_path, text, name="new.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("animal,id,age,area\ndog,1,2,3\ncat,4,5,6\n", id="plain"),
        pytest.param("animal,id,age,area,\ndog,1,2,3\ncat,4,5,6\n", id="delimiter after the header"),
        pytest.param(",animal,,age,area\n0,dog,x,2,3\n1,cat,,5,6\n", id="columns without name"),
    ],
)
def test_table_is_read_by_column_names(tmp_path, text):
    path = write_table(tmp_path, text)
    examples = read_evaluation_examples(path, HOUSES, NAMES)
    assert examples.inputs.tolist() == [[3, 2], [6, 5]]
    assert examples.targets.tolist() == [1, 0]


def test_table_is_read_with_the_options_of_the_run(tmp_path):
    path = write_table(tmp_path, "animal;age;area\ndog;True;1.200,5\n?;x;\ncat;False;3\n")
    options = CsvOptions(decimal=",", thousands=".", drop_unlabelled=True, weight="w")
    examples = read_evaluation_examples(path, replace(HOUSES, csv_options=options), NAMES)
    assert examples.inputs.tolist() == [[1200.5, 1], [3, 0]]
    assert examples.targets.tolist() == [1, 0]
    with pytest.raises(UserDataError, match=r":3  column animal: '\?' is a missing target"):
        read_evaluation_examples(path, replace(HOUSES, csv_options=replace(options, drop_unlabelled=False)), NAMES)


def test_numbers_are_indices_of_named_classes(tmp_path):
    path = write_table(tmp_path, "a,b,y\n1,2,1\n3,4,0\n")
    examples = read_evaluation_examples(path, InputSpec((2,)), TargetSpec(("cat", "dog")))
    assert examples.targets.tolist() == [1, 0]


def test_numbers_are_names_of_numeric_classes(tmp_path):
    path, classes = write_table(tmp_path, "area,age,size\n1,2,7\n3,4,3\n"), ("3", "5", "7")
    assert read_evaluation_examples(path, HOUSES, TargetSpec(classes, column="size")).targets.tolist() == [2, 0]
    np.savez(tmp_path / "new.npz", x=np.zeros((2, 2)), y=[7.0, 3.0])
    assert read_evaluation_examples(str(tmp_path / "new.npz"), HOUSES, TargetSpec(classes)).targets.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area,age\n1,2\n", "has no column animal"),
        ("area,animal\n1,cat\n", "has no column age"),
        ("area,age,animal\n1,2,cow\n", "'cow' is not a class of the training file"),
        ("area,age,animal\n1,2,\n", "column animal: the cell is empty"),
        ("area,age,animal\n1,old,cat\n", "column age: 'old'"),
        ("area,age,animal\n", "has a header but no rows"),
        ("", "is empty"),
    ],
)
def test_table_errors(tmp_path, text, message):
    with pytest.raises(UserDataError, match=message):
        read_evaluation_examples(write_table(tmp_path, text), HOUSES, NAMES)


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
def test_arrays_with_any_kind_of_targets(tmp_path, labels, expected, names):
    np.savez(tmp_path / "new.npz", **dict(zip(names, (np.ones((2, 2)), labels), strict=True)))
    assert read_evaluation_examples(str(tmp_path / "new.npz"), HOUSES, NAMES).targets.tolist() == expected


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.ones((2, 2))}, "has no arrays x and y; it contains x"),
        ({"x": np.ones((2, 2)), "y": ["dog", "cow"]}, "'cow' is not a class"),
        ({"x": np.ones((2, 2)), "y": [0, 2]}, "is 2, but the class numbers are 0 to"),
        ({"x": np.ones((2, 2)), "y": [0, 0.5]}, "not a whole number"),
        ({"x": np.ones((2, 3)), "y": [0, 1]}, r"use numbers of the shape \(n, 2\)"),
        ({"x": np.ones((2, 2)), "y": [0]}, "save one target for each input"),
    ],
)
def test_array_errors(tmp_path, arrays, message):
    np.savez(tmp_path / "new.npz", **arrays)
    with pytest.raises(UserDataError) as error:
        read_evaluation_examples(str(tmp_path / "new.npz"), HOUSES, NAMES)
    assert re.search(message, f"{error.value.message} {error.value.suggestion}")


def test_regression_targets(tmp_path):
    np.savez(tmp_path / "new.npz", x=np.ones((2, 2)), y=[[1.5, 2], [3, 4]])
    assert read_evaluation_examples(str(tmp_path / "new.npz"), HOUSES, TargetSpec(targets=2)).targets.tolist() == [
        [1.5, 2],
        [3, 4],
    ]
    with pytest.raises(UserDataError, match="2 numbers per example, but this run predicts 1"):
        read_evaluation_examples(str(tmp_path / "new.npz"), HOUSES, TargetSpec())


def test_image_directory_by_class(tmp_path):
    for name, value in ("dog", 10), ("cat", 200):
        (tmp_path / "new" / name).mkdir(parents=True)
        Image.fromarray(np.full((4, 4), value, np.uint8)).save(tmp_path / "new" / name / "a.png")
    examples = read_evaluation_examples(str(tmp_path / "new"), InputSpec((4, 4)), NAMES)
    assert [image[0, 0] for image in examples.inputs] == [200, 10]
    assert examples.targets.tolist() == [0, 1]
    (tmp_path / "new" / "cow").mkdir()
    with pytest.raises(UserDataError, match="has the subdirectory cow, which is not a class"):
        read_evaluation_examples(str(tmp_path / "new"), InputSpec((4, 4)), NAMES)


def test_all_damaged_images_are_listed(tmp_path):
    grey = np.full((4, 4), 9, np.uint8)
    path = write_images(tmp_path, {"cat/1.png": grey, "cat/2.png": b"", "dog/1.png": b"x", "dog/2.png": grey})
    with pytest.raises(UserDataError) as refused:
        read_evaluation_examples(path, InputSpec((4, 4)), NAMES)
    assert refused.value.message == f"{path}/cat/2.png is not an image\n{path}/dog/1.png is not an image"
    assert refused.value.suggestion == "replace or remove the files"


def test_other_layouts_of_images_suggest_a_directory(tmp_path):
    grey = np.full((4, 4), 9, np.uint8)
    path = write_images(
        tmp_path, {f"{part}/{name}/1.png": grey for part in ("train", "test") for name in ("cat", "dog")}
    )
    with pytest.raises(UserDataError, match="several sets of examples") as refused:
        read_evaluation_examples(path, InputSpec((4, 4)), NAMES)
    assert refused.value.suggestion == f"use {path}/test"
    with pytest.raises(UserDataError, match="contains 1 image, but no directories of classes"):
        read_evaluation_examples(f"{path}/test/cat", InputSpec((4, 4)), NAMES)


def test_formats_of_images_depend_on_the_rules(tmp_path):
    grey = np.full((4, 4), 9, np.uint8)
    path = write_images(tmp_path, {"cat/1.png": grey, "dog/1.png": grey, "dog/2.tif": grey})
    assert len(read_evaluation_examples(path, InputSpec((4, 4)), NAMES).inputs) == 3
    assert len(read_evaluation_examples(path, InputSpec((4, 4), rules=1), NAMES).inputs) == 2


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserDataError, match=r"is not a \.csv file"):
        read_evaluation_examples(write_table(tmp_path, "", "photo.png"), InputSpec((4, 4)), NAMES)
    with pytest.raises(UserDataError, match="does not exist"):
        read_evaluation_examples(str(tmp_path / "gone.csv"), HOUSES, NAMES)
