"""`dnn schema`: the JSON Schema on standard output or in a file."""

import json

from tests.helpers.validators import SCHEMA


def test_schema_is_printed(dnn):
    done = dnn("schema")
    assert (json.loads(done.stdout), done.stderr, done.returncode) == (SCHEMA, "", 0)


def test_schema_is_printed_as_ascii(program):
    done = program("schema", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout) == SCHEMA


def test_schema_is_written_to_a_file(dnn, tmp_path):
    assert dnn("schema", "-o", "schema.json").stdout == ""
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_bad_output_path_is_an_error(dnn):
    assert "dnn: /dev/null is not a file" in dnn("schema", "-o", "/dev/null").stderr
    done = dnn("schema", "-o", "none/schema.json")
    assert "dnn: none/schema.json cannot be written: No such file or directory\n" in done.stderr
    assert done.returncode == 2
