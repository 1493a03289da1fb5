import pytest

from dnn_cli.config.named_data import build_named_data
from dnn_cli.data import template_data
from dnn_cli.data.template_data import can_stratify, choose_columns, ignore_leaking_columns
from dnn_cli.errors import UserDataError

ROWS = "".join(f"{at},{at % 3},{'ab'[at % 2]}\n" for at in range(30))


@pytest.fixture
def build(tmp_path):
    """Return a function that writes a table of numbers, and builds its data section with further keys."""

    def build_data(header="x,day,y", **keys):
        path = tmp_path / "t.csv"
        path.write_text(f"{header}\n{ROWS}", encoding="utf-8")
        return build_named_data(str(path), **keys)

    return build_data


def test_numbers_have_types_only_with_texts_of_missing_cells(build):
    assert choose_columns(build())[0].columns is None
    assert set(choose_columns(build(missing=["-9"]))[0].columns) == {"x", "day"}


def test_given_types_are_kept_next_to_chosen_types(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("cabin,port,age,y\n" + "".join(f"C{at},{'SQ'[at % 7 % 2]},{at % 5},{at % 2}\n" for at in range(30)))
    keys = {"columns": {"cabin": {"type": "category", "min_frequency": 1}}}
    data, reasons = choose_columns(build_named_data(str(path), **keys))
    assert reasons == []
    assert {name: column.type for name, column in data.columns.items()} == {
        "cabin": "category",
        "port": "category",
        "age": "number",
    }
    assert data.columns["cabin"].min_frequency == 1
    assert choose_columns(data)[0].columns == data.columns
    assert ignore_leaking_columns(data) == (data, [])


@pytest.mark.parametrize("key", ["group", "time"])
def test_splits_by_groups_and_times_are_not_stratified(build, key):
    assert can_stratify(build())
    assert not can_stratify(build(**{key: "day"}))


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        pytest.param("x" * 1001, ["a", "b"] * 5, "a column with a name of 1,001 characters", id="long name"),
        pytest.param("x", [], "has a header but no rows", id="no rows"),
        pytest.param("x,z,w", ["a,b,c", "d,b,e"] * 5, "3 columns; the limit for columns with types is 2", id="columns"),
    ],
)
def test_tables_that_no_config_can_describe_are_refused(tmp_path, monkeypatch, name, rows, message):
    monkeypatch.setattr(template_data, "MAX_COLUMNS", 2)
    path = tmp_path / "t.csv"
    path.write_text("\n".join([f"{name},y", *(f"{row},{at % 2}" for at, row in enumerate(rows))]))
    with pytest.raises(UserDataError, match=message):
        choose_columns(build_named_data(str(path)))
    path.write_text("\n".join([f"{name},y", *(f"{'1,' * (1 + name.count(','))}{at}" for at in range(9))]))
    assert choose_columns(build_named_data(str(path)))[0].columns is None


def test_names_can_have_any_character(build):
    data = build("😀,a\u2028b,y", ignore=["😀"])
    assert data.info.features == ("a\u2028b",)
