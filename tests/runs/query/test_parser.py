import json
import operator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.errors import QueryError, UsageError
from dnn_cli.runs.annotations import Annotations
from dnn_cli.runs.query.parser import filter_runs, parse_query
from dnn_cli.runs.record import Record, Results
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunDetails, RunInfo, read_run_info
from tests.helpers.settings import RUN_ALL_CASES


def build_run_info(number, tags=(), **changes):
    """A run without files."""
    record = Record(
        id=f"{number:08x}", name=f"run{number}", status="completed", started=f"2026-11-0{number}T10:00:00.000000+00:00",
        seconds=number * 60.0, results=Results(monitor="val_accuracy", best={"epoch": 1, "val_accuracy": number / 10}),
        parameters={"total": number * 1000}, data={}, versions={"keras": f"3.{number * 5}.0"},
        git={"dirty": number > 2},
    )  # fmt: skip
    config = {"optimizer": {"type": OPTIMIZERS[number % 2]}, "seed": number, "model": {"layers": []}}
    details = RunDetails(json.dumps(config))
    return RunInfo(
        Run(Path(f"runs/{number}")), record.model_copy(update=changes), None, Annotations(tags=tags), details
    )


OPTIMIZERS = ("adam", "sgd")
BROKEN = RunInfo(Run(Path("runs/20260101-000000-x-00000009")), None, "run.json is missing")
RUNS = [
    build_run_info(1, ("paper",)),
    build_run_info(2, ("paper", "best")),
    build_run_info(3, reason="why not"),
    build_run_info(4),
    BROKEN,
]


def find_numbers(query):
    """The runs that a query finds, by the last digit of their directories."""
    return "".join(str(run_info.run.directory)[-1] for run_info in filter_runs(RUNS, query))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("best.val_accuracy > 0.2", "34"),
        ("best.val_accuracy >= 2e-1", "234"),
        ("best.val_accuracy < .2", "1"),
        ("best.val_accuracy=0.3", "3"),
        ("best.val_accuracy == 0.3", "3"),
        ("best.val_accuracy != 0.3", "124"),
        ("not (best.val_accuracy = 0.3)", "1249"),
        ("not best.val_accuracy = 0.3", "1249"),
        ('best.val_accuracy > 0.1 and (optimizer.type = "adam" or tag = "paper")', "24"),
        ("seed in (1, 4)", "14"),
        ("seed not in (1,4)", "23"),
        ("optimizer in (adam, 'nadam')", "24"),
        ("optimizer = 'adam' OR seed = 3 AND NOT seed = 3", "24"),
        ("(optimizer = adam or seed = 3) and not seed = 4", "23"),
        ("tag = paper", "12"),
        ("tag != paper", "349"),
        ("tag != best", "1349"),
        ("tag not in (best, paper)", "349"),
        ("tag contains PAP", "12"),
        ("reason contains 'why'", "3"),
        ("reason = 'run.json is missing'", "9"),
        ("status = broken", "9"),
        ("status != broken", "1234"),
        ("name = run2", "2"),
        ("name > run2", "34"),
        ("id = 00000003", "3"),
        ("id in (00000003, 00000009)", "39"),
        ("seconds < 2m", "1"),
        ("seconds <= 2m", "12"),
        ("seconds > 0.05h", "4"),
        ("age > 52w", ""),
        ("started = 2026-11-02", "2"),
        ("started != 2026-11-02", "134"),
        ("started > 2026-11-02", "34"),
        ("started >= '2026-11-02'", "234"),
        ("started < '2026-11-03 10:00'", "12"),
        ("started <= '2026-11-03 10:00'", "123"),
        ("started >= 2026-12", ""),
        ("started = 2026", "1234"),
        ("versions.keras > 3.9", "234"),
        ("git.dirty = true", "34"),
        ("git.dirty = false and seed > 1", "2"),
        ("`git.dirty` = TRUE", "34"),
        ("parameters > 2000", "34"),
        ("note = x", ""),
        ("dir contains runs/", "12349"),
        ("seed > 1e999", ""),
        ("seed < 99999999999999999999999", "1234"),
    ],
    ids=str,
)
def test_query_finds_runs(monkeypatch, query, expected):
    late = datetime(2026, 11, 20, tzinfo=timezone.utc).timestamp()
    monkeypatch.setattr("dnn_cli.runs.query.run_columns.time.time", lambda: late)
    assert find_numbers(query) == expected


def test_short_keras_names_of_scores_are_accepted():
    assert find_numbers("best.val_acc > 0.25") == find_numbers("best.val_accuracy > 0.25") == "34"
    with pytest.raises(QueryError) as refused:
        find_numbers("val_acc > 0.25")
    assert refused.value.suggestion == "did you mean best.val_accuracy?"


def test_age_is_compared_with_durations(monkeypatch):
    now = datetime(2026, 11, 4, 10, tzinfo=timezone.utc) + timedelta(hours=1)
    monkeypatch.setattr("dnn_cli.runs.query.run_columns.time.time", now.timestamp)
    assert find_numbers("age < 2d") == "34"
    assert find_numbers("age < 90m") == "4"


def test_names_in_any_script_are_fields(make_run):
    runs = [read_run_info(make_run("layers.hidden.name='숨은 층'", digits="0000000a")), read_run_info(make_run())]
    assert filter_runs(runs, "`layers.숨은 층.units` = 16")[0].run == runs[0].run
    runs = [read_run_info(make_run("layers.hidden.name=숨은", digits="0000000b"))]
    assert len(filter_runs(runs, "layers.숨은.units < 20")) == 1


@pytest.mark.parametrize(
    ("query", "message", "mark", "hint"),
    [
        ("best.val_acuracy > 1", "no run has the field best.val_acuracy", "^" * 16, "did you mean best.val_accuracy?"),
        ("seed = 1 and optimiser = adam", "no run has the field optimiser", " " * 13 + "^" * 9, "mean optimizer?"),
        ("seed = many", "seed is a number, but this value is not", " " * 7 + "^^^^", "for example 0.9, 1e-3 or 30m"),
        ("seed = '1'", "seed is a number, but this value is not", " " * 7 + "^^^", "write the number without quotes"),
        ("seed contains 1", "seed is a number, but contains compares only texts", "^", "use = or <"),
        ("git.dirty > 1", "git.dirty is true or false, but", " " * 12 + "^", "for example git.dirty = true"),
        ("git.dirty = 1", "git.dirty is true or false, but", " " * 12 + "^", "for example git.dirty = true"),
        ("started > today", "started is a time, but this value is not", " " * 10 + "^^^^^", "for example 2026-11-01"),
        ("seed", "the query is incomplete: expected =, !=,", " " * 4 + "^", ""),
        ("seed =", "the query is incomplete: expected a value", " " * 6 + "^", ""),
        ("(seed = 1", "the query is incomplete: expected 'and', 'or' or ')'", " " * 9 + "^", ""),
        ("seed = 1)", "expected 'and', 'or' or the end of the query", " " * 8 + "^", "no ( is open"),
        ("name = a b", "expected 'and', 'or' or the end of the query", " " * 9 + "^", "words in quotes"),
        ("seed = 1 && seed = 2", "expected 'and', 'or' or the end of the query", " " * 9 + "^^", "write and"),
        ("name = lr=0.1", "expected 'and', 'or' or the end of the query", " " * 9 + "^", "in quotes: name = 'lr=0.1'"),
        ("(name != a<=b)", "expected 'and', 'or' or ')'", " " * 10 + "^^", "in quotes: name != 'a<=b'"),
        ("name = f(x)", "expected 'and', 'or' or the end of the query", " " * 8 + "^", "in quotes: name = 'f(x)'"),
        ("name = a!b", "this character is not valid here", " " * 8 + "^", "in quotes: name = 'a!b'"),
        ("name = a,b", "expected 'and', 'or' or the end of the query", " " * 8 + "^", "write name in (a,b)"),
        ("seed = 1 = 2", "expected 'and', 'or' or the end of the query", " " * 9 + "^", ""),
        ("seed => 1", "expected a value", " " * 6 + "^", "write >="),
        ("seed in 1", "expected a list of values", " " * 8 + "^", ""),
        ("seed in (1", "the query is incomplete: expected a comma or ')'", " " * 10 + "^", ""),
        ("seed not 1", "expected 'in'", " " * 9 + "^", ""),
        ("= 1", "expected a field", "^", ""),
        ("name = and", "expected a value", " " * 7 + "^^^", "put the word and in quotes"),
        ("name = 'x", "the quoted text has no closing quote", " " * 7 + "^", "closing quote"),
        ("seed ! 1", "this character is not valid here", " " * 5 + "^", "operators are"),
        ("a%b = 1", "this is not the name of a field", "^^^", "backticks"),
        ("이름 = 길다 아주", "expected 'and', 'or' or the end of the query", " " * 12 + "^^^^", ""),
    ],
    ids=lambda value: value if isinstance(value, str) and "=" in value else "",
)  # fmt: skip
def test_error_marks_its_position(query, message, mark, hint):
    with pytest.raises(QueryError) as refused:
        filter_runs(RUNS, query)
    lines = refused.value.message.split("\n")
    assert lines[0].startswith(message)
    assert lines[1:] == [f"  {query}", f"  {mark}"]
    assert hint in refused.value.suggestion


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("", "the query is empty", id="empty"),
        pytest.param(" \n\t", "the query is empty", id="spaces"),
        pytest.param("not " * 20_000 + "seed = 1", "nested more than 50 levels deep", id="many not"),
        pytest.param("(a=1 or (b=1 and " * 3000, "the query is incomplete", id="open brackets"),
        pytest.param("a=1 or (b=1 and (" * 60 + "a=1" + "))" * 60, "nested more than 50 levels deep", id="nested"),
        pytest.param("seed=1 or " * 9000 + "seed=1", "more than 1,000 comparisons", id="many comparisons"),
        pytest.param("x" * 100_001, "longer than 100,000", id="too long"),
        pytest.param("x" * 100_000, "the query is incomplete", id="a long word"),
        pytest.param("'" * 99_999, "the quoted text|expected", id="quotes"),
        pytest.param("\x1b[31m = 1", "this is not the name of a field", id="control codes"),
        pytest.param("seed = \x1b[31m", "seed is a number", id="control codes as value"),
        pytest.param("`\n` = 1", "no run has the field", id="a line end as field"),
    ],
)
def test_hostile_query_gets_a_short_error(query, message):
    with pytest.raises(QueryError, match=message) as refused:
        filter_runs(RUNS, query)
    lines = refused.value.message.split("\n")
    assert len(lines) in (1, 3)
    assert max(map(len, lines)) < 80 or len(lines[0]) <= 201
    assert all(line.isprintable() for line in lines)


def test_nested_brackets_alone_are_accepted():
    assert len(filter_runs(RUNS, "(" * 20_000 + "seed = 1" + ")" * 20_000)) == 1


def test_query_errors_are_raised_without_runs():
    assert filter_runs([], "anything = 1") == []
    with pytest.raises(QueryError):
        filter_runs([], "anything =")


def test_parsed_query_lists_its_fields():
    assert parse_query("seed = 1 or (tag = x and not seed > 3)").fields == ["seed", "tag"]


# A tree of tuples, which is rendered to text for the parser and evaluated by plain Python.

ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
VALUES = {
    "seed": [1, 2, 3.5, -1, 1e-3],
    "best.val_accuracy": [0.1, 0.25, 0.4, 5],
    "optimizer": ["adam", "sgd", "it's", 'say "x"', "two words", "and"],
    "tag": ["paper", "best", "x"],
    "git.dirty": [True, False],
}
FIELD_VALUES = [
    {"seed": n, "best.val_accuracy": n / 10, "optimizer": OPTIMIZERS[n % 2], "git.dirty": n > 2,
     "tag": RUNS[n - 1].annotations.tags}
    for n in (1, 2, 3, 4)
] + [{"tag": ()}]  # fmt: skip


def comparison_strategy(field):
    values = st.sampled_from(VALUES[field])
    signs = ["=", "!=", "in", "not in"] + (["<", "<=", ">", ">="] if field in ("seed", "best.val_accuracy") else [])
    single = st.sampled_from([sign for sign in signs if "in" not in sign])
    several = st.tuples(st.just(field), st.sampled_from(["in", "not in"]), st.lists(values, min_size=1, max_size=3))
    return st.tuples(st.just(field), single, values.map(lambda value: [value])) | several


TREES = st.recursive(
    st.sampled_from(list(VALUES)).flatmap(comparison_strategy),
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=12,
)


def format_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value.replace(chr(39), chr(39) * 2)}'" if isinstance(value, str) else repr(value)


def format_tree(tree):
    if tree[0] == "not":
        return f"not ({format_tree(tree[1])})"
    if tree[0] in ("and", "or"):
        return f" {tree[0].upper()} ".join(f"({format_tree(part)})" for part in tree[1])
    field, sign, values = tree
    words = ", ".join(map(format_value, values))
    return f"{field} {sign} ({words})" if "in" in sign else f"{field}{sign}{words}"


def evaluate_tree(tree, fields):
    if tree[0] == "not":
        return not evaluate_tree(tree[1], fields)
    if tree[0] in ("and", "or"):
        return (all if tree[0] == "and" else any)([evaluate_tree(part, fields) for part in tree[1]])
    field, sign, values = tree
    if field not in fields:
        return False
    several = fields[field] if isinstance(fields[field], tuple) else (fields[field],)
    if sign in ORDERS:
        return any(ORDERS[sign](value, values[0]) for value in several)
    is_member = any(value in values for value in several)
    return is_member if sign in ("=", "in") else not is_member


@settings(max_examples=1000 if RUN_ALL_CASES else 30, deadline=None)
@given(TREES)
def test_query_agrees_with_python(tree):
    selected = filter_runs(RUNS, format_tree(tree))
    assert [run_info in selected for run_info in RUNS] == [evaluate_tree(tree, fields) for fields in FIELD_VALUES]


PIECES = st.sampled_from(
    ["seed", "tag", " and ", " or ", "not ", "(", ")", "=", "<", ">=", "!", " in ", ",", "'", '"', "`", "1", "1e-3",
     "7d", "best.val_accuracy", " contains ", "started", "\n", "\x00", "é", "패션", "-", "..", "true", "\ud800"]
)  # fmt: skip


@settings(max_examples=1000 if RUN_ALL_CASES else 100, deadline=None)
@given(st.text() | st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_a_query_or_a_usage_error(text):
    try:
        selected = filter_runs(RUNS, text)
    except UsageError as error:
        assert error.message
    else:
        assert set(map(id, selected)) <= set(map(id, RUNS))


def test_details_are_read_when_the_query_needs_them(make_run):
    run_info = read_run_info(make_run("seed=5"))
    assert run_info.loaded_details is None
    (selected,) = filter_runs([run_info], "seed = 5")
    assert selected == replace(run_info, loaded_details=None)
