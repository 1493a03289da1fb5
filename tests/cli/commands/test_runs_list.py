import csv
import io

import pytest

from dnn_cli.runs.annotations import Annotations, write_annotations
from dnn_cli.runs.query.fields import list_fields
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.cli_output import parse_json_output
from tests.helpers.terminal import run_on_terminal


@pytest.fixture
def runs(make_run):
    """Four runs, the last one broken."""
    complete_runs = [
        make_run(f"name=run{i}", f"seed={i}", f"optimizer={optimizer}", digits=f"0000000{i}",
                 stamp=f"2026010{i}-000000", curve=(0.5, 0.5 + i / 10))
        for i, optimizer in enumerate(("adam", "sgd", "adam"), 1)
    ]  # fmt: skip
    broken = make_run(digits="00000004", stamp="20260104-000000")
    broken.record.write_text("{")
    return [*complete_runs, broken]


def read_last_digits(done):
    assert done.returncode == 0, done.stderr
    return [line[-1] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        pytest.param([], "4321", id="all"),
        pytest.param(["--where", "optimizer = adam"], "31", id="a setting"),
        pytest.param(["--where", "best.val_accuracy > 0.65 and not status = broken"], "32", id="a score"),
        pytest.param(["--sort-by", "seed"], "1234", id="sorted, the broken one last"),
        pytest.param(["--sort-by", "-best.val_accuracy"], "3214", id="sorted, the best first"),
        pytest.param(["--sort-by", "-seed", "--limit", "2", "--where", "optimizer = adam"], "31", id="limited"),
        pytest.param(["--limit", "1"], "4", id="the latest"),
        pytest.param(["--where", "seed > 9"], "", id="none"),
    ],
)
def test_ids_of_selected_runs(dnn, runs, words, digits):
    assert "".join(read_last_digits(dnn("runs", "--ids", *words))) == digits


def test_default_columns(dnn, runs):
    header, rule, *rows = dnn("runs").stdout.splitlines()
    assert header.split() == ["id", "name", "status", "val_accuracy", "epochs", "time", "started", "(UTC)"]
    assert set(rule) == {"─"}
    assert len(rows) == 4
    assert rows[3].split() == ["00000001", "run1", "completed", "0.6000", "2", "2.0", "s", "2026-01-01", "00:00"]
    write_annotations(runs[0], Annotations(tags=("paper", "best")))
    header, _, *rows = dnn("runs").stdout.splitlines()
    assert header.endswith("  tags")
    assert rows[3].endswith("  paper, best")


def test_columns_can_be_chosen(dnn, runs):
    lines = dnn("runs", "--columns", "id,seed, best.val_accuracy,tag,layers.hidden.units", "--limit", "2").stdout
    assert [line.split() for line in lines.splitlines() if "─" not in line] == [
        ["id", "seed", "val_accuracy", "tag", "units"],
        ["00000004", "–", "–", "–", "–"],
        ["00000003", "3", "0.8000", "–", "16"],
    ]
    listed = parse_json_output(dnn("runs", "--json", "--columns", "seed,tag", "--where", "seed = 2"))["runs"]
    assert [run["columns"] for run in listed] == [{"seed": 2, "tag": []}]


def test_column_missing_from_listed_runs_is_empty(dnn, runs):
    done = dnn("runs", "--columns", "id,seed", "--where", "status = broken")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "00000004  –")


def test_json_has_records_and_annotations(dnn, runs):
    write_annotations(runs[2], Annotations(tags=("paper",), note="mind this"))
    listed = parse_json_output(dnn("runs", "--json", "--where", "tag = paper"))["runs"]
    assert [(run["id"], run["tags"], run["note"]) for run in listed] == [("00000003", ["paper"], "mind this")]
    assert listed[0].keys() >= {"id", "name", "dir", "status", "reason", "engine", "epochs", "seconds", "last", "best"}
    assert parse_json_output(dnn("runs", "--json", "--where", "tag = x"))["runs"] == []


def test_csv_has_unshortened_values(dnn, runs):
    rows = list(csv.DictReader(io.StringIO(dnn("runs", "--csv", "--sort-by", "seed").stdout)))
    assert rows[0] == {
        "id": "00000001", "name": "run1", "status": "completed", "reason": "", "best.val_accuracy": "0.6",
        "trained": "2", "seconds": "2.0", "started": "2026-01-01T00:00:01.000000+00:00",
    }  # fmt: skip
    assert rows[3]["status"] == "broken"
    everything = list(csv.DictReader(io.StringIO(dnn("runs", "--csv", "--all", "--limit", "2").stdout)))
    assert everything[1]["optimizer.learning_rate"] == "0.001"
    assert everything[0]["optimizer.learning_rate"] == ""


@pytest.mark.parametrize(
    ("option", "row"),
    [("--md", "| 00000002 | 2 |"), ("--latex", "00000002 & 2 \\\\")],
    ids=["markdown", "latex"],
)
def test_markdown_and_latex_tables(dnn, runs, option, row):
    lines = dnn("runs", option, "--columns", "id,seed", "--where", "seed = 2").stdout.splitlines()
    assert row in lines


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        pytest.param(
            ["--where", "best.val_acuracy > 0.8"],
            ["dnn: no run has the field best.val_acuracy", "  best.val_acuracy > 0.8", "  ^^^^^^^^^^^^^^^^",
             "  did you mean best.val_accuracy?"],
            id="an unknown field",
        ),
        pytest.param(
            ["--where", "seed = 1 2"],
            ["dnn: expected 'and', 'or' or the end of the query", "  seed = 1 2", "           ^",
             "  put a text of several words in quotes"],
            id="a fault of syntax",
        ),
        pytest.param(
            ["--where", "\x1b[31m\n = 1"],
            ["dnn: this is not the name of a field", "  �[31m  = 1", "  ^^^^^",
             "  write a field, for example best.val_accuracy, and put other names in `backticks`"],
            id="control codes",
        ),
        pytest.param(["--sort-by", "seeed"], ["dnn: no run has the field seeed", "  did you mean seed?"], id="order"),
        pytest.param(["--columns", "id,x.y"], ["dnn: no run has the field x.y",
                     "  dnn runs --all --csv prints every field as a column"], id="column"),
        pytest.param(["--columns", "id,lr"],
                     ["dnn: no run has the field lr", "  did you mean optimizer.learning_rate?"], id="short column"),
        pytest.param(["--sort-by", "-date"], ["dnn: no run has the field date", "  did you mean started?"], id="date"),
        pytest.param(["--where", "lr = 0.01"],
                     ["dnn: no run has the field lr", "  lr = 0.01", "  ^^", "  did you mean optimizer.learning_rate?"],
                     id="short key"),
        pytest.param(["--where", "qqqq = 1"],
                     ["dnn: no run has the field qqqq", "  qqqq = 1", "  ^^^^",
                      "  dnn runs --all --csv prints every field as a column"], id="nothing near"),
        pytest.param(["--columns", " ,"],
                     ["dnn: --columns names no field", "  for example: --columns id,name,best.val_accuracy"],
                     id="no column"),
        pytest.param(["--md", "--latex"],
                     ["dnn: --ids, --json, --csv, --md and --latex cannot be combined", "  use one of them"],
                     id="two forms"),
        pytest.param(["--ids", "--columns", "id"],
                     ["dnn: --ids and --columns cannot be combined", "  use --columns id,… --csv"],
                     id="ids with columns"),
        pytest.param(["--where", "seed = 1", "rm", "run1"],
                     ["dnn: --where is an option of dnn runs, not of dnn runs rm",
                      "  pass the ids of selected runs: dnn runs --where … --ids | xargs dnn runs …"],
                     id="a condition before a subcommand"),
    ],
)  # fmt: skip
def test_bad_usage_exits_with_2(dnn, runs, words, lines):
    done = dnn("runs", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == lines


def test_every_field_of_a_query_is_a_column(dnn, runs, tmp_path):
    header, *_ = dnn("runs", "--all", "--csv").stdout.splitlines()
    all_runs = [read_run_info(Run(path)) for path in sorted((tmp_path / "runs").iterdir())]
    assert set(header.split(",")) >= set(list_fields(all_runs)) >= {"optimizer.learning_rate", "best.val_accuracy"}


def test_empty_result_prints_a_note(dnn, runs):
    done = dnn("runs", "--where", "seed > 9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "runs has 4 runs, but no run fulfils the condition\n")
    assert "no runs in" in dnn("runs", "--where", "seed > 9", "--runs-dir", "nowhere").stderr


def list_on_terminal(directory, columns, *words):
    """The lines that `dnn runs` writes on a plain terminal, and its notes."""
    notes = directory / "notes"
    notes.write_text("")
    output = run_on_terminal(directory, "runs", *words, err=notes, COLUMNS=str(columns), TERM="dumb")
    return output.splitlines(), notes.read_text()


@pytest.fixture
def many(make_run, runs):
    """Sixty runs with names that do not fit."""
    for i in range(5, 61):
        make_run(
            f"name=런-{'이름' * 20 if i % 2 else 'long' * 20}",
            digits=f"{i:08x}",
            stamp=f"202602{i % 28 + 1:02d}-000000",
        )


def test_terminal_lists_the_latest_runs_and_counts_the_others(many, tmp_path):
    lines, notes = list_on_terminal(tmp_path, 80)
    assert len(lines) == 52
    assert max(map(len, lines)) <= 80
    assert "…" in lines[2]
    assert notes == "10 more runs; --all shows all runs, --where selects runs\n"
    lines, notes = list_on_terminal(tmp_path, 80, "--all")
    assert (len(lines), notes) == (62, "")
    assert "long" * 20 in "".join(lines)
    lines, notes = list_on_terminal(tmp_path, 80, "--limit", "55")
    assert (len(lines), notes) == (57, "")


def test_columns_without_room_are_named(runs, tmp_path):
    lines, notes = list_on_terminal(tmp_path, 40, "--columns", "id,name,started,best.val_accuracy,seed")
    assert max(map(len, lines)) <= 40
    assert lines[0].split() == ["id", "name", "started"]
    assert notes == "columns not shown: val_accuracy, seed; --all shows all columns\n"


def test_pipe_lists_all_runs(dnn, many):
    assert len(dnn("runs").stdout.splitlines()) == 62
