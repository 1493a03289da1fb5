"""Groups and times in tables and arrays."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.errors import ConfigError, UserDataError
from dnn_cli.formats.csv_table import inspect_csv, read_csv
from dnn_cli.formats.npz_arrays import inspect_npz, read_npz
from dnn_cli.formats.reader_options import ArrayOptions, CsvOptions

TABLE = "patient,day,x,y\n10,2024-01-02,1,a\n9,2024-01-01,2,b\n10,2024-01-03,3,a\n"
MODEL = "model: {layers: [{type: Dense, units: 2, activation: softmax}]}\n"


def write(tmp_path, text, name="data.csv"):
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_groups_and_times_of_a_table_are_no_inputs(tmp_path):
    path = write(tmp_path, TABLE)
    options = CsvOptions(group="patient", time="day")
    contents, arrays = inspect_csv(path, options), read_csv(path, options)
    assert contents.features == ("x",)
    assert (contents.group_count, contents.time_count) == (2, 3)
    assert arrays.groups.dtype == np.int64
    assert arrays.groups.tolist() == [1, 0, 1]
    assert (np.diff(arrays.times) == [-86400, 2 * 86400]).all()


@pytest.mark.parametrize(
    ("cells", "groups"),
    [
        (["10", "9", "10"], [1, 0, 1]),
        (["b", "a", "10"], [2, 1, 0]),
        (["007", "7", "7"], [0, 1, 1]),
        (["123456789012345678901", "123456789012345678902", "1"], [1, 2, 0]),
    ],
    ids=str,
)
def test_order_of_groups(tmp_path, cells, groups):
    rows = "".join(f"{cell},{x},{'ab'[x % 2]}\n" for x, cell in enumerate(cells))
    arrays = read_csv(write(tmp_path, "g,x,y\n" + rows), CsvOptions(group="g"))
    assert arrays.groups.tolist() == groups


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["3", "1.5", "-2"], [3, 1.5, -2]),
        (["1970-01-02", "1970-01-01", "1970-01-03"], [86400, 0, 172800]),
        (["1970-01-01T00:00:01Z", "1970-01-01 00:00:02", "1970-01-01T01:00:00+01:00"], [1, 2, 0]),
    ],
    ids=str,
)
def test_times(tmp_path, cells, seconds):
    rows = "".join(f"{cell},{x},{'ab'[x % 2]}\n" for x, cell in enumerate(cells))
    assert read_csv(write(tmp_path, "t,x,y\n" + rows), CsvOptions(time="t")).times.tolist() == seconds


@pytest.mark.parametrize(
    ("options", "text", "message"),
    [
        ({"group": "g"}, "g,x,y\na,1,a\n,2,b\n", "data.csv:3  column g: the cell is empty"),
        ({"time": "t"}, "t,x,y\n2024-01-01,1,a\n5,2,b\n", "data.csv:3  column t: .5. is not a date"),
        (
            {"time": "t"},
            "t,x,y\n5,1,a\nnever,2,b\n",
            "data.csv:3  column t: .never. is not a number, as in the first row",
        ),
        (
            {"group": "g"},
            "g,x,y\na,1,a\n,2,b\n,3,b\n,4,b\n",
            "column g: the cell is empty .2 more such cells in lines 4, 5.$",
        ),
        (
            {"time": "t"},
            "t,x,y\nmist,1,a\nrain,2,b\n",
            "data.csv:2  column t: 'mist' is not a date in the format ISO 8601 .1 more such cell in line 3.$",
        ),
        ({"group": "h"}, "g,x,y\na,1,a\nb,2,b\n", "has no column h"),
        ({"group": "y", "target": "y"}, "g,x,y\na,1,a\nb,2,b\n", "column y is both the target and the group"),
    ],
    ids=str,
)
def test_errors_name_line_and_column(tmp_path, options, text, message):
    with pytest.raises(UserDataError, match=message):
        inspect_csv(write(tmp_path, text), CsvOptions(**options))


def test_arrays_of_groups_and_times(tmp_path):
    days = np.array(["2024-01-03", "2024-01-01", "2024-01-02"], "datetime64[D]")
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.eye(3), y_train=[0, 1, 1], groups=["b", "a", "b"], times=days)
    options = ArrayOptions(group="groups", time="times")
    contents, arrays = inspect_npz(str(path), options, "train"), read_npz(str(path), options, "train")
    assert (contents.group_count, contents.time_count) == (2, 3)
    assert not any("not used" in str(remark) for remark in contents.remarks)
    assert arrays.groups.tolist() == [1, 0, 1]
    assert np.argsort(arrays.times).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "has no array groups"),
        ({"groups": [1, 2]}, r"groups has the shape \(2,\), but x_train has 3 examples"),
        ({"groups": [0.5, 1, 2]}, "groups must be integers or texts"),
    ],
    ids=str,
)
def test_wrong_arrays_are_errors(tmp_path, arrays, message):
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.eye(3), y_train=[0, 1, 1], **arrays)
    with pytest.raises(UserDataError, match=message):
        inspect_npz(str(path), ArrayOptions(group="groups"), "train")


def test_rows_of_a_validation_file_are_not_split(tmp_path):
    rows = "".join(f"{at % 5},{at},{'ab'[at % 2]}\n" for at in range(20))
    write(tmp_path, "g,x,y\n" + rows)
    write(tmp_path, "g,x,y\n9,1,a\n9,2,b\n", "val.csv")
    keys = "{dataset: csv, path: data.csv, validation_path: val.csv, group: g, test_size: 0.4}"
    data = load_experiment(write(tmp_path, f"data: {keys}\n{MODEL}", "c.yaml")).experiment.data
    examples = load_examples(data)
    split = split_examples(data, examples)
    assert examples.groups.tolist()[-2:] == [-1, -1]
    assert split.validation.tolist() == [20, 21]
    assert set(examples.groups[split.train]) | set(examples.groups[split.test]) == set(range(5))
    assert not set(examples.groups[split.train]) & set(examples.groups[split.test])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("group: g, folds: 6", "is 6, but data.csv has 5 different groups in g  (use data.folds=5)"),
        ("time: x, folds: 20", "is 20, but data.csv has 19 times after the first in x  (use data.folds=19)"),
        ("folds: 3, validation_path: data2.csv", "already has a validation set"),
        ("fold: 3", "needs the number of folds"),
        ("fold: 4, folds: 3", "is 4, but data.folds is 3"),
        ("group: g, time: x", "cannot be combined with data.group"),
        ("time: x, stratify: true", "cannot be combined with data.time"),
        ("group: g, stratify: true", "cannot be combined with data.group"),
    ],
    ids=str,
)
def test_impossible_configs_are_issues(tmp_path, keys, message):
    rows = "".join(f"{at % 5},{at},{at % 3},{'ab'[at % 2]}\n" for at in range(20))
    write(tmp_path, "g,x,z,y\n" + rows)
    write(tmp_path, "g,x,z,y\n" + rows, "data2.csv")
    with pytest.raises(ConfigError) as caught:
        load_experiment(write(tmp_path, f"data: {{dataset: csv, path: data.csv, {keys}}}\n{MODEL}", "c.yaml"))
    (issue,) = caught.value.issues
    assert message in f"{issue.message}  ({issue.suggestion})"
