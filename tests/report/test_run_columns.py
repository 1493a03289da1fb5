"""One entry in the table of run columns is enough for a new column in every list of runs."""

import csv
import io
import re

import pytest

from dnn_cli.report.runs_table import build_default_cells
from dnn_cli.report.watch_view import build_watched_runs_table
from dnn_cli.runs.query.run_columns import RUN_COLUMNS, RunColumn, build_record_getter
from dnn_cli.runs.store import Store
from tests.helpers.cli_output import parse_json_output
from tests.helpers.extended_program import ExtendedProgram

EXTENSION = """
from dnn_cli.runs.query.run_columns import RUN_COLUMNS, RunColumn, build_record_getter

RUN_COLUMNS["waited"] = RunColumn(
    "waited", build_record_getter(lambda record: 60.0 * record.epochs), "duration", "wait", "seconds_waited",
    ("runs", "json", "comparison", "watch"),
)
"""

PRELOADED = ("dnn_cli.report.html.report_file", "dnn_cli.report.runs_table", "dnn_cli.runs.query.parser")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program with a further column."""
    with ExtendedProgram(tmp_path_factory.mktemp("extension"), EXTENSION, *PRELOADED) as program:
        yield program


@pytest.fixture(autouse=True)
def runs(make_run):
    """Make two completed runs, a failed and a broken run."""
    make_run("optimizer=sgd", digits="00000001")
    make_run(digits="00000002", curve=(0.5, 0.6, 0.7))
    make_run(digits="00000003", curve=(0.5,), status="failed")
    make_run(digits="00000004").record.write_text("{")


@pytest.fixture
def run(program, tmp_path):
    """Returns a function that runs a command of the extended program and returns its result."""

    def run_command(*words):
        done = program.run(tmp_path, *words)
        assert done.returncode == 0, done.stderr
        return done

    return run_command


@pytest.fixture
def added_column(monkeypatch):
    """A further column in this process."""
    value = build_record_getter(lambda record: 60.0 * record.epochs)
    column = RunColumn("waited", value, "duration", "wait", lists=("runs", "watch"))
    monkeypatch.setitem(RUN_COLUMNS, column.name, column)


def read_csv_column(done, header):
    return [row[header] for row in csv.DictReader(io.StringIO(done.stdout))]


WAITS = ["1 min 00 s", "3 min 00 s", "2 min 00 s", ""]
"""Texts of the column in the order of the runs; the broken run is last."""


def test_added_column_is_in_lists_of_runs(run):
    header, _, *rows = run("runs").stdout.splitlines()
    assert header.split()[-1] == "wait", "a new column is the last"
    assert [re.findall(r"[123] min 00 s", row) for row in rows] == [[text] if text else [] for text in WAITS]
    assert "| ---: |\n" in run("runs", "--md").stdout
    assert " & wait \\\\" in run("runs", "--latex").stdout
    assert read_csv_column(run("runs", "--csv"), "waited") == ["60.0", "180.0", "120.0", ""]


def test_added_column_is_a_key_of_json(run):
    documents = parse_json_output(run("runs", "--json"))["runs"]
    assert [document["seconds_waited"] for document in documents] == [60, 180, 120, None]
    assert parse_json_output(run("runs", "show", "00000003", "--json"))["run"]["seconds_waited"] == 60


def test_added_column_is_a_field(run, program, tmp_path):
    words = ("runs", "--where", "waited > 1m", "--sort-by", "waited", "--columns", "id,waited")
    assert [line.split(maxsplit=1) for line in run(*words).stdout.splitlines()[2:]] == [
        ["00000001", "2 min 00 s"],
        ["00000002", "3 min 00 s"],
    ]
    assert read_csv_column(run("runs", "--all", "--csv"), "waited") == ["60.0", "180.0", "120.0", ""]
    assert program.complete(tmp_path, "dnn runs --columns wai") == ["waited"]


def test_added_column_is_in_comparisons(run):
    assert "wait" in run("compare", "--runs").stdout.split("──")[0].split()
    for option, line in (("--md", "3 min 00 s | "), ("--latex", "3 min 00 s & ")):
        assert line in run("compare", "--runs", option).stdout
    assert sorted(read_csv_column(run("compare", "--csv"), "seconds_waited")) == ["120.0", "180.0"]
    rows = parse_json_output(run("compare", "--json"))["rows"]
    assert sorted(row["seconds_waited"] for row in rows) == [120, 180]


def test_added_column_is_in_reports(run, tmp_path):
    run("report")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    table = page[page.index('<table class="plain sortable" id="all">') :]
    assert '<th scope="col" class="n">wait</th>' in table
    cells = re.findall(r'<td class="n"(?: data-rank="([0-9.]+)")?>([123] min 00 s|–)</td><td>0000000', table)
    assert sorted(cells) == [("", "–"), ("120.0", "2 min 00 s"), ("180.0", "3 min 00 s"), ("60.0", "1 min 00 s")]


@pytest.mark.usefixtures("added_column")
def test_added_column_is_watched(tmp_path):
    runs = Store(tmp_path / "runs").list_runs()
    table = build_watched_runs_table(runs, [None] * len(runs), 200)
    assert table.headers[-1] == "wait"
    assert [row[-1] for row in table.cells] == WAITS


@pytest.mark.usefixtures("added_column")
def test_added_column_is_dropped_from_narrow_tables(tmp_path):
    runs = Store(tmp_path / "runs").list_runs()
    cells = build_default_cells(runs)
    fitting_headers = [cells.build_fitting_table(width).headers for width in range(30, 120)]
    lengths = [len(headers) for headers in fitting_headers]
    assert lengths == sorted(lengths)
    assert next(headers for headers in reversed(fitting_headers) if headers != cells.headers) == cells.headers[:-1]
    assert build_watched_runs_table(runs, [None] * len(runs), 10).headers == ["id", "status", "epoch", "score"]
