import os

import pytest

from dnn_cli.config.yaml_reader import MAX_BYTES, parse_yaml, read_yaml
from dnn_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("1e-3", 0.001, id="float without a dot"),
        pytest.param("1e3", 1000.0, id="float without a dot or sign"),
        pytest.param(".5", 0.5, id="float without a leading zero"),
        pytest.param("-7", -7, id="negative"),
        pytest.param("10.0", 10.0, id="float that is whole stays a float"),
        pytest.param("010", "010", id="leading zero is text, not octal"),
        pytest.param("1_000", "1_000", id="underscore is text"),
        pytest.param("1:30", "1:30", id="sexagesimal is text"),
        pytest.param("no", "no", id="no is text"),
        pytest.param("off", "off", id="off is text"),
        pytest.param("2026-01-01", "2026-01-01", id="date is text"),
        pytest.param("true", True, id="true"),
        pytest.param("~", None, id="null"),
        pytest.param('"10"', "10", id="quoted number is text"),
        pytest.param("0x10", "0x10", id="hexadecimal is text"),
    ],
)
def test_scalar_types(text, value):
    result = parse_yaml(f"key: {text}", "file").value["key"]
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "location", "message"),
    [
        pytest.param("a: 1\na: 2", "f:2:1", "duplicate key, first used in line 1", id="duplicate key"),
        pytest.param("a: {b: 1, b: 2}", "f:1:11", "duplicate key", id="duplicate key in flow"),
        pytest.param("a: .nan", "f:1:4", "not a finite number", id="nan"),
        pytest.param("a: -.INF", "f:1:4", "not a finite number", id="infinity"),
        pytest.param("a: 1.0e+400", "f:1:4", "too large", id="float overflow"),
        pytest.param(f"a: {'9' * 5000}", "f:1:4", "too large", id="integer of 5,000 digits"),
        pytest.param("a: !!python/object:os.system {}", "f:1:4", "tag", id="python object"),
        pytest.param("a: !!binary AAAA", "f:1:4", "tag", id="binary"),
        pytest.param("a: !!set {b}", "f:1:4", "tag", id="set"),
        pytest.param("<<: {a: 1}", "f:1:1", "merge keys", id="merge key"),
        pytest.param('a: "\\e[31m"', "f:1:4", "control character", id="escaped control character"),
    ],
)
def test_value_issue_has_location(text, location, message):
    ((_, fault),) = parse_yaml(text, "f").issues
    assert str(fault.location) == location
    assert message in fault.message


@pytest.mark.parametrize(
    ("text", "location", "message"),
    [
        pytest.param("a: [1", "f:2:1", "not valid YAML", id="bracket left open"),
        pytest.param("a:\n\t- b", "f:2:1", "not valid YAML: a tab cannot indent", id="tab as indentation"),
        pytest.param("a: 1\n--- \nb: 2", "f:2:1", "second YAML document", id="two documents"),
        pytest.param("a: \x00", "f:1:4", "U+0000", id="NUL"),
        pytest.param("a: *b", "f:1:4", "needs a complete value", id="alias to nothing"),
        pytest.param("a: &a [*a]", "f:1:8", "needs a complete value", id="alias to itself"),
        pytest.param("name: x\nepochs 5\n\n# c\nseed: 1", "f:2:1", "could not find expected ':'", id="colon forgotten"),
        pytest.param('name: "x\nepochs: 3\n', "f:1:7", "unexpected end of stream", id="quote left open"),
        pytest.param("? [1]\n: 2", "f:1:3", "a key must be text", id="list as key"),
        pytest.param("a: " + "[" * 900 + "]" * 900, "f:1:54", "nested more than", id="900 deep"),
    ],
)
def test_invalid_yaml_is_refused_at_location(text, location, message):
    with pytest.raises(ConfigError) as refused:
        parse_yaml(text, "f")
    (fault,) = refused.value.issues
    assert str(fault.location) == location
    assert message in fault.message


def test_alias_bomb_is_refused():
    text = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    with pytest.raises(ConfigError, match="including aliases"):
        parse_yaml(text, "f")


def test_nested_aliases_count_towards_depth():
    text = "".join(f"x{i}: &x{i} {'[' * 40}{f'*x{i - 1}' if i else 1}{']' * 40}\n" for i in range(60))
    with pytest.raises(ConfigError, match="nested more than"):
        parse_yaml(text, "f")


def test_alias_is_copied_with_its_own_location():
    document = parse_yaml("a: &x {b: 1}\nc: *x", "f")
    document.value["a"]["b"] = 2
    assert document.value["c"] == {"b": 1}
    assert str(document.find_location(("c", "b"))) == "f:2:1"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param("name: é".encode("latin-1"), "f.yaml:1:7  is not UTF-8", id="latin-1"),
        pytest.param("# é é\nname: é é ".encode() + b"\xff", "f.yaml:2:11  is not UTF-8", id="after two bytes"),
        pytest.param(b"\xef\xbb\xbfa: 1\n\xe9", "f.yaml:2:1  is not UTF-8", id="after a byte order mark"),
        pytest.param("a: 1".encode("utf-16"), "f.yaml:1:1  is not UTF-8", id="utf-16"),
        pytest.param(b"#" * (MAX_BYTES + 1), "larger than", id="too large"),
    ],
)
def test_undecodable_or_large_file_is_refused(tmp_path, monkeypatch, raw, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_bytes(raw)
    with pytest.raises(ConfigError) as refused:
        read_yaml("f.yaml")
    assert message in str(refused.value)


def test_byte_order_mark_is_ignored(tmp_path):
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(str(file)).value == {"a": 1}


@pytest.mark.parametrize("kind", ["directory", "fifo", "nothing", "device"])
def test_non_regular_file_is_refused(tmp_path, kind):
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError):
        read_yaml(str(path))


def test_scanner_depth_limit_gives_same_message():
    with pytest.raises(ConfigError, match=r"f:1:\d+  is nested more than 50 levels deep"):
        parse_yaml("a: " + "[" * 30_000, "f")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{size: (3, 3, 3), units: 2}", {"size": "(3, 3, 3)", "units": 2}),
        ("{layer: GRU(3, seed=1)}", {"layer": "GRU(3, seed=1)"}),
        ("{name: (first, units: 2}", {"name": "(first", "units": 2}),
        ("{name: '(first', units: }", {"name": "(first", "units": None}),
        ("name: (first\nunits:\n", {"name": "(first", "units": None}),
    ],
)
def test_parentheses_of_python_stay_together_in_braces(text, value):
    assert parse_yaml(text, "a.yaml").value == value
