"""Verbs and options of other programs, and the command that the error names for each."""

import re

import pytest

from dnn_cli.cli.foreign_verbs import VERBS, VERBS_OF_RUNS
from tests import forked


@pytest.fixture
def dnn(tmp_path):
    """Runs `dnn` in a forked process, which takes a tenth of the time of a new one."""
    return lambda *words: forked.run(tmp_path, *words)


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
def test_an_unknown_verb_names_the_one_that_does_it(dnn, words, lines):
    done = dnn(*words)
    assert (done.returncode, done.stderr.splitlines()) == (2, lines)


def test_every_suggested_command_exists_and_no_verb_is_a_foreign_one(dnn):
    def commands(*words):
        return set(re.findall(r"^  (\S+)  ", dnn(*words, "--help").stdout.partition("Commands:")[2], re.MULTILINE))

    verbs, of_runs = commands(), commands("runs")
    assert verbs.isdisjoint(VERBS)
    assert of_runs.isdisjoint(VERBS_OF_RUNS)
    for suggested in {*VERBS.values(), *VERBS_OF_RUNS.values()}:
        _, verb, *rest = suggested.split()
        assert verb in verbs or verb.startswith("--")
        assert set(rest) <= of_runs


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
def test_an_option_that_is_a_key_is_answered_with_the_key_alone(dnn, config, words, hint):
    config()
    done = dnn(*words)
    assert done.returncode == 2
    message, shown = done.stderr.splitlines()
    assert shown.strip() == hint
    assert "search-seed" not in message
