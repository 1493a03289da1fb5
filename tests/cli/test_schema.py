"""`dnn schema`: the JSON Schema on standard output or in a file."""

import json

from tests.spec.judges import SCHEMA


def test_it_is_printed(dnn):
    done = dnn("schema")
    assert (json.loads(done.stdout), done.stderr, done.returncode) == (SCHEMA, "", 0)


def test_it_is_printed_where_there_is_no_unicode(dnn):
    done = dnn("schema", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout) == SCHEMA


def test_it_is_written(dnn, tmp_path):
    assert dnn("schema", "-o", "schema.json").stdout == ""
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == dnn("schema").stdout


def test_it_replaces_no_device_and_says_what_it_cannot_write(dnn):
    assert "dnn: /dev/null is not a file" in dnn("schema", "-o", "/dev/null").stderr
    done = dnn("schema", "-o", "none/schema.json")
    assert "dnn: none/schema.json cannot be written: No such file or directory\n" in done.stderr
    assert done.returncode == 2
