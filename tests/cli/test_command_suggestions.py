"""Verbs and options of other programs, and the command that the error names for each."""

import re

import pytest

from dnn_cli.cli.command_suggestions import COMMAND_SUGGESTIONS, RUNS_COMMAND_SUGGESTIONS
from tests.helpers import forked_cli


@pytest.fixture
def dnn(tmp_path):
    """Runs `dnn` in a forked process, which takes a tenth of the time of a new one."""
    return lambda *words: forked_cli.run_command(tmp_path, *words)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["run", "first.yaml"], ["dnn: dnn has no command run", "  did you mean dnn train?"]),
        (["history"], ["dnn: dnn has no command history", "  did you mean dnn runs?"]),
        (["trian"], ["dnn: dnn has no command trian", "  did you mean dnn train?"]),
        (["Train"], ["dnn: dnn has no command Train", "  did you mean dnn train?"]),
        (["zzz"], ["dnn: dnn has no command zzz", "  dnn --help lists the commands"]),
        (["runs", "remove", "x"], ["dnn: dnn runs has no command remove", "  did you mean dnn runs rm?"]),
        (["runs", "list"], ["dnn: dnn runs has no command list", "  did you mean dnn runs?"]),
        (["data", "shwo"], ["dnn: dnn data has no command shwo", "  did you mean dnn data show?"]),
    ],
)
def test_unknown_command_suggests_another(dnn, words, lines):
    done = dnn(*words)
    assert (done.returncode, done.stderr.splitlines()) == (2, lines)


def test_suggested_commands_exist(dnn):
    def list_commands(*words):
        return set(re.findall(r"^  (\S+)  ", dnn(*words, "--help").stdout.partition("Commands:")[2], re.MULTILINE))

    verbs, of_runs = list_commands(), list_commands("runs")
    assert verbs.isdisjoint(COMMAND_SUGGESTIONS)
    assert of_runs.isdisjoint(RUNS_COMMAND_SUGGESTIONS)
    for suggested in {*COMMAND_SUGGESTIONS.values(), *RUNS_COMMAND_SUGGESTIONS.values()}:
        _, verb, *subcommands = suggested.split()
        assert verb in verbs or verb.startswith("--")
        assert set(subcommands) <= of_runs


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sweep", "digits.yaml", "--seeds", "3"], "write seed=1..3 in its place"),
        (["sweep", "digits.yaml", "--seeds=4,7"], "write seed=4,7 in its place"),
        (["sweep", "digits.yaml", "--seed", "3"], "write seed=3 in its place"),
        (["train", "digits.yaml", "--seed", "3"], "write seed=3 in its place"),
        (["check", "digits.yaml", "--seed=3"], "write seed=3 in its place"),
        (["train", "digits.yaml", "--seeds", "3"],
         "dnn sweep trains several seeds: dnn sweep digits.yaml seed=1..3"),
    ],
)  # fmt: skip
def test_option_that_is_a_config_key_suggests_the_override(dnn, config, words, hint):
    config()
    done = dnn(*words)
    assert done.returncode == 2
    message, hint_line = done.stderr.splitlines()
    assert hint_line.strip() == hint
    assert "search-seed" not in message
