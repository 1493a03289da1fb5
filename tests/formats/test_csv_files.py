"""Files as people have them: what the reader of tables decides, names, and refuses."""

import gzip
import itertools
import shlex
from dataclasses import replace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.errors import UserDataError
from dnn_cli.formats import csv_table, csv_text
from dnn_cli.formats.csv_table import inspect_csv, read_csv
from dnn_cli.formats.reader_options import CsvOptions
from tests.helpers.csv_contents import ANY_CONTENT, CASES, build_rows


@pytest.fixture
def write(tmp_path):
    """Writes a file, text as UTF-8, and returns its path."""
    numbers = itertools.count()

    def make(content, name="cars.csv"):
        path = tmp_path / str(next(numbers)) / name
        path.parent.mkdir()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


def read_table(path, classes=None, **options):
    """Read the contents and the arrays of a file."""
    return inspect_csv(path, CsvOptions(**options), classes), read_csv(path, CsvOptions(**options), classes)


def get_error(path, **options):
    """Return the message and the suggestion of the error of a file as one text."""
    with pytest.raises(UserDataError) as caught:
        inspect_csv(path, CsvOptions(**options))
    return f"{caught.value.message}  ({caught.value.suggestion})"


def list_remarks(path, **options):
    """Return the remarks about a file as texts."""
    return [str(remark) for remark in inspect_csv(path, CsvOptions(**options)).remarks]


DIGITS = build_rows([5, 0, 4] * 5, [0] * 15, [0, 1, 2] * 5, [0] * 15)
TARGET_DECISION = {"target": "y", "task": "classification"}


@pytest.mark.parametrize("name", CASES)
def test_decided_values_as_options_give_the_same_table(write, name):
    path = write(CASES[name])
    contents, arrays = read_table(path)
    csv_table.parse_table.cache_clear()
    csv_table._known_decisions.clear()
    again, same_arrays = read_table(path, **contents.decisions)
    assert again == replace(
        contents,
        decisions={},
        remarks=tuple(
            remark
            for remark in contents.remarks
            if not any(remark.override.strip("'").startswith(f"data.{key}=") for key in contents.decisions)
        ),
    )
    assert np.array_equal(arrays.inputs, same_arrays.inputs)
    assert np.array_equal(arrays.targets, same_arrays.targets)


@pytest.mark.parametrize(
    ("name", "remark", "decisions"),
    [
        pytest.param("plain", None, {}, id="nothing but the target"),
        pytest.param("semicolons", "cars.csv: the semicolon is the delimiter", {"delimiter": ";"}, id="semicolons"),
        pytest.param("tabs", "cars.csv: the tab is the delimiter", {"delimiter": "\t"}, id="tabs"),
        pytest.param("vertical bars", "cars.csv: the vertical bar is the delimiter", {"delimiter": "|"}, id="bars"),
        pytest.param("comments", "cars.csv: 2 lines with # before the header, left out", {}, id="comments"),
        pytest.param("Excel's first line", "the delimiter, as line 1 says", {"delimiter": ";"}, id="Excel"),
        pytest.param("row numbers", "column 1: no name, row numbers or row names, left out", {}, id="row numbers"),
        pytest.param("row names", "column 1: no name, row numbers or row names, left out", {}, id="row names"),
        pytest.param("delimiters at the ends", "column 4: no name, no values, left out", {}, id="delimiter at the end"),
        pytest.param("empty column", "column 2: no name, no values, left out", {}, id="empty column"),
        pytest.param(
            "words", "columns sex, smoker: true/yes read as 1, false/no as 0", {"task": "regression"}, id="words"
        ),
        pytest.param(
            "Korean", "cars.csv: not UTF-8, read as cp949", {"encoding": "cp949", "target": "등급"}, id="Korean"
        ),
        pytest.param("Japanese", "not UTF-8, read as cp932 by a guess", {"encoding": "cp932"}, id="Japanese"),
        pytest.param("French", "not UTF-8, read as cp1252 by a guess", {"encoding": "cp1252"}, id="French"),
        pytest.param("UTF-16", "the semicolon is the delimiter", {"delimiter": ";"}, id="UTF-16"),
        pytest.param("gzip", None, {}, id="gzip"),
        pytest.param(
            "many whole numbers", "column y: 59 different whole numbers with gaps are a regression  "
            "(data.task=classification)", {"task": "regression"}, id="many whole numbers",
        ),
        pytest.param(
            "few whole numbers", "column quality: 6 different whole numbers are classes  (data.task=regression)",
            {"target": "quality"}, id="few whole numbers",
        ),
        pytest.param("signs", None, {}, id="signs"),
    ],
)  # fmt: skip
def test_remarks_name_decisions_and_unused_parts(write, name, remark, decisions):
    path = write(CASES[name])
    contents = inspect_csv(path, CsvOptions())
    remarks = [str(remark) for remark in contents.remarks]
    assert contents.decisions == TARGET_DECISION | decisions
    target = decisions.get("target", "y")
    assert any(text.startswith(f"column {target}: the target, as the last column  (") for text in remarks)
    assert len(remarks) == (1 if remark is None else 2)
    assert remark is None or any(remark in text for text in remarks)


def test_different_numbers_in_all_rows_are_no_classes(write):
    remarks = inspect_csv(write("a,y\n" + build_rows(range(60), range(100, 700, 10))), CsvOptions()).remarks
    assert "column y: 60 different whole numbers with gaps are a regression" in map(str, remarks)


def test_explicit_options_give_no_remarks(write):
    options = {"target": "y", "task": "classification", "delimiter": ";", "encoding": "utf-16"}
    contents = inspect_csv(write(CASES["UTF-16"]), CsvOptions(**options))
    assert contents.remarks == ()
    assert contents.decisions == {}


def test_all_dialects_give_the_same_arrays(write):
    expected = read_table(write(CASES["plain"]))[1]
    names = ["tabs", "vertical bars", "comments", "Excel's first line", "row numbers", "row names", "UTF-16", "gzip"]
    names += ["delimiters at the ends", "empty column", "carriage returns"]
    for name in names:
        contents, arrays = read_table(write(CASES[name]))
        assert contents.features == ("a", "b"), name
        assert np.array_equal(arrays.inputs, expected.inputs), name
        assert np.array_equal(arrays.targets, expected.targets), name


# C09: no header


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("5,0,0,0\n4,0,1,0\n", id="zeros occur several times"),
        pytest.param("5.1,3.5,1.4,0.2\n4.9,3.0,1.4,0.2\n", id="fractions"),
        pytest.param("5.1,3.5,0.2,Iris-setosa\n4.9,3.0,0.2,Iris-setosa\n5,3,0.3,Iris-rosea\n", id="a class"),
    ],
)
def test_numbers_instead_of_names_are_refused_with_two_ways_out(write, text):
    error = get_error(write(text))
    assert "cars.csv:1  " in error
    assert "(add a first line with the names of the columns, or set data.header=false)" in error


def test_text_below_numbers_hints_at_a_missing_header(write):
    error = get_error(write("39,State-gov,77516,<=50K\n50,Private,83311,<=50K\n38,Private,2154,>50K\n"))
    assert "(set data.header=false if line 1 is an example, encode text as numbers, or leave" in error
    assert "data.header" not in get_error(write("age,job,y\n39,State-gov,no\n"))


def test_file_without_header_numbers_its_columns(write):
    contents, arrays = read_table(write(DIGITS), header=False, target="1")
    assert contents.features == ("2", "3", "4")
    assert contents.examples == 15
    assert contents.classes == ("0", "4", "5")
    assert arrays.inputs[:2].tolist() == [[0, 0, 0], [0, 1, 0]]
    contents = inspect_csv(write(DIGITS), CsvOptions(header=False, target="1", ignore=("4",), weight="3"))
    assert contents.features == ("2",)


def test_numbers_are_names_if_the_header_is_explicit(write):
    contents = inspect_csv(write("400.5,401,402\n1,2,0\n3,4,1\n"), CsvOptions(header=True))
    assert contents.features == ("400.5", "401")
    assert inspect_csv(write(",0,1,2\n0,1,2,0\n1,3,4,1\n"), CsvOptions()).features == ("0", "1")


# C11: delimiter


@pytest.mark.parametrize(
    ("text", "features"),
    [
        pytest.param('"Temp (C, mean)";wind;y\n1.5;2;0\n2;3;1\n', ("Temp (C, mean)", "wind"), id="quoted comma"),
        pytest.param("Temp (C, mean);wind;y\n1.5;2;0\n2;3;1\n", ("Temp (C, mean)", "wind"), id="comma"),
        pytest.param("Temp (C, mean)\twind\ty\n1.5\t2\t0\n2\t3\t1\n", ("Temp (C, mean)", "wind"), id="tab, comma"),
        pytest.param("a;b,c,y\n1,2,0\n3,4,1\n", ("a;b", "c"), id="semicolon in a name"),
        pytest.param('a,note,y\n1,2,"x\n;"\n3,4,z\n', ("a", "note"), id="line end within quotes"),
    ],
)
def test_delimiter_gives_rows_of_equal_length(write, text, features):
    assert inspect_csv(write(text), CsvOptions()).features == features


def test_explicit_delimiter_is_used(write):
    path = write("a b y\n1 2 0\n3 4 1\n")
    assert "has only the column" in get_error(path)
    assert inspect_csv(path, CsvOptions(delimiter=" ")).features == ("a", "b")
    assert "'1' cannot be the delimiter" in get_error(path, delimiter="1")


def test_number_sign_before_names_is_part_of_the_header(write):
    path = write("# simulated\n# a,b,y\n1.0,2.0,0\n3.0,4.0,1\n")
    assert inspect_csv(path, CsvOptions()).features == ("# a", "b")
    assert inspect_csv(write("#id,b,y\n1,2,0\n3,4,1\n"), CsvOptions()).features == ("#id", "b")


# C20: words for yes and no


@pytest.mark.parametrize(
    "words", [("True", "False"), ("TRUE", "FALSE"), ("true", "false"), ("yes", "no"), ("t", "f"), ("Y", "N")]
)
def test_words_for_yes_and_no_are_1_and_0(write, words):
    arrays = read_table(write(f"a,b,y\n{words[0]},1,0.5\n{words[1]},2,1.5\n"))[1]
    assert arrays.inputs.tolist() == [[1, 1], [0, 2]]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param(["yes", "no", "maybe"], ":2  column a: 'yes' is not a number", id="another word"),
        pytest.param(["y", "f", "n"], ":2  column a: 'y' is not a number", id="words of two pairs"),
        pytest.param(["True", "1", "0"], ":2  column a: 'True' is not a number", id="numbers"),
        pytest.param(["True", "", "False"], ":3  column a: the cell is empty", id="empty cell"),
        pytest.param(["yes"] * 5000 + ["2"], ":5002  column a: '2' is not yes or no", id="number after many words"),
        pytest.param([1] * 5000 + ["yes"], ":5002  column a: 'yes' is not a number", id="word after many numbers"),
    ],
)
def test_column_of_words_and_other_cells_is_refused(write, cells, message):
    assert message in get_error(write("a,b,y\n" + build_rows(cells, range(len(cells)), [0.5] * len(cells))))


# C03 and C22: amounts


@pytest.mark.parametrize(
    ("cells", "delimiter", "keys", "numbers"),
    [
        pytest.param(["1,200", "950"], ",", {"thousands": ","}, [1200, 950], id="thousands"),
        pytest.param(["1.234,56", "7,5"], ";", {"decimal": ",", "thousands": "."}, [1234.56, 7.5], id="both"),
        pytest.param(["1 200", "950"], ",", {"thousands": " "}, [1200, 950], id="spaces"),
        pytest.param(["1'200", "950"], ",", {"thousands": "'"}, [1200, 950], id="apostrophes"),
        pytest.param(["$12,500", "-$5"], ",", {"strip": ("$",), "thousands": ","}, [12500, -5], id="dollars"),
        pytest.param(["5%", "12.5 %"], ",", {"strip": ("%",)}, [5, 12.5], id="percent"),
        pytest.param(["12,500원", "원 5"], ",", {"strip": ("원",), "thousands": ","}, [12500, 5], id="won"),
        pytest.param(["0,5", "1e3"], ";", {"decimal": ","}, [0.5, 1000], id="decimal comma"),
    ],
)
@pytest.mark.parametrize("is_target", [False, True])
def test_amounts_are_refused_and_read_with_the_suggested_keys(write, cells, delimiter, keys, numbers, is_target):
    all_keys, keys = keys, dict(keys)
    rows = [f'"{cell}"{delimiter}{at}\n' for at, cell in enumerate([*cells] * 20)]
    path = write(f"area{delimiter}other\n" + "".join(rows))
    target = "area" if is_target else "other"
    error = get_error(path, target=target)
    assert f"cars.csv:2  column area: '{cells[0]}'" in error or f'cars.csv:2  column area: "{cells[0]}"' in error
    for override in shlex.split(error.rsplit("or set ", 1)[1][:-1]):
        key, text = override.removeprefix("data.").split("=")
        value = yaml.safe_load(text) if text[0] in '["' else text
        assert keys.pop(key) == (tuple(value) if key == "strip" else value)
    assert keys == {}
    keys = all_keys
    arrays = read_table(path, target=target, task="regression", **keys)[1]
    values = arrays.targets[:, 0] if is_target else arrays.inputs[:, 0]
    assert np.array_equal(values, np.array(numbers * 20, np.float32))


def test_prices_with_separators_are_a_regression(write):
    path = write("a,price\n" + "".join(f'{at},"${at * 500:,}"\n' for at in range(20, 620)))
    assert "(600 such cells in total)" in get_error(path)
    contents, arrays = read_table(path, thousands=",", strip=("$",))
    assert contents.classes == ()
    assert arrays.targets[:2].tolist() == [[10_000], [10_500]]


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        pytest.param("1,5", {"thousands": ","}, "'1,5' has a decimal comma", id="group of one digit"),
        pytest.param("1.5", {"decimal": ","}, "'1.5' does not have the decimal character ,", id="point"),
        pytest.param("1,5", {"decimal": ",", "thousands": ","}, "data.thousands=, is also the decimal", id="both"),
        pytest.param("1.5", {"thousands": "."}, "data.thousands=. is also the decimal", id="default point"),
        pytest.param("15", {"strip": ("5",)}, "data.strip has '5', which would change numbers", id="digit"),
        pytest.param("1$5", {"strip": ("$",)}, "'1$5' is not a number", id="text within a number"),
    ],
)
def test_number_in_another_form_is_refused(write, cell, options, message):
    assert message in get_error(write(f'a,y\n"{cell}",no\n"{cell}",yes\n'), **options)
    if "data." not in message and cell != "1$5":
        assert "column y" in get_error(write(f'a,y\n1,"{cell}"\n2,"{cell}"\n'), task="regression", **options)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        pytest.param(["<1000"], ":3  column price: '<1000' is not a number", id="limit among whole numbers"),
        pytest.param(["$1,500"] * 3, ":3  column price: '$1,500' is a number with separators", id="a few amounts"),
    ],
)
def test_few_other_cells_do_not_turn_a_regression_into_classes(write, others, message):
    prices = [1000, *others, *range(1010, 2000, 10), *range(1010, 2000, 10)]
    path = write("a,price\n" + "".join(f'{at},"{price}"\n' for at, price in enumerate(prices)))
    error = get_error(path)
    assert message in error
    assert "task: classification" in error
    assert inspect_csv(path, CsvOptions(task="classification")).classes


def test_many_amounts_are_not_classes_even_with_a_text(write):
    path = write("a,price\n0,call\n" + "".join(f'{at},"{at},500"\n' for at in range(10, 60)))
    assert "(50 such cells in total)" in get_error(path)


# C04: missing targets


@pytest.mark.parametrize("marker", ["", "NA", "N/A", "?", "-", "None", "null", "nan", "none"])
def test_missing_targets_are_counted_and_left_out_on_request(write, marker):
    prices = list(range(1000, 2000, 10))
    prices[3] = prices[7] = prices[50] = marker
    path = write("a,price\n" + build_rows(range(100), prices))
    error = get_error(path)
    text = f"'{marker}' is a missing target" if marker else "the cell is empty"
    assert f"cars.csv:5  column price: {text} (2 more such cells in lines 9, 52)" in error
    assert "set data.target to the column to predict, fill in the targets" in error
    assert "data.drop_unlabelled=true" in error
    contents, arrays = read_table(path, drop_unlabelled=True)
    assert contents.classes == ()
    assert contents.examples == len(arrays.targets) == 97
    assert arrays.inputs[:5, 0].tolist() == [0, 1, 2, 4, 5]
    remarks = [str(remark) for remark in contents.remarks]
    assert any("column price: 3 rows without a target, left out, the first in line 5" in text for text in remarks)


def test_minus_is_a_class_next_to_plus_and_none_next_to_text(write):
    assert inspect_csv(write("a,y\n1,+\n2,-\n"), CsvOptions()).classes == ("+", "-")
    assert inspect_csv(write("a,y\n1,none\n2,high\n"), CsvOptions()).classes == ("high", "none")


def test_rows_without_target_may_lack_inputs(write):
    path = write("a,y\n1,no\n,?\n2,yes\n")
    assert read_table(path, drop_unlabelled=True)[1].inputs.tolist() == [[1], [2]]
    assert "has no rows with a target" in get_error(write("a,y\n1,?\n"), drop_unlabelled=True)


# C23, C24: columns without a name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(",a,y\n0.5,1,0\n", "column 1 has no name, but the value '0.5' in line 2", id="fractions"),
        pytest.param(",a,,y\n0,1,2,0\n", "column 3 has no name, but the value '2' in line 2", id="row numbers too"),
        pytest.param("a,,y\n1,2,0\n", "column 2 has no name, but the value '2' in line 2", id="in the middle"),
        pytest.param("a,y,\n1,0,\n1,0,7\n", "column 3 has no name, but the value '7' in line 3", id="at the end"),
        pytest.param("a,y\n1,0,\n1,0,7\n", ":3  has more fields than the header: 3 instead of 2", id="rows only"),
        pytest.param("a,a,y\n1,2,0\n", "column a occurs 2 times: columns 1, 2", id="repeated"),
    ],
)
def test_columns_without_a_clear_name_are_refused(write, text, message):
    error = get_error(write(text))
    assert message in error
    assert ("data.ignore=" in error) is ("more fields" not in error)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b,y,\n1,2,0,\n3,4,1,\n", id="all lines"),
        pytest.param("a,b,y,\n1,2,0\n3,4,1\n", id="header only"),
        pytest.param("a,b,y\n1,2,0,\n3,4,1,\n", id="rows only"),
        pytest.param("a,b,y,,\n1,2,0\n3,4,1,,\n", id="several"),
    ],
)
def test_delimiters_at_line_ends_are_left_out_with_a_remark(write, text):
    contents, arrays = read_table(write(text))
    assert contents.features == ("a", "b")
    assert arrays.inputs.tolist() == [[1, 2], [3, 4]]
    assert any("left out" in remark.message for remark in contents.remarks)


def test_incomplete_row_does_not_hide_the_kind_of_a_column(write):
    error = get_error(write("a,b,y\nyes,1,0.5\nno,2\nno,x,1.5\n"))
    assert ":3  has fewer fields than the header: 2 instead of 3" in error
    assert ":4  column b: 'x' is not a number" in error
    assert "column a" not in error


def test_repeated_and_unnamed_columns_can_be_ignored(write):
    path = write("a,b,a,,y\n1,2,3,4,0\n5,6,7,8,1\n")
    assert "data.ignore=[a]" in get_error(path)
    assert inspect_csv(path, CsvOptions(ignore=("a", ""))).features == ("b",)
    ignored = CsvOptions(ignore=("b",))
    for content, names in (("a,b,a,y\n1,2,3,0\n", "[b, a]"), ("a,b,,y\n1,2,3,0\n", '["b", ""]')):
        with pytest.raises(UserDataError) as caught:
            inspect_csv(write(content), ignored)
        assert f"data.ignore={names}" in caught.value.suggestion


@pytest.mark.parametrize("name", ["a\x85", "\x7fa", "\x01a"])
def test_a_name_with_a_control_character_is_refused(write, name):
    error = get_error(write(f"{name}b,y\n1,0\n2,1\n"))
    assert f":1  the name of column 1 contains the control character U+{ord(name.strip('a')):04X}" in error


# The target


@pytest.mark.parametrize(
    ("header", "choices"),
    [
        pytest.param("label,pixel1,pixel2,pixel3", ("label", "pixel3"), id="first"),
        pytest.param("Class,a,b,c", ("Class", "c"), id="first, in capitals"),
        pytest.param("id,label,pixel1,pixel2,pixel3", ("label", "pixel3"), id="before numbered inputs"),
    ],
)
def test_ambiguous_target_is_refused_with_two_ways_out(write, header, choices):
    row = ",".join(str(at) for at in range(header.count(",") + 1))
    path = write(f"{header}\n{row}\n{row.translate({48: '9', 49: '8', 51: '5', 52: '6'})}\n")
    assert f"(set data.target={choices[0]} or data.target={choices[1]})" in get_error(path)
    assert inspect_csv(path, CsvOptions(rules=1)).target == choices[1]
    for choice in choices:
        assert inspect_csv(path, CsvOptions(target=choice, task="regression")).target == choice


@pytest.mark.parametrize("header", ["label,a,class", "a,label,b", "x,y,z"])
def test_last_column_is_the_target(write, header):
    path = write(f"{header}\n1,2,3\n4,5,6\n")
    assert inspect_csv(path, CsvOptions()).target == header.split(",")[-1]


# C27: encodings and compression


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_korean_table_is_read_in_every_encoding(write, encoding):
    text = "나이,체중,등급\n1,2,합격\n3,4,불합격\n"
    expected = read_table(write(text))[1]
    for options in ({}, {"encoding": encoding}):
        contents, arrays = read_table(write(text.encode(encoding)), **options)
        assert contents.features == ("나이", "체중")
        assert contents.classes == ("불합격", "합격")
        assert np.array_equal(arrays.targets, expected.targets)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_western_table_is_read(write, encoding):
    path = write("größe,prix,y\n1,2,été\n3,4,hiver\n".encode(encoding))
    assert inspect_csv(path, CsvOptions()).features == ("größe", "prix")
    assert inspect_csv(path, CsvOptions(encoding=encoding)).classes == ("hiver", "été")


def test_encoding_is_guessed_from_lines_far_from_the_start(write):
    rows = "".join(f"{at},한글분류{at % 2}\n" for at in range(3))
    path = write(("a,y\n" + "1,x\n" * 600_000 + rows).encode("cp949"))
    assert inspect_csv(path, CsvOptions()).decisions["encoding"] == "cp949"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        pytest.param("имя,y\n1,да\n".encode("cp1251"), {}, ":1  is not UTF-8 text", id="Russian"),
        pytest.param("a,y\n1,가\n".encode("cp949"), {}, ":2  is not UTF-8 text", id="a single syllable"),
        pytest.param("a,y\n1,é\n".encode(), {"encoding": "ascii"}, ":2  is not ASCII text", id="explicit encoding"),
        pytest.param(b"a,y\n", {"encoding": "klingon"}, "'klingon' is not an encoding of text", id="unknown"),
        pytest.param(b"a,y\n", {"encoding": "base64"}, "'base64' is not an encoding of text", id="not text"),
        pytest.param("a,y\n1,2\n".encode("utf-16")[:-1], {}, "is not UTF-16 text", id="odd UTF-16"),
        pytest.param(gzip.compress(b"a,y\n1,2\n")[:-9], {}, "is a damaged gzip file", id="cut gzip"),
        pytest.param(b"\x1f\x8bxx", {}, "is a damaged gzip file", id="not gzip"),
    ],
)
def test_unreadable_text_is_refused(write, content, options, message):
    error = get_error(write(content), **options)
    assert message in error
    if "UTF-8" in message:
        assert "data.encoding=cp949" in error


def test_decompression_is_limited(write, monkeypatch):
    path = write(gzip.compress(b"a,y\n" + b"1,2\n" * 100_000), "cars.csv.gz")
    monkeypatch.setattr(csv_text, "_MAX_CSV_BYTES", 100_000)
    assert "of decompressed text" in get_error(path)


# C42: weights and scale


def test_weights_are_not_inputs(write):
    contents, arrays = read_table(write("a,w,y\n1,0.5,no\n2,2,yes\n"), weight="w")
    assert contents.features == ("a",)
    assert contents.weight == "w"
    assert arrays.weights.dtype == np.float32
    assert arrays.weights.tolist() == [0.5, 2]
    assert read_table(write(CASES["plain"]))[1].weights is None


def test_a_column_called_weight_is_an_input_unless_the_config_names_it(write):
    path = write("Sample Weight,a,y\n1,2,no\n3,4,yes\n")
    remark = "column Sample Weight: an input, not the weights of the rows  ('data.weight=\"Sample Weight\"')"
    assert remark in map(str, inspect_csv(path, CsvOptions()).remarks)
    assert remark not in map(str, inspect_csv(path, CsvOptions(weight="Sample Weight")).remarks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a,w,y\n1,-1,no\n", ":2  column w: '-1' is a negative weight", id="negative"),
        pytest.param("a,w,y\n1,,no\n", ":2  column w: the cell is empty", id="empty"),
        pytest.param("a,w,y\n1,inf,no\n", ":2  column w: 'inf' is not a finite number", id="infinite"),
        pytest.param("a,w,y\n1,0,no\n2,0,yes\n", "column w has only weights of 0", id="all zero"),
        pytest.param("a,v,y\n1,1,no\n", "has no column w", id="missing column"),
        pytest.param("a,b,w\n1,1,no\n", "column w is both the target and the weight", id="target"),
    ],
)
def test_invalid_weights_are_refused(write, text, message):
    assert message in get_error(write(text), weight="w", **({"target": "w"} if ",b,w" in text else {}))


def test_scale_is_the_divisor(write):
    assert inspect_csv(write(CASES["plain"]), CsvOptions(scale=255.0)).pixel_max == 255
    assert inspect_csv(write(CASES["plain"]), CsvOptions()).pixel_max == 1


# Other splits, and rules of older versions


def test_validation_file_reports_its_text_decisions(write):
    contents = inspect_csv(write(CASES["plain"]), CsvOptions(target="y"), ("no", "yes"))
    assert contents.decisions == {"encoding": "utf-8-sig", "delimiter": ","}
    contents = inspect_csv(write(CASES["tabs"]), CsvOptions(target="y"), ("no", "yes"))
    assert contents.decisions == {"encoding": "utf-8-sig", "delimiter": "\t"}


def test_first_rules_read_as_before(write):
    first = CsvOptions(rules=1)
    assert inspect_csv(write("a,y\n1,?\n2,NA\n3,-\n"), first).classes == ("-", "?", "NA")
    assert inspect_csv(write("a,y\n1,5%\n2,6%\n"), first).classes == ("5%", "6%")
    assert inspect_csv(write("#a,y\n1,0\n2,1\n"), first).features == ("#a",)
    assert inspect_csv(write("a,b;c\n1,2\n3,4\n"), first).target == "b;c"
    assert inspect_csv(write(CASES["few whole numbers"]), first).decisions == {}
    assert inspect_csv(write("label,a,b\n1,2,0\n3,4,1\n"), first).target == "b"


# C67: tables that pass


def test_wine_quality_table_is_read(write):
    rows = "".join(f"{at / 7:.2f};{at};{3 + at % 6}\r\n" for at in range(100))
    path = write('\ufeff"fixed acidity";"pH";"quality"\r\n' + rows + "\r\n")
    contents = inspect_csv(path, CsvOptions())
    assert contents.features == ("fixed acidity", "pH")
    assert contents.classes == tuple("345678")
    assert "column quality: 6 different whole numbers are classes  (data.task=regression)" in list_remarks(path)


ANY_OPTIONS = st.builds(
    CsvOptions,
    target=st.sampled_from([None, "y", "1", "a"]),
    task=st.sampled_from(["auto", "classification", "regression"]),
    ignore=st.sampled_from([(), ("a",), ("",)]),
    header=st.sampled_from([None, True, False]),
    delimiter=st.sampled_from([None, ",", ";", "\t", " ", "|", '"', "\n", "a", "#"]),
    encoding=st.sampled_from([None, "utf-8", "cp949", "utf-16", "utf-7", "idna", "unicode_escape", "zip", "x\0"]),
    decimal=st.sampled_from([None, ".", ","]),
    thousands=st.sampled_from([None, ",", ".", " ", "'"]),
    strip=st.sampled_from([(), ("$",), ("%", "$"), ("1",)]),
    drop_unlabelled=st.booleans(),
    weight=st.sampled_from([None, None, "b", "2"]),
    rules=st.sampled_from([1, 2]),
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return the path of a file that every example of a rule writes again."""
    return tmp_path_factory.mktemp("csv") / "data.csv"


@settings(deadline=None)  # files on a busy machine
@given(ANY_CONTENT, st.just(CsvOptions()) | ANY_OPTIONS, st.sampled_from([None, None, (), ("no", "yes")]))
def test_any_file_is_a_table_or_refused(scratch, content, options, classes):
    scratch.write_bytes(content)
    csv_table.parse_table.cache_clear()
    csv_table._known_decisions.clear()
    try:
        contents, arrays = inspect_csv(str(scratch), options, classes), read_csv(str(scratch), options, classes)
    except UserDataError as error:
        assert error.message.startswith(str(scratch))
        return
    csv_table.parse_table.cache_clear()
    csv_table._known_decisions.clear()
    decided = replace(options, **contents.decisions)
    assert np.array_equal(read_csv(str(scratch), decided, classes).inputs, arrays.inputs)
    assert np.array_equal(read_csv(str(scratch), decided, classes).targets, arrays.targets)
    assert inspect_csv(str(scratch), decided, classes).classes == contents.classes


def test_two_possible_delimiters_are_refused_with_two_ways_out(write):
    path = write("0,0;A\n1,1;B\n2,5;A\n")
    message = get_error(path)
    assert message.startswith(f"{path}: the comma and the semicolon give rows of equal length")
    assert "set data.delimiter=, or 'data.delimiter=;'" in message
    contents = inspect_csv(path, CsvOptions(header=False, delimiter=";", decimal=","))
    assert (contents.input_shape, contents.classes) == ((1,), ("A", "B"))


def test_points_that_may_separate_thousands_are_named(write):
    path = write("area;rooms;y\n1.200;3;no\n2.450;4;yes\n")
    remark = "column area: 1.200 is read as 1.2  (data.thousands=. data.decimal=,)"
    assert list_remarks(path).count(remark) == 1
    assert remark not in list_remarks(path, decimal=".")
    assert read_table(path, thousands=".", decimal=",")[1].inputs.tolist() == [[1200, 3], [2450, 4]]
    assert remark not in list_remarks(write("area;rooms;y\n1.200;3;no\n2.5;4;yes\n"))
