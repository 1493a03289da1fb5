import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.formats import csv_table
from dnn_cli.formats.csv_amounts import normalize_amount
from dnn_cli.formats.reader_options import CsvOptions


def inspect_csv(path, target, task, classes, **options):
    """Inspect a file with the options of a run."""
    return csv_table.inspect_csv(path, CsvOptions(target, task, **options), classes)


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("$12,500", "12500"), ("12,500", "12500"), ("1,234.56", "1234.56"), ("1.234,56", "1234.56"), ("1 200", "1200"),
        ("12,5", "12.5"), ("-1,5", "-1.5"), ("€ 12.500,00", "12500.00"), ("12,500원", "12500"), ("USD 5", "5"),
        ("$1.5", "1.5"), ("$1.234", "1.234"), ("1.234.567", "1234567"), ("-$1,200", "-1200"),
        ("12", ""), ("1.5", ""), ("1e3", ""), ("", ""), ("$", ""), ("abc", ""), ("1,2,3", ""), ("1,20,300", ""),
        ("0,567", "0.567"), ("€0,567", "0.567"), ("-0,125", "-0.125"), ("0,123,456", ""),
        ("12:30", ""), ("2024-01-01", ""), ("1" * 50, ""),
    ],
)  # fmt: skip
def test_amounts_are_normalized(cell, plain):
    assert normalize_amount(cell) == plain


def write_table(tmp_path, cells):
    path = tmp_path / "cars.csv"
    path.write_text("a,price\n" + "".join(f'{at},"{cell}"\n' for at, cell in enumerate(cells)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("form", ["${:,}", "{:,}", "{:,} €"])
def test_target_of_amounts_is_refused(tmp_path, form):
    prices = [500 * (at % 70 + 10) for at in range(200)]
    with pytest.raises(UserDataError) as refused:
        inspect_csv(write_table(tmp_path, map(form.format, prices)), None, "auto", None)
    first = form.format(5000)
    keys = {"${:,}": "data.strip=[$] data.thousands=,", "{:,}": "data.thousands=,"}
    assert refused.value.message.endswith(
        f"cars.csv:2  column price: '{first}' is a number with separators or a currency (200 such cells in total)"
    )
    assert refused.value.suggestion == (
        "write 5000: no separators, and decimals with a point; or use task: classification if the cells are class "
        f"names; or set {keys.get(form, 'data.strip=[€] data.thousands=,')}"
    )
    assert inspect_csv(write_table(tmp_path, prices), None, "auto", None).classes == ()


def test_single_amount_is_reported_with_its_line(tmp_path):
    cells = [*range(1000, 1100), "$12,500", *range(1100, 1200)]
    with pytest.raises(
        UserDataError, match=r"cars.csv:102  column price: '\$12,500' is a number with separators or a currency$"
    ):
        inspect_csv(write_table(tmp_path, cells), None, "auto", None)


def test_amounts_are_classes_if_requested_or_beside_text(tmp_path):
    brackets = ["$10", "$20"] * 20
    assert inspect_csv(write_table(tmp_path, brackets), None, "classification", None).classes == ("$10", "$20")
    assert inspect_csv(write_table(tmp_path, [*brackets, "more"]), None, "auto", None).classes == ("$10", "$20", "more")


def test_regression_of_amounts_suggests_the_plain_number(tmp_path):
    with pytest.raises(UserDataError) as refused:
        inspect_csv(write_table(tmp_path, ["$12,500", "$13,000"]), None, "regression", None)
    assert refused.value.suggestion == (
        "write 12500: no separators, and decimals with a point; or set data.strip=[$] data.thousands=,"
    )


@pytest.mark.parametrize(("cell", "plain"), [("1,200", "1200"), ("1.234,56", "1234.56"), ("1 200", "1200")])
def test_input_with_separators_is_refused(tmp_path, cell, plain):
    path = tmp_path / "t.csv"
    path.write_text(f'area,y\n"{cell}",0\n"{plain}",1\n')
    with pytest.raises(UserDataError) as refused:
        inspect_csv(str(path), None, "auto", None)
    assert refused.value.suggestion.startswith(f"write {plain}: no separators, and decimals with a point")
    path.write_text(f"area,y\n{plain},0\n950,1\n")
    assert inspect_csv(str(path), None, "auto", None).examples == 2


def get_hint(tmp_path, cells, delimiter=",", *, is_target=False):
    """The hint for a column with these cells, as an input or as the target."""
    path = tmp_path / "t.csv"
    rows = (f'"{cell}"{delimiter}1.5\n' for cell in cells)
    path.write_text(f"share{delimiter}y\n" + "".join(rows), encoding="utf-8")
    with pytest.raises(UserDataError) as refused:
        inspect_csv(str(path), "share" if is_target else None, "auto", None)
    return refused.value.suggestion


@pytest.mark.parametrize("is_target", [False, True])
@pytest.mark.parametrize(
    ("cells", "delimiter", "hint"),
    [
        pytest.param(["0,567", "0,812"], ";", "write 0.567, and use a decimal", id="zero first"),
        pytest.param(["0,567", "0,812"], ",", "write 0.567, and use a decimal", id="zero first, commas apart"),
        pytest.param(["1,234", "5,67", "12"], ",", "write 1.234, and use a decimal", id="another cell with two digits"),
        pytest.param(["12,345", "1234,5"], "\t", "write 12.345, and use a decimal", id="four digits first"),
        pytest.param(["1,234", "-0,567"], ";", "write 1.234, and use a decimal", id="another cell begins with zero"),
        pytest.param(["1,234", "5,678"], ";", "write 1234, or 1.234 if the comma is a decimal comma", id="either"),
        pytest.param(["1,234 €", "5,678 €"], ";", "write 1234, or 1.234 if the comma", id="either, with a currency"),
        pytest.param(["1,234", "1,234,567"], ";", "write 1234: no separators", id="two commas"),
        pytest.param(["1,234", "5,678", "12"], ",", "write 1234: no separators", id="thousands"),
        pytest.param(["1,234", "5,678"], "\t", "write 1234: no separators", id="thousands, tabs"),
        pytest.param(["1.234,56", "7,5"], ";", "write 1234.56: no separators, and decimals with a point", id="both"),
    ],
)
def test_comma_meaning_depends_on_the_whole_column(tmp_path, cells, delimiter, hint, is_target):
    assert get_hint(tmp_path, cells, delimiter, is_target=is_target).startswith(hint)


def test_comma_meaning_considers_every_row(tmp_path):
    assert get_hint(tmp_path, ["1,234"] * 10_000 + ["0,5"]).startswith("write 1.234, and use a decimal point")
