"""`dnn --help` and `dnn help`: groups of commands, pages of the documentation, and help of commands."""

import io
import re
from typing import get_args

import pytest
from rich.console import Console

from dnn_cli.cli.command_groups import COMMAND_GROUPS
from dnn_cli.cli.commands.help import _format_page, replace_links
from dnn_cli.cli.documentation import PAGES_DIRECTORY, list_pages, read_page
from dnn_cli.config.layer_base import Family
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.report.catalog import build_catalog
from tests.helpers import forked_cli
from tests.helpers.terminal import run_on_terminal

COMMANDS = [name for commands in COMMAND_GROUPS.values() for name in commands]


@pytest.fixture
def dnn(tmp_path):
    """Runs `dnn` in a forked process."""
    return lambda *words, **environment: forked_cli.run_command(tmp_path, *words, **environment)


def test_descriptions_of_commands_are_whole_at_80_columns(dnn):
    lines = dnn("--help", COLUMNS="80").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if re.match(r"  [a-z][a-z-]*  ", line)]
    assert [row.split()[0] for row in rows] == COMMANDS
    assert all(row.endswith(".") for row in rows)
    assert [line.rstrip(":") for line in lines if re.match(r"[A-Z][a-z ]+:$", line)] == ["Options", *COMMAND_GROUPS]


def test_topics_are_all_pages(dnn):
    done = dnn("help", COLUMNS="80")
    topics = ["agents", *(path.stem for path in PAGES_DIRECTORY.glob("*.md"))]
    assert re.findall(r"^  (\w+)  ", done.stdout, re.MULTILINE) == sorted(topics)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_page_in_a_pipe_is_markdown_without_pictures_and_links_to_files(dnn):
    text = dnn("help", "compare").stdout
    assert text.startswith("# Comparing runs\n")
    assert not re.search(r"\x1b|!\[|\]\([^h]", text)


def test_page_on_a_terminal_is_formatted():
    console = Console(width=80, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(_format_page("# Title\n\nOne `code` word.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"))
    text = console.file.getvalue()
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "\x1b[" in text
    assert plain.splitlines()[0].startswith("Title"), "headings are on the left"
    assert "|" not in plain and "`" not in plain


def print_page(topic, width):
    """Return the text of a page on a terminal without colours."""
    console = Console(width=width, file=io.StringIO(), force_terminal=False, legacy_windows=False)
    console.print(_format_page(replace_links(read_page(topic), set(list_pages()))))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_layers_are_listed_with_whole_names(width):
    lines = print_page("layers", width).splitlines()
    assert max(map(len, lines)) <= width
    names = [match[1] for line in lines if (match := re.match(r" • (\w+):", line))]
    assert names[: len(LAYERS_BY_TYPE)] == [item.name for item in sort_by_family(build_catalog("layer"))]
    assert "".join(lines).count("…") == read_page("layers").count("…"), "no word is cut"


def sort_by_family(items):
    """Return layers in the order of the page."""
    return sorted(items, key=lambda item: get_args(Family).index(item.family))


def test_words_of_tables_are_never_cut():
    assert "…" not in print_page("layer_checks", 80)


def test_page_without_colours_is_formatted(tmp_path):
    output = run_on_terminal(tmp_path, "help", "resume", NO_COLOR="1")
    assert "\x1b[" not in output
    assert "`" not in output
    assert max(map(len, output.splitlines())) <= 80


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("see [names](names.md#addresses)", "see names (`dnn help names`)"),
        ("see [the\nnames](names.md)", "see the\nnames (`dnn help names`)"),
        ("see [configs](../../configs/README.md)", "see configs"),
        ("see [below](#below)", "see below"),
        ("see [Keras](https://keras.io/a)", "see Keras (https://keras.io/a)"),
        ("one\n\n![picture](a.svg)\n\ntwo", "one\n\ntwo"),
        ("`a[0](names.md)`", "`a[0](names.md)`"),
        ("```\na[0](names.md)\n```", "```\na[0](names.md)\n```"),
    ],
)
def test_links_name_the_page_to_show(markdown, text):
    assert replace_links(markdown, {"names"}) == text


@pytest.mark.parametrize("words", [["train"], ["runs", "rm"], ["lr-find"], ["data", "show"]], ids=" ".join)
def test_help_of_a_command_is_that_of_its_option(dnn, words):
    help_text = dnn("help", *words).stdout
    assert help_text == dnn(*words, "--help").stdout


def test_topic_with_a_page_and_a_command_shows_the_page(dnn):
    assert dnn("help", "runs").stdout.startswith("# Runs\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["trian"], "did you mean train?"),
        (["desing"], "did you mean design?"),
        (["LSTM"], "dnn list layers LSTM shows the layer"),
        (["repeat"], "dnn help config describes repeat"),
        (["zzz"], "dnn help lists the pages, and dnn --help the commands"),
        (["runs", "rmm"], "did you mean rm?"),
        (["train", "rm"], "dnn help lists the pages, and dnn --help the commands"),
        (["../README"], "dnn help lists the pages, and dnn --help the commands"),
    ],
)
def test_unknown_topic_is_refused(dnn, words, hint):
    done = dnn("help", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"dnn: no page and no command is named {' '.join(words)}", f"  {hint}"]


def test_pages_begin_with_a_title_and_a_description():
    for topic, description in list_pages().items():
        assert re.fullmatch(r"[^\n]{10,64}\.", description), topic
