"""Lines that a terminal wraps, and lines that keep a command whole."""

import io

from rich.console import Console

from dnn_cli.terminal.console_builder import print_line
from tests.helpers.terminal import run_on_terminal

_WIDTH = 30


def print_on_narrow_terminal(line):
    """Return the lines that a terminal of 30 columns receives for a line."""
    stream = io.StringIO()
    print_line(Console(file=stream, width=_WIDTH, force_terminal=True, color_system=None), line)
    return stream.getvalue().splitlines()


def test_commands_are_not_broken_by_line_breaks():
    command = "  next  dnn train configs/relu_adam.yaml layers.1.units=65 epochs=2"
    assert print_on_narrow_terminal(command) == [command]


def test_sentences_wrap_between_words():
    sentence = "the loss became NaN or infinite in epoch 3, and the run ended"
    lines = print_on_narrow_terminal(sentence)
    assert " ".join(line.strip() for line in lines) == sentence
    assert max(map(len, lines)) <= _WIDTH


def test_control_characters_are_replaced():
    assert print_on_narrow_terminal("dnn train \x1b[2J") == ["dnn train �[2J"]


def test_next_command_of_dnn_new_is_one_line(tmp_path):
    output = run_on_terminal(tmp_path, "new", f"{'long_' * 12}name.yaml", columns=80)
    assert f"next: dnn train {'long_' * 12}name.yaml\r\n" in output


def test_wrapped_parts_are_indented():
    first, *others = print_on_narrow_terminal("  digits: 1,437 images for training, 360 for validation")
    assert first == "  digits: 1,437 images for"
    assert others == ["    training, 360 for", "    validation"]
