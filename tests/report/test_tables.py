import pytest

from dnn_cli.report.tables import drop_to_fit

HEADERS = ["name", "settings", "time", "curve"]
ROWS = [["모델", "a", "1.0 s", "▁▂"], ["second", "bb", "12.0 s", "▁█"]]


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        pytest.param(31, HEADERS, id="all fit"),
        pytest.param(30, ["name", "settings", "curve"], id="one goes"),
        pytest.param(22, ["name", "settings"], id="two go"),
        pytest.param(5, ["name", "settings"], id="what is not expendable stays"),
    ],
)
def test_columns_go_in_their_order_until_the_rest_fits(width, kept):
    headers, rows = drop_to_fit(HEADERS, ROWS, width, ["time", "curve"])
    assert headers == kept
    assert [len(row) for row in rows] == [len(kept)] * 2
    assert [row[0] for row in rows] == ["모델", "second"]
