import pytest

from dnn_cli.formats.column_types import choose_column_types
from dnn_cli.formats.reader_options import CsvOptions

ROWS = range(60)


def choose(tmp_path, cells, name="x", **options):
    """Return the choice for a column with these cells."""
    path = tmp_path / "t.csv"
    path.write_text("\n".join([f"{name},y", *(f'"{cell}",{at % 2}' for at, cell in enumerate(cells))]))
    (choice,) = choose_column_types(str(path), CsvOptions(**options))
    return choice


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        pytest.param([at * 1.5 for at in ROWS], {"type": "number"}, id="numbers"),
        pytest.param(["", *ROWS], {"type": "number", "missing": "median"}, id="gaps"),
        pytest.param([" ", "?", *ROWS], {"type": "number", "missing": "median"}, id="blank and ?"),
        pytest.param(["low", *ROWS], {"type": "number"}, id="one wrong cell"),
        pytest.param(["$1,200", "$950"] * 10, {"type": "number"}, id="amounts"),
        pytest.param(["1e39", 5, *ROWS], {"type": "number"}, id="a number too large for a float"),
        pytest.param(["Yes", "No"] * 10, {"type": "boolean"}, id="yes and no"),
        pytest.param(["yes", "no", ""] * 10, {"type": "boolean", "missing": "median"}, id="yes, no and gaps"),
        pytest.param(["male", "female"] * 10, {"type": "category"}, id="words"),
        pytest.param(["S", "C", ""] * 10, {"type": "category"}, id="words and gaps"),
        pytest.param(["Yes"] * 30 + ["No", "Unknown"] * 5, {"type": "category"}, id="three words"),
        pytest.param([f"2024-01-{day:02}" for day in range(1, 29)], {"type": "date"}, id="dates"),
        pytest.param(
            [f"{day}.01.2024" for day in range(10, 29)], {"type": "date", "format": "%d.%m.%Y"}, id="German dates"
        ),
        pytest.param([f"P{at:04}" for at in ROWS], {}, id="identifiers"),
        pytest.param([f"A {at // 2}" for at in ROWS], {}, id="many texts"),
        pytest.param(["Bern"] * 20, {}, id="one text"),
        pytest.param(["", "NA"] * 10, {}, id="no values"),
    ],
)
def test_the_type_comes_from_the_values(tmp_path, cells, values):
    choice = choose(tmp_path, cells)
    assert choice.list_values() == values
    assert bool(choice.reason) == (choice.options is None)


@pytest.mark.parametrize("name", ["id", "Id", "customerID", "PassengerId", "order_id", "Order Id"])
def test_different_whole_numbers_with_the_name_of_an_identifier_are_left_out(tmp_path, name):
    assert "identifier" in choose(tmp_path, [at * 37 + 5 for at in ROWS], name).reason
    assert choose(tmp_path, [at // 2 for at in ROWS], name).is_plain_number


@pytest.mark.parametrize("name", ["area", "humidity", "paid", "x"])
def test_different_whole_numbers_of_a_measure_are_numbers(tmp_path, name):
    assert choose(tmp_path, [at * 37 + 5 for at in ROWS], name).is_plain_number


def test_an_ambiguous_order_of_day_and_month_is_stated(tmp_path):
    choice = choose(tmp_path, ["05/06/2024", "07/08/2024"])
    assert choice.options.format == "%m/%d/%Y"


def test_own_texts_of_missing_cells_count(tmp_path):
    assert choose(tmp_path, ["-9", "yes", "no"] * 9, missing=("-9",)).missing_count == 9


def test_numbers_in_another_form_stay_numbers(tmp_path):
    assert choose(tmp_path, [at * 1.5 for at in ROWS], decimal=",").is_plain_number


def test_only_columns_without_gaps_are_suggested_as_groups(tmp_path):
    patients = [f"p{at}" for at in range(50)] * 3
    assert choose(tmp_path, patients).override == "data.group=x"
    assert not choose(tmp_path, [*patients, ""]).override
