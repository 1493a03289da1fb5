import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.errors import UserDataError
from dnn_cli.formats import csv_table
from dnn_cli.formats.dataset_contents import DatasetContents
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.table_columns import ColumnOptions

IRIS = "sepal,petal,species\n5.1,1.4,setosa\n6.7,4.7,versicolor\n4.9,1.5,setosa\n"


def inspect_csv(path, target=None, task="auto", classes=None, ignore=(), **options):
    """Inspect a file with the options of a run."""
    return csv_table.inspect_csv(path, CsvOptions(target, task, tuple(ignore), **options), classes)


def read_csv(path, target=None, task="auto", classes=None, **options):
    """Read a file with the options of a run."""
    return csv_table.read_csv(path, CsvOptions(target, task, **options), classes)


@pytest.fixture
def table(tmp_path):
    """Writes a file, text as UTF-8, and returns its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return the path of a file that every example of a rule writes again."""
    return tmp_path_factory.mktemp("csv") / "data.csv"


def get_error(path, target=None, task="auto", classes=None):
    """Return the error of a file."""
    with pytest.raises(UserDataError) as caught:
        inspect_csv(path, target, task, classes)
    assert caught.value.exit_code == 2
    return caught.value


def build_table(*targets):
    """A table with one feature and these targets."""
    return "x,y\n" + "".join(f"{at},{target}\n" for at, target in enumerate(targets))


def test_table_is_read(table):
    path = table(IRIS)
    assert inspect_csv(path, "species", "classification") == DatasetContents(
        (2,), 3, ("setosa", "versicolor"), target="species", features=("sepal", "petal")
    )
    arrays = read_csv(path, None, "auto")
    assert arrays.inputs.dtype == np.float32
    assert arrays.inputs.flags.c_contiguous
    assert np.array_equal(arrays.inputs, np.array([[5.1, 1.4], [6.7, 4.7], [4.9, 1.5]], np.float32))
    assert arrays.targets.dtype == np.int32
    assert arrays.targets.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(IRIS.replace(",", ";"), id="semicolons"),
        pytest.param(IRIS.replace(",", "\t"), id="tabs"),
        pytest.param(IRIS.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(IRIS.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(IRIS.replace(",", ", "), id="spaces after commas"),
        pytest.param(IRIS.replace("\n", "\n\n") + "\n \n", id="blank lines"),
        pytest.param(IRIS.replace("setosa", '"setosa"'), id="quotes"),
        pytest.param(IRIS.removesuffix("\n"), id="no last line end"),
    ],
)
def test_csv_dialects_give_the_same_arrays(table, content):
    plain, other = (read_csv(table(text, name), None, "auto") for text, name in ((IRIS, "a.csv"), (content, "b.csv")))
    assert np.array_equal(plain.inputs, other.inputs)
    assert np.array_equal(plain.targets, other.targets)
    contents = inspect_csv(table(content), None, "auto")
    assert contents.features == ("sepal", "petal")
    assert contents.classes == ("setosa", "versicolor")


def test_target_may_be_any_column(table):
    path = table("y,a,b\nno,1,2\nyes,3,4\n")
    assert inspect_csv(path, "y", "auto").features == ("a", "b")
    assert read_csv(path, "y", "auto").inputs.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("targets", "task", "classes", "labels"),
    [
        pytest.param(["b", "a", "b"], "auto", ("a", "b"), [1, 0, 1], id="text is classes"),
        pytest.param(["10", "9", "10"], "auto", ("9", "10"), [1, 0, 1], id="whole numbers are classes, by value"),
        pytest.param(["1", "1.0", "02"], "auto", ("1", "2"), [0, 0, 1], id="1 and 1.0 are one class"),
        pytest.param(["10", "9", "x"], "auto", ("10", "9", "x"), [0, 1, 2], id="numbers beside text are text"),
        pytest.param(["1", "2.5", "3"], "auto", (), [[1], [2.5], [3]], id="a fraction makes a regression"),
        pytest.param(["1", "2", "2"], "regression", (), [[1], [2], [2]], id="whole numbers as a regression"),
        pytest.param(["고양이", "개", "개"], "auto", ("개", "고양이"), [1, 0, 0], id="any script"),
    ],
)
def test_target_kind_depends_on_its_cells(table, targets, task, classes, labels):
    path = table(build_table(*targets))
    assert inspect_csv(path, "y", task).classes == classes
    result = read_csv(path, "y", task).targets
    assert result.tolist() == labels
    assert result.dtype == (np.int32 if classes else np.float32)


@pytest.mark.parametrize(
    ("numbers", "count"),
    [
        pytest.param(range(21), 21, id="21 counted from 0 are classes"),
        pytest.param(range(1, 31), 30, id="30 counted from 1 are classes"),
        pytest.param(range(100, 300, 10), 20, id="20 of any size are classes"),
        pytest.param(range(100, 310, 10), 0, id="21 with gaps are measurements"),
        pytest.param(range(18, 60), 0, id="ages are measurements"),
    ],
)
def test_many_whole_numbers_are_classes_only_if_consecutive(table, numbers, count):
    assert len(inspect_csv(table(build_table(*numbers, *numbers)), "y", "auto").classes) == count


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        pytest.param("", "data.csv is empty", "the names of the columns", id="no bytes"),
        pytest.param("\n\n", "data.csv is empty", "the names of the columns", id="only blank lines"),
        pytest.param("a,b\n", "has a header but no rows", "", id="header only"),
        pytest.param("a,,b\n1,2,3\n", "data.csv:1  column 2 has no name", "index=False", id="column without a name"),
        pytest.param("a,a,b\n1,2,3\n", ":1  column a occurs 2 times", "", id="name there twice"),
        pytest.param("a\n1\n", ":1  has only the column a", "inputs", id="one column"),
        pytest.param("5.1,3.5,0\n4.9,3.0,1\n", ":1  contains numbers instead of a header", "", id="no header, numbers"),
        pytest.param("5.1,Iris\n4.9,Iris\n4.8,Rose\n", ":1  is not a header: 'Iris'", "", id="no header, text"),
        pytest.param("a,b\n1,0\n1,2,3\n", ":3  has more fields than the header: 3 instead", "quote", id="more fields"),
        pytest.param("a,b\n1,0\n1\n", ":3  has fewer fields than the header: 1 instead", "", id="fewer fields"),
        pytest.param("a,b\n,0\n", ":2  column a: the cell is empty", "fill in the cell", id="empty cell"),
        pytest.param("a,b\n1, \n", ":2  column b: the cell is empty", "drop_unlabelled", id="empty target"),
        pytest.param("a,b\nabc,0\n", ":2  column a: 'abc' is not a number", "encode text", id="text"),
        pytest.param("a;b\n1,5;0\n", ":2  column a: '1,5' has a decimal comma", "decimal point", id="decimal comma"),
        pytest.param("a,b\n1_000,0\n", ":2  column a: '1_000' is not a number", "", id="Python's own digits"),
        pytest.param("a,b\nnan,0\n", ":2  column a: 'nan' is not a finite number", "fill in the cell", id="nan"),
        pytest.param("a,b\n-inf,0\n", ":2  column a: '-inf' is not a finite", "fill in the cell", id="inf"),
        pytest.param("a,b\n1e39,0\n", ":2  column a: '1e39' is too large for a 32-bit", "divide", id="too large"),
        pytest.param("a,b\n" + "x" * 99 + ",0\n", "x…' is not a number", "", id="a long cell is cut"),
        pytest.param(b"a,b\n1,\xff\n", ":2  is not UTF-8 text", "UTF-8", id="not UTF-8"),
        pytest.param("a,b\n1,x\n".encode("utf-16-le"), ":1  contains a NUL byte", "UTF-8", id="UTF-16"),
        pytest.param('a,b\n1,"x\n', ":2  is not valid CSV", "close every quote", id="open quote"),
        pytest.param("a,b\n1," + "x" * 200_000 + "\n", ":2  is not valid CSV: field larger", "huge", id="huge field"),
        pytest.param(build_table("a", "a"), "column y contains only the class 'a'", "two classes", id="one class"),
        pytest.param(build_table(*range(21)), "has 21 classes in 21 examples", "task: regression", id="each its own"),
        pytest.param(
            build_table(*(f"n{at}" for at in range(21))), "21 classes in 21", "data.target", id="each its own name"
        ),
        pytest.param(build_table(*[*range(10_001)] * 2), "10,001 classes", "task: regression", id="too many classes"),
        pytest.param(build_table("1.5", "high"), ":3  column y: 'high' is not", "", id="text among fractions"),
        pytest.param(build_table("a", "nan"), ":3  column y: 'nan' is a missing target", "fill in", id="missing label"),
    ],
)
def test_error_names_the_line_and_a_hint(table, content, message, hint):
    error = get_error(table(content))
    assert message in error.message
    assert hint in error.suggestion


@pytest.mark.parametrize(
    ("targets", "task", "message", "hint"),
    [
        pytest.param(["1", "2.5"], "classification", ":3  column y: '2.5' is not a whole", "regression", id="fraction"),
        pytest.param(["1", "cat"], "regression", ":3  column y: 'cat' is not a number", "classification", id="text"),
        pytest.param(["1", "1e39"], "regression", ":3  column y: '1e39' is too large", "", id="too large"),
        pytest.param(["1", "inf"], "regression", ":3  column y: 'inf' is not a finite", "", id="inf"),
    ],
)
def test_target_must_match_the_task(table, targets, task, message, hint):
    error = get_error(table(build_table(*targets)), "y", task)
    assert message in error.message
    assert hint in error.suggestion


def test_unknown_target_suggests_the_nearest_column(table):
    error = get_error(table(IRIS), "speces")
    assert "has no column speces" in error.message
    assert error.suggestion == "did you mean species?"
    assert "sepal, petal, species" in get_error(table(IRIS), "zzz").suggestion


def test_first_ten_errors_are_listed_and_others_counted(table):
    path = table("a,b,c\n" + "1e39,1e40,0\n" * 8)
    lines = get_error(path).message.split("\n")
    assert lines[0] == f"{path}:2  column a: '1e39' is too large for a 32-bit float"
    assert lines[1] == f"{path}:2  column b: '1e40' is too large for a 32-bit float"
    assert len(lines) == 11
    assert lines[-1] == "… and 6 more"
    assert len(get_error(table("a,b,c\n" + "1e39,1e40,0\n" * 5)).message.split("\n")) == 10


def test_missing_cells_are_reported_once_a_column_with_a_way_to_replace_them(table):
    path = table("a,b,c\n" + "1,,0\n2,3,1\nnan,4,0\n" * 8)
    error = get_error(path)
    assert error.message.split("\n") == [
        f"{path}:2  column b: the cell is empty (7 more such cells in lines 5, 8, 11, 14, 17, …)",
        f"{path}:4  column a: 'nan' is not a finite number (7 more such cells in lines 7, 10, 13, 16, 19, …)",
    ]
    override = "'data.columns={a: {type: number, missing: median}, b: {type: number, missing: median}}'"
    assert error.suggestion == f"set the types of the columns: {override}"


def test_suggested_types_read_the_table(table):
    path = table("city,open,size,y\n" + "Bern,Y,1,0\nParis,N,,1\n" * 8)
    override = "'data.columns={city: category, open: boolean, size: {type: number, missing: median}}'"
    assert get_error(path).suggestion.endswith(override)
    columns = {"city": ColumnOptions("category"), "open": ColumnOptions("boolean"), "size": ColumnOptions("number")}
    assert inspect_csv(path, columns=tuple(columns.items())).input_columns == ("city", "open", "size")


def test_types_of_other_columns_are_no_remedy_for_a_wrong_cell(table):
    rows = [f"{at * 37 + 5},{at % 7},{at % 2}" for at in range(60)]
    error = get_error(table("\n".join(["id,a,y", *rows, "1,oops,1", ""])))
    assert error.suggestion == "encode text as numbers, or leave the column out: data.ignore=[a]"


def test_text_column_is_reported_in_one_line(table):
    rows = "".join(f"{at},Bern,north,{at % 2}\n" for at in range(300))
    path = table(f"id,City,Zone,y\n{rows}")
    error = get_error(path)
    lines = "lines 3, 4, 5, 6, 7, …"
    assert error.message.split("\n") == [
        f"{path}:2  column City: 'Bern' is not a number (299 more such cells in {lines})",
        f"{path}:2  column Zone: 'north' is not a number (299 more such cells in {lines})",
    ]
    assert error.suggestion.endswith("leave the columns out: 'data.ignore=[City, Zone]'")
    with pytest.raises(UserDataError) as caught:
        inspect_csv(path, None, "auto", None, ("id",))
    assert caught.value.suggestion.endswith("'data.ignore=[id, City, Zone]'")
    assert inspect_csv(path, None, "auto", None, ("City", "Zone")).features == ("id",)


def test_errors_are_sorted_by_line(table):
    path = table("a,b,c\n1,x,0\n" + "nan,1,0\n" * 12)
    assert get_error(path).message.split("\n")[0] == f"{path}:2  column b: 'x' is not a number"


def test_line_numbers_count_blank_and_quoted_lines(table):
    content = 'a,b\n1,"two\nlines"\n\n2,k\nbad,k\n'
    assert ":6  column a: 'bad'" in get_error(table(content)).message


def test_errors_beyond_the_first_block_are_found(table):
    rows = [f"{at},{at % 2}\n" for at in range(10_000)]
    rows[9_000] = "oops,1\n"
    assert ":9002  column a: 'oops'" in get_error(table("a,b\n" + "".join(rows))).message
    rows[9_000] = "9000,1\n"
    assert read_csv(table("a,b\n" + "".join(rows)), None, "auto").inputs[:, 0].tolist() == list(range(10_000))


def test_validation_file_uses_the_training_classes(table):
    path = table(build_table("b"))
    assert inspect_csv(path, "y", "auto", ("a", "b")).classes == ("a", "b")
    assert read_csv(path, "y", "auto", ("a", "b")).targets.tolist() == [1]
    assert read_csv(table(build_table("2.0"), "n.csv"), "y", "auto", ("1", "2")).targets.tolist() == [1]
    assert read_csv(table(build_table("02"), "t.csv"), "y", "auto", ("02", "x")).targets.tolist() == [0]
    assert read_csv(table(build_table("2"), "r.csv"), "y", "auto", ()).targets.tolist() == [[2.0]]
    error = get_error(table(build_table("a", "dog"), "d.csv"), "y", "auto", ("a", "b"))
    assert "d.csv:3  column y: 'dog' is not a class of the training file" in error.message
    assert "'a', 'b'" in error.suggestion


def test_file_is_parsed_once_until_it_changes(table, monkeypatch):
    path = table(IRIS)
    first = read_csv(path, None, "auto")
    monkeypatch.setattr(csv_table, "open_rows", None)
    assert inspect_csv(path, None, "auto").examples == 3
    assert read_csv(path, "species", "classification") is first
    assert read_csv(path, None, "auto") is first
    monkeypatch.undo()
    table(IRIS + "5.0,1.0,virginica\n")
    assert inspect_csv(path, None, "auto").examples == 4


def test_cached_arrays_are_read_only(table):
    arrays = read_csv(table(IRIS), None, "auto")
    with pytest.raises(ValueError, match="read-only"):
        arrays.inputs[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        arrays.targets[0] = 0


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")  # opening it would wait for a writer
    assert "is a pipe or device" in get_error(str(tmp_path / "pipe.csv")).message
    assert "is a pipe or device" in get_error("/dev/zero").message
    assert "is a directory" in get_error(str(tmp_path)).message
    assert "does not exist" in get_error(str(tmp_path / "none.csv")).message
    assert "cannot be read" in get_error("a\0b").message


def test_too_large_file_is_not_opened(tmp_path):
    path = tmp_path / "huge.csv"
    path.touch()
    os.truncate(path, 2_000_000_001)
    assert "2.0 GB" in get_error(str(path)).message


def test_endless_line_is_refused(table):
    assert ":2  is longer than" in get_error(table("a,b\n" + "1," * 6_000_000)).message


def test_dataset_contents_do_not_import_numpy():
    script = "import dnn_cli.formats.dataset_contents, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)  # files on a busy machine
@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1)))
def test_finite_floats_survive_a_round_trip(scratch, rows):
    header = ",".join(f"c{at}" for at in range(len(rows[0]))) + ",y\n"
    scratch.write_text(header + "".join(",".join(map(repr, [*row, 0.5])) + "\n" for row in rows))
    csv_table.parse_table.cache_clear()
    arrays = read_csv(str(scratch), None, "auto")
    assert np.array_equal(arrays.inputs, np.array(rows, np.float32))
    assert np.array_equal(arrays.targets, np.full((len(rows), 1), 0.5, np.float32))


ANY_TABLE = st.text('a1,;\t\n\r" .-eé\0_', max_size=60).map(lambda text: f"a,b\n{text}".encode())


@settings(deadline=None)  # files on a busy machine
@given(st.binary() | ANY_TABLE, st.sampled_from(["auto", "classification", "regression"]))
def test_any_bytes_are_a_table_or_refused(scratch, content, task):
    scratch.write_bytes(content)
    csv_table.parse_table.cache_clear()
    try:
        assert inspect_csv(str(scratch), None, task).examples > 0
    except UserDataError as error:
        assert error.message.startswith(str(scratch))
