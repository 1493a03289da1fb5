"""The table of commands: descriptions, and imports of commands only when they are needed."""

import subprocess
import sys

import pytest
import typer

from dnn_cli.__main__ import _FORKABLE_COMMANDS
from dnn_cli.cli.app import app
from dnn_cli.cli.command_groups import COMMAND_GROUPS
from tests.helpers.settings import ROOT

GROUP = typer.main.get_command(app)

PROGRAM = """
import sys
from dnn_cli.cli.app import main
sys.argv = ["dnn", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print("imported:", *(name for name in sys.modules if name.startswith("dnn_cli.cli.commands.")))
"""


@pytest.mark.parametrize("name", [name for commands in COMMAND_GROUPS.values() for name in commands])
def test_description_begins_the_help_text(name):
    (lazy_command,) = [commands[name] for commands in COMMAND_GROUPS.values() if name in commands]
    command = GROUP.get_command(None, name)
    assert command.name == name
    assert command.help.splitlines()[0] == lazy_command.description


def test_commands_of_the_warm_server_exist():
    assert {name for commands in COMMAND_GROUPS.values() for name in commands} >= _FORKABLE_COMMANDS


def test_unknown_command_is_none():
    assert GROUP.get_command(None, "trian") is None


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        ("--help", []),
        ("trian", []),
        ("train --help", ["dnn_cli.cli.commands.train"]),
        ("list losses", ["dnn_cli.cli.commands.list"]),
    ],
)
def test_only_the_module_of_the_command_is_imported(words, modules):
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split("imported:")[1].split() == modules
