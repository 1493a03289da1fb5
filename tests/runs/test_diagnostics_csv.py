"""`diagnostics.csv` is read as it was written, and damaged or hostile files are refused in one line."""

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.diagnostics_csv import COLUMNS, LayerState, format_diagnostics_csv, read_diagnostics

ROWS = [
    LayerState(0, "숨은 층, \"1\"", 256, gradient=1.25e-06, weight=0.1, dead=0.5),
    LayerState(5, "output", 256, gradient=0.25, weight=0.125, update=0.5, since=0, saturated=0.0),
    LayerState(5, "activation", 1),
]  # fmt: skip


def test_written_rows_are_read_again(make_run):
    run = make_run()
    assert read_diagnostics(run) == ()
    run.diagnostics.write_text(format_diagnostics_csv(ROWS), encoding="utf-8")
    assert list(read_diagnostics(run)) == ROWS
    assert format_diagnostics_csv(ROWS) == format_diagnostics_csv(ROWS[:1]) + format_diagnostics_csv(
        ROWS[1:], header=False
    )


def test_unknown_columns_are_ignored(make_run):
    run = make_run()
    run.diagnostics.write_text(",".join([*COLUMNS, "new"]) + "\n1,output,256,,,,,,,,,,7\n")
    assert list(read_diagnostics(run)) == [LayerState(1, "output", 256)]


BAD = {
    "nothing of ours": "nonsense\n1\n",
    "a column that is missing": "epoch,layer\n1,output\n",
    "a short row": ",".join(COLUMNS) + "\n1,output\n",
    "a number that is none": ",".join(COLUMNS) + "\n1,output,256,nan,,,,,\n",
    "infinity": ",".join(COLUMNS) + "\n1,output,256,inf,,,,,\n",
    "a negative epoch": ",".join(COLUMNS) + "\n-1,output,256,,,,,,\n",
    "an epoch that is missing": ",".join(COLUMNS) + "\n,output,256,,,,,,\n",
    "a share above 1": ",".join(COLUMNS) + "\n1,output,256,,,,,1.5,\n",
    "text": ",".join(COLUMNS) + "\n1,output,many,,,,,,\n",
    "an open quote": ",".join(COLUMNS) + '\n1,"output,256,,,,,,\n',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_damaged_file_is_an_error(make_run, text):
    run = make_run()
    run.diagnostics.write_text(text)
    with pytest.raises(RunError, match=r"diagnostics\.csv is damaged"):
        read_diagnostics(run)


def test_path_that_is_not_a_file_is_an_error(make_run):
    run = make_run()
    run.diagnostics.mkdir()
    with pytest.raises(RunError, match=r"diagnostics\.csv is not a regular file"):
        read_diagnostics(run)
