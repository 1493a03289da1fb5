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
        (["run", "first.yaml"], ["dnn: unknown command: dnn run", "  did you mean dnn train?"]),
        (["history"], ["dnn: unknown command: dnn history", "  did you mean dnn runs?"]),
        (["trian"], ["dnn: unknown command: dnn trian", "  did you mean dnn train?"]),
        (["Train"], ["dnn: unknown command: dnn Train", "  did you mean dnn train?"]),
        (["zzz"], ["dnn: unknown command: dnn zzz", "  dnn --help lists the commands"]),
        (["runs", "remove", "x"], ["dnn: unknown command: dnn runs remove", "  did you mean dnn runs rm?"]),
        (["runs", "list"], ["dnn: unknown command: dnn runs list", "  did you mean dnn runs?"]),
        (["data", "shwo"], ["dnn: unknown command: dnn data shwo", "  did you mean dnn data show?"]),
    ],
)
def test_unknown_command_suggests_another(dnn, words, lines):
    done = dnn(*words)
    assert (done.returncode, done.stderr.splitlines()) == (2, lines)


def test_suggested_commands_exist(dnn):
    def list_commands(*words):
        return set(
            re.findall(r"^  ([a-z]\S*)  ", dnn(*words, "--help").stdout.partition("Show this message")[2], re.MULTILINE)
        )

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
        (["sweep", "digits.yaml", "--seeds", "3"], "write seed=1..3 instead"),
        (["sweep", "digits.yaml", "--seeds=4,7"], "write seed=4,7 instead"),
        (["sweep", "digits.yaml", "--seed", "3"], "write seed=3 instead"),
        (["train", "digits.yaml", "--seed", "3"], "write seed=3 instead"),
        (["check", "digits.yaml", "--seed=3"], "write seed=3 instead"),
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
