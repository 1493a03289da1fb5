"""The page for coding agents names commands, JSON fields and words that exist."""

import json
import re
from typing import get_args

import pytest

from dnn_cli.cli.command_groups import COMMAND_GROUPS
from dnn_cli.cli.documentation import read_page, remove_fields
from dnn_cli.compare.verdicts import VerdictWord
from dnn_cli.explain.findings import Severity
from dnn_cli.runs.record import Status
from tests.helpers.forked_cli import run_command
from tests.helpers.untrained_runs import make_run_directory

PAGE = read_page("agents")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A directory with a config and runs of two optimizers with three seeds each."""
    directory = tmp_path_factory.mktemp("agents")
    for seed in (1, 2, 3):
        for number, (optimizer, score) in enumerate({"adam": 0.88, "sgd": 0.85}.items()):
            make_run_directory(
                directory, f"optimizer={optimizer}", f"seed={seed}", digits=f"{number}000000{seed}",
                curve=(0.5, 0.8, score + seed / 1000), stamp=f"20260101-0000{seed}{number}",
            )  # fmt: skip
    (directory / "my.yaml").write_text("model: {layers: [Flaten]}\n")
    return directory


def list_fields(command):
    """The JSON fields that the page names for a command: those of the document and those of the objects within."""
    row = next(line for line in PAGE.splitlines() if re.match(rf"\| (`\w+`, )*`{command}`[,| ]", line))
    cell = re.sub(r"\([^)]*\)", "", row.split("|")[2])
    return set(re.findall(r"`(\w+)`", cell))


def list_keys(value):
    """All keys of a JSON value, at any depth."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {*(value if isinstance(value, dict) else ()), *(key for item in inner for key in list_keys(item))}


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("runs", []),
        ("check", ["my.yaml"]),
        ("compare", ["--by", "optimizer.type"]),
        ("explain", ["@1"]),
        ("configs", []),
    ],
)
def test_fields_of_json_documents_exist(directory, command, arguments):
    document = json.loads(run_command(directory, command, *arguments, "--json").stdout)
    fields = list_fields(command)
    assert len(fields) >= 4
    assert fields <= list_keys(document)


def test_commands_exist():
    commands = {name for group in COMMAND_GROUPS.values() for name in group}
    named = set(re.findall(r"\bdnn ([a-z][a-z-]*)", " ".join(re.findall(r"`[^`]+`|^dnn .*$", PAGE, re.MULTILINE))))
    assert len(named) > 20
    assert named <= commands


def test_words_of_statuses_verdicts_and_severities_are_complete():
    for words in (get_args(Status), get_args(VerdictWord), get_args(Severity)):
        assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_page_begins_with_name_and_description_for_agents():
    assert re.match(r"---\nname: dnn\ndescription: [^\n]{50,1024}\n---\n", PAGE)
    assert remove_fields(PAGE).startswith("# ")
