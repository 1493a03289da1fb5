"""Options and messages of `dnn warm`; `tests/warm` has the tests of the server."""

import json

import pytest


def test_status_without_a_server(dnn, tmp_path):
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert dnn("warm", "--status", **cache).stdout == "no warm server runs\n"
    assert dnn("warm", "--stop", **cache).stdout == "no warm server runs\n"
    assert json.loads(dnn("warm", "--status", "--json", **cache).stdout)["running"] is False
    assert not (tmp_path / "cache" / "dnn" / "warm").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--status", "--stop"], "dnn: --status and --stop exclude each other\n  leave one out\n"),
        (["--minutes", "0"], "dnn: --minutes is 0\n  choose a number above 0, at most 10080\n"),
        (["--minutes", "nan"], "dnn: --minutes is nan\n  choose a number above 0, at most 10080\n"),
    ],
)
def test_invalid_options(dnn, options, message):
    process = dnn("warm", *options)
    assert (process.returncode, process.stderr) == (2, message)


def test_doctor_shows_the_server(dnn, tmp_path):
    process = dnn("doctor", "--quick", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "none; dnn warm starts one" in process.stdout
