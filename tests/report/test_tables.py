import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dnn_cli.report.tables import (
    build_table,
    compute_text_width,
    drop_columns_to_fit,
    format_named_rows,
    shorten_cells_to_fit,
    shorten_text,
)

HEADERS = ["name", "settings", "time", "curve"]
ROWS = [["모델", "a", "1.0 s", "▁▂"], ["second", "bb", "12.0 s", "▁█"]]


@pytest.mark.parametrize(
    ("width", "fitting"),
    [
        pytest.param(31, HEADERS, id="all fit"),
        pytest.param(30, ["name", "settings", "curve"], id="one goes"),
        pytest.param(22, ["name", "settings"], id="two go"),
        pytest.param(5, ["name", "settings"], id="what is not expendable stays"),
    ],
)
def test_columns_are_dropped_until_table_fits(width, fitting):
    headers, rows = drop_columns_to_fit(HEADERS, ROWS, width, ["time", "curve"])
    assert headers == fitting
    assert [len(row) for row in rows] == [len(fitting)] * 2
    assert [row[0] for row in rows] == ["모델", "second"]


def print_with_rich(plain_table):
    stream = io.StringIO()
    Console(file=stream, width=10_000, force_terminal=False, markup=False, emoji=False, highlight=False).print(
        plain_table
    )
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


CELLS = st.text("ab 패션–▁█é\x1b\n", max_size=9).map(str.strip)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5), st.sets(st.sampled_from(["a", "bb", "패"])))
def test_plain_text_equals_rich_output(rows, right):
    plain_table = build_table(["a", "bb", "패"], rows, right=list(right))
    assert plain_table.to_text() == print_with_rich(plain_table)


def test_a_table_can_be_printed_more_than_once():
    plain_table = build_table(HEADERS, ROWS)
    assert print_with_rich(plain_table) == print_with_rich(plain_table) == plain_table.to_text()


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("패션모델", 8, "패션모델"), ("패션모델", 7, "패션모…"),
     ("패션모델", 6, "패션…"), ("a b c", 3, "a…"), ("a\nb", 3, "a�b")],
)  # fmt: skip
def test_shortened_text_ends_with_ellipsis(text, width, short):
    assert shorten_text(text, width).replace(" …", "…") == short
    assert compute_text_width(shorten_text(text, width)) <= width


@given(
    st.lists(st.lists(st.text("ab 패–", max_size=30), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(30, 60),
)
def test_flexible_columns_are_shortened_to_fit(rows, width):
    rows = [[row[0], row[1], "x" * 8] for row in rows]
    cut = shorten_cells_to_fit(["a", "b", "fixed"], rows, width, ["a", "b"])
    assert max(map(len, build_table(["a", "b", "fixed"], cut).to_text().splitlines())) <= width
    assert all(row[2] == "x" * 8 for row in cut)
    if sum(max(1, *(compute_text_width(row[i]) for row in rows)) for i in (0, 1)) + 12 <= width:
        assert cut == rows


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        pytest.param(27, ["dense                     1", "separable_convolution    10"], id="in the row"),
        pytest.param(26, ["dense     1", "separable_convolution", "         10"], id="above the row"),
    ],
)
def test_long_names_are_never_cut(width, lines):
    rows = [["dense", "1"], ["separable_convolution", "10"]]
    _, *blocks = format_named_rows(["layer", "size"], rows, width, ["size"], 8)
    assert [line for block in blocks for line in block] == lines
