import pytest

from dnn_cli.config.named_data import build_named_data
from dnn_cli.data.template_data import can_stratify, choose_columns

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


def test_types_of_the_user_are_kept_and_completed(tmp_path):
    path = tmp_path / "t.csv"
    rows = "".join(f"name {at},{'ab'[at % 2]},{at % 7 or ''},{at % 2}\n" for at in range(30))
    path.write_text(f"name,color,size,y\n{rows}", encoding="utf-8")

    def choose(*overrides):
        data, reasons = choose_columns(build_named_data(str(path), overrides))
        return {name: column.type for name, column in data.columns.items()}, [str(reason) for reason in reasons]

    color_and_size = {"color": "category", "size": "number"}
    assert choose("data.columns.color=category") == (color_and_size, choose()[1])
    assert choose("data.columns.name=category") == ({"name": "category", **color_and_size}, [])


@pytest.mark.parametrize("key", ["group", "time"])
def test_splits_by_groups_and_times_are_not_stratified(build, key):
    assert can_stratify(build())
    assert not can_stratify(build(**{key: "day"}))


def test_names_can_have_any_character(build):
    data = build("😀,a\u2028b,y", ignore=["😀"])
    assert data.info.features == ("a\u2028b",)
