"""Completion: what is offered, and that real shells put it into the line."""

import os
import pty
import select
import shutil
import sys
import time

import pytest
import typer

from dnn_cli.cli.app import app
from dnn_cli.cli.completion import SCRIPTS, iter_completion_lines, split_command_line
from dnn_cli.runs.record import Membership, StudyRole
from tests.helpers.command_line import iter_parameters
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.processes import control_terminal, start_process

BREAKS = " \t\n\"'@><=;|&(:"
"""What bash breaks words at, by default."""


@pytest.fixture
def offered(make_run, config, tmp_path, monkeypatch):
    """Return the completions at the end of a line, in a directory with a config and two runs."""
    config()
    sweep = Membership(id="0123abcd", name="digits", settings={})
    role = StudyRole(plan="0" * 16, phase="final", arm="tuned", value="adam")
    study = Membership(id="5d0dec0d", name="digits", settings={}, study=role)
    make_run("name=my run", digits="0000000a", sweeps=(sweep, study))
    make_run(digits="0000000b", stamp="20260101-000001", status="failed")
    make_run(digits="0000000c").record.write_text("{")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DNN_RUNS_DIR", raising=False)
    return lambda line, shell="fish": [
        candidate.partition("\t")[0] for candidate in iter_completion_lines(app, shell, line, BREAKS)
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("dnn tra", ["train"], id="a verb"),
        pytest.param("dnn runs sho", ["show"], id="a verb of a group"),
        pytest.param("dnn train --tensor", ["--tensorboard"], id="an option"),
        pytest.param("dnn train dig", ["digits.yaml"], id="a config"),
        pytest.param("dnn train digits.yaml optimizer.t", ["optimizer.type="], id="a key"),
        pytest.param("dnn train digits.yaml optimizer=rm", ["optimizer=rmsprop"], id="a value"),
        pytest.param("dnn sweep digits.yaml optimizer=sgd,rm", ["optimizer=sgd,rmsprop"], id="one of several values"),
        pytest.param("dnn train digits.yaml ~layers.h", ["~layers.hidden"], id="to remove"),
        pytest.param("dnn summary 0000000b ep", ["epochs="], id="a key of a run"),
        pytest.param("dnn resume 0000000b layers.hidden.un", ["layers.hidden.units="], id="a key to resume with"),
        pytest.param("dnn watch 0000000", ["0000000b", "0000000a"], id="an id"),
        pytest.param("dnn watch my", ["my run"], id="a name"),
        pytest.param("dnn watch @", ["@1", "@2"], id="by number"),
        pytest.param("dnn compare best:val_a", ["best:val_accuracy"], id="the best"),
        pytest.param("dnn compare sweep:", ["sweep:0123abcd"], id="a sweep"),
        pytest.param("dnn compare study:", ["study:5d0dec0d"], id="a study"),
        pytest.param("dnn runs tag word digi", ["digits"], id="a run behind another word"),
        pytest.param("dnn runs --where 'best.val_a", ["best.val_accuracy"], id="a field"),
        pytest.param('dnn runs --where "seed = 1 and stat', ["seed = 1 and status"], id="a second field"),
        pytest.param('dnn runs --where "status = comp', ["status = completed"], id="a status"),
        pytest.param("dnn runs --sort-by -best.val_a", [], id="what looks like an option"),
        pytest.param("dnn runs --columns id,best.val_a", ["id,best.val_accuracy"], id="columns"),
        pytest.param("dnn compare --metric val_l", ["val_loss"], id="a metric"),
        pytest.param("dnn list lo", ["losses"], id="a kind"),
        pytest.param("dnn list layers Flat", ["Flatten"], id="a name of a kind"),
        pytest.param("dnn train --engine=ch", ["--engine=chunked"], id="the value of an option"),
        pytest.param("dnn train --on r", ["ray"], id="a place"),
        pytest.param("dnn export-runs --mlflow sq", ["sqlite:///mlflow.db"], id="a store"),
        pytest.param("dnn train nope.yaml ep", [], id="no such config"),
    ],
)
def test_offered_completions(offered, line, expected):
    assert offered(line) == expected


UNCOMPLETED_PARAMETERS = {
    "dnn new": {"file", "target", "ignore", "hidden"},
    "dnn predict": {"files", "keep"},
    "dnn export-runs": {"tensorboard", "experiment_name"},
    "dnn demo": {"directory"},
    "dnn import": {"file"},
    "dnn runs tag": {"tag_name"},
    "dnn runs note": {"text"},
    "dnn runs rename": {"name"},
}
"""Parameters whose values are new names, free text, or files that the shell completes."""


def has_numbers_or_paths(parameter):
    """Whether the values of a parameter are numbers, or paths that the shell completes."""
    return parameter.metavar in ("N", "D", "SECONDS") or parameter.name in ("runs_dir", "output")


def test_parameters_have_completers(offered):
    """Every parameter has a completer, except flags, numbers, paths and free text."""
    command = typer.main.get_command(app)
    uncompleted = {}
    for path, parameter in iter_parameters(command):
        is_flag = getattr(parameter, "is_flag", False) or getattr(parameter, "count", False)
        if is_flag or has_numbers_or_paths(parameter):
            continue
        is_choice = parameter.param_type_name == "option" and offered(f"{path} {parameter.opts[0]} ")
        if parameter._custom_shell_complete is None and not is_choice:
            uncompleted.setdefault(path, set()).add(parameter.name)
    assert uncompleted == UNCOMPLETED_PARAMETERS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dnn watch @", ["@1", "@2"]),
        ("dnn train digits.yaml optimizer.t", ["optimizer.type="]),
        ("dnn runs --where 'best.val_a", ["best.val_accuracy"]),
        ("dnn list lo", ["losses"]),
        ("dnn export @1 --format li", ["litert"]),
        ("dnn new a.yaml --data ir", ["iris"]),
        ("dnn new a.yaml --task r", ["regression"]),
    ],
)
def test_completions_do_not_depend_on_help_texts(offered, monkeypatch, line, expected):
    command = typer.main.get_command(app)
    for _, parameter in iter_parameters(command):
        parameter.metavar, parameter.help = "VALUE", ""
    monkeypatch.setattr(typer.main, "get_command", lambda app: command)
    assert offered(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("dnn train digits.yaml optimizer=rm", ["rmsprop"], id="behind ="),
        pytest.param("dnn train digits.yaml optimizer.t", ["optimizer.type="], id="a dot breaks nothing"),
        pytest.param("dnn compare best:val_a", ["val_accuracy"], id="behind :"),
        pytest.param("dnn watch @", ["1", "2"], id="behind @"),
        pytest.param("dnn runs --where 'best.val_a", ["best.val_accuracy"], id="in quotes"),
        pytest.param("dnn watch my", ["'my run'"], id="with a space"),
        pytest.param("dnn train --engine=ch", ["chunked"], id="an option"),
    ],
)
def test_bash_completion_starts_after_the_last_word_break(offered, line, expected):
    assert offered(line, "bash") == expected


def test_zsh_completions_have_descriptions(offered):
    lines = list(iter_completion_lines(app, "zsh", "dnn watch 0000000", BREAKS))
    assert lines == ["0000000b\tdigits failed val_accuracy 0.8000", "0000000a\tmy run completed val_accuracy 0.8000"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dnn", ([], "dnn", None)),
        ("dnn ", ([], "", None)),
        ("dnn a\\ b 'c d' e", (["a b", "c d"], "e", None)),
        ("dnn x='a \"b", ([], 'x=a "b', 2)),
        ('dnn "a\\"b', ([], 'a"b', 0)),
    ],
)
def test_command_line_is_split_like_in_a_shell(line, expected):
    words, typed, quote_start = split_command_line(line)
    assert (words, typed, quote_start) == expected


@pytest.mark.parametrize(
    "line", ["dnn watch ", "dnn train broken.yaml ep", "dnn runs --where '", "dnn compare \x1b[31m", "dnn train 'a"]
)
def test_errors_while_completing_are_silent(program, make_run, config, tmp_path, line):
    config("a: [b\n\x00", "broken.yaml")
    (tmp_path / "runs").write_text("no directory")
    done = program(_DNN_COMPLETE="bash", _DNN_LINE=line, _DNN_BREAKS=BREAKS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_hostile_names_are_escaped(offered, make_run):
    make_run(digits="0000000d", stamp="20260101-000002", name="\x1b[31mred\n$(reboot)")
    make_run("name=a$(reboot)", digits="0000000e", stamp="20260101-000003")
    assert "0000000d" in offered("dnn watch 0000000")
    (line,) = iter_completion_lines(app, "zsh", "dnn watch 0000000d", BREAKS)
    assert line == "0000000d\t�[31mred $(reboot) completed val_accuracy 0.8000"
    assert offered("dnn watch a$", "bash") == ["'a$(reboot)'"]


STARTS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
BEFORE = {"bash": "PS1='> '", "zsh": "autoload -Uz compinit; compinit -u; PS1='> '", "fish": "true"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Types into a real shell, and returns the line as it shows it."""
    directory = tmp_path_factory.mktemp("shells")
    (directory / "digits.yaml").write_text(DIGITS_YAML)
    (directory / "bin").mkdir()
    program = directory / "bin" / "dnn"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dnn_cli "$@"\n')
    program.chmod(0o755)
    for name, script in SCRIPTS.items():
        (directory / f"script.{name}").write_text(script)

    def type_line(name, typed, expected_text):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        primary, secondary = pty.openpty()
        path = f"{directory / 'bin'}:{os.environ['PATH']}"
        environment = {"PATH": path, "TERM": "dumb", "HOME": str(directory), "COLUMNS": "200"}
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), secondary)
        with start_process(control_terminal(name, *STARTS[name]), cwd=directory, env=environment, **streams):
            os.close(secondary)
            os.write(primary, f"{BEFORE[name]}; source {directory}/script.{name}; echo rea''dy\n".encode())
            read_until(primary, "ready\r")
            os.write(primary, f"{typed}\t".encode())
            output = read_until(primary, expected_text)
        os.close(primary)
        return output

    return type_line


def read_until(descriptor, text, seconds=30):
    """Read the output of a terminal until a text appears."""
    output, until = "", time.monotonic() + seconds
    while text not in output and time.monotonic() < until:
        if select.select([descriptor], [], [], 0.2)[0]:
            output += os.read(descriptor, 65536).decode(errors="replace")
    return output


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param("dnn train digits.yaml optimizer.t", "optimizer.type=", id="a key"),
        pytest.param("dnn train digits.yaml optimizer=rm", "optimizer=rmsprop", id="a value"),
    ],
)
def test_real_shell_completes(shell, name, typed, expected):
    assert expected in shell(name, typed, expected)


def test_scripts_are_installed_once(dnn, tmp_path):
    there = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "ZDOTDIR": ""}
    for name in ("bash", "zsh", "fish", "bash"):
        assert dnn("--install-completion", name, **there).returncode == 0
    script = tmp_path / ".local/share/dnn/completion.bash"
    assert script.read_text() == dnn("--show-completion", "bash").stdout == SCRIPTS["bash"]
    assert (tmp_path / ".bashrc").read_text() == f"source {script}\n"
    assert (tmp_path / ".zshrc").read_text().count("\n") == 1
    assert (tmp_path / ".config/fish/completions/dnn.fish").read_text() == SCRIPTS["fish"]
    done = dnn("--install-completion", "bsh", **there)
    assert (done.returncode, done.stderr) == (2, "dnn: no completion for bsh\n  did you mean bash?\n")
