"""Completion in bash, zsh and fish: the scripts, their installation, and the answers that they ask for.

A script sends the line up to the cursor and shows what comes back. Click's parser knows which parameter the cursor is
in; where bash breaks words, at = and : among others, is minded here.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from functools import partial
from pathlib import Path
from typing import Any

import typer

from dnn_cli.cli.completers import Completer, Word, completer_for
from dnn_cli.errors import RunError, UsageError, nearest

ASKED = "_DNN_COMPLETE"
"""The environment variable with which a script asks; its value is the shell."""

BASH = """\
_dnn_completion() {
    mapfile -t COMPREPLY < <(_DNN_COMPLETE=bash _DNN_LINE="${COMP_LINE:0:COMP_POINT}" \\
        _DNN_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:.] ]] && compopt -o nospace
    return 0
}
complete -o default -F _dnn_completion dnn
"""

ZSH = """\
#compdef dnn
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_dnn_completion() {
    local line
    local -a open open_shown closed closed_shown
    for line in "${(@f)$(_DNN_COMPLETE=zsh _DNN_LINE="${(j: :)words[1,CURRENT]}" ${(Q)words[1]} 2>/dev/null)}"; do
        if [[ ${line%%$'\\t'*} == *[=/:.] ]]; then
            open+=("${line%%$'\\t'*}")
            open_shown+=("${line/$'\\t'/  -- }")
        elif [[ -n $line ]]; then
            closed+=("${line%%$'\\t'*}")
            closed_shown+=("${line/$'\\t'/  -- }")
        fi
    done
    if (( $#open + $#closed == 0 )); then
        _files
        return
    fi
    (( $#open )) && compadd -l -S '' -d open_shown -a open
    (( $#closed )) && compadd -l -d closed_shown -a closed
    return 0
}
compdef _dnn_completion dnn
"""

FISH = """\
function __dnn_completion
    set -l line (commandline -cp | string join ' ')
    set -l found (env _DNN_COMPLETE=fish _DNN_LINE="$line" (commandline -opc)[1] 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c dnn -f -a '(__dnn_completion)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def answer(app: typer.Typer) -> None:
    """Print what can stand at the end of a line, and nothing whatever goes wrong."""
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere), suppress(Exception, SystemExit):
        shell, line = os.environ[ASKED], os.environ.get("_DNN_LINE", "")
        for name in (ASKED, "_DNN_LINE"):
            os.environ.pop(name, None)
        breaks = os.environ.pop("_DNN_BREAKS", "") if shell == "bash" else ""
        sys.stdout.write("".join(f"{text}\n" for text in answers(app, shell, line, breaks)))


def answers(app: typer.Typer, shell: str, line: str, breaks: str) -> Iterator[str]:
    """What a shell is told, a line for each word; bash alone does not show what it means."""
    words, typed, opened = divided(line)
    lead = f"{typed.partition('=')[0]}=" if typed.startswith("--") and "=" in typed else ""
    cut = (
        1 + max((typed.rfind(mark) for mark in breaks if not mark.isspace()), default=-1) if opened is None else opened
    )
    for text, meaning in dict.fromkeys(completions(app, words, typed)):
        if not text.isprintable() or not (whole := f"{lead}{text}").startswith(typed):
            continue
        if shell == "bash":
            yield whole[cut:] if opened is not None else quoted(whole[cut:])
        else:
            yield f"{whole}\t{one_line(meaning)}" if meaning else whole


def divided(line: str) -> tuple[list[str], str, int | None]:
    """The whole words of a line behind the program's name, and what is typed of the next.

    And where in that a quote begins that is not closed yet, if there is one.
    """
    words: list[str] = []
    word, begun, escaped, quote, opened = "", False, False, "", 0
    for character in line:
        if escaped or (quote and character not in (quote, "\\")) or (quote == "'" and character != quote):
            word, escaped = word + character, False
        elif character == "\\":
            escaped = begun = True
        elif character == quote:
            quote = ""
        elif character in "'\"":
            quote, opened, begun = character, len(word), True
        elif not character.isspace():
            word, begun = word + character, True
        elif begun:
            words.append(word)
            word, begun = "", False
    return words[1:], word, opened if quote else None


def completions(app: typer.Typer, words: list[str], typed: str) -> list[Word]:
    """What can follow some words; what only a shell can complete, such as any file, is not among it."""
    command = typer.main.get_command(app)
    teach(command)
    found = asking(command).get_completions(words, typed)
    return [Word(item.value, item.help or "") for item in found if item.type == "plain"]


def teach(command: Any) -> None:
    """Let every parameter of a command, and of those below it, know what completes it."""
    for parameter in command.params:
        completer = completer_for(parameter.metavar, parameter.opts)
        if completer is not None:
            parameter.shell_complete = partial(complete, completer)
    for below in getattr(command, "commands", {}).values():
        teach(below)


def complete(completer: Completer, context: Any, typed: str) -> list[Any]:
    """What a completer offers, as Click wants it."""
    item = shell_completion().CompletionItem
    given = {**{name: value for one in parents(context) for name, value in one.params.items()}, **context.params}
    return [item(text, help=meaning) for text, meaning in completer(given, typed)]


def parents(context: Any) -> Iterator[Any]:
    """The contexts above one, the uppermost last."""
    while context is not None:
        yield context
        context = context.parent


def asking(command: Any) -> Any:
    """Click's own way to find what a cursor is in."""

    class Asking(shell_completion().ShellComplete):  # type: ignore[misc]
        """Of no shell in particular."""

        name = source_template = "dnn"

        def get_completion_args(self) -> tuple[list[str], str]:
            return [], ""

        def format_completion(self, item: Any) -> str:
            return str(item.value)

        def source_vars(self) -> dict[str, Any]:
            return {}

    return Asking(command, {}, "dnn", ASKED)


def shell_completion() -> Any:
    """Click's module of that name, which newer Typer keeps itself."""
    try:
        from typer._click import shell_completion as module
    except ImportError:
        import click.shell_completion as module  # type: ignore[no-redef]
    return module


def quoted(text: str) -> str:
    """A word as it is typed in bash, where = and ~ of an override stand as they are."""
    plain = text.replace("=", "").replace("~", "").replace(":", "").replace("@", "").replace(",", "")
    return text if not plain or shlex.quote(plain) == plain else shlex.quote(text)


def one_line(text: str) -> str:
    """A meaning as a shell shows it."""
    from dnn_cli.report.words import visible

    return visible(" ".join(text.split()))


def print_script(shell: str | None) -> None:
    """Print the script of a shell and end, if it was asked for."""
    if shell is not None:
        sys.stdout.write(script(shell))
        raise typer.Exit


def install_script(shell: str | None) -> None:
    """Write the script of a shell where the shell finds it and end, if it was asked for."""
    if shell is not None:
        from dnn_cli.cli.console import results

        for line in install(shell):
            results().print(line)
        raise typer.Exit


def script(shell: str) -> str:
    """The script of a shell.

    Raises:
        UsageError: it is another shell.
    """
    if shell not in SCRIPTS:
        raise UsageError(f"there is no completion for {shell}", nearest(shell, SCRIPTS) or "bash, zsh or fish")
    return SCRIPTS[shell]


def install(shell: str) -> list[str]:
    """Install the script of a shell for its user; what was done, a line each.

    Raises:
        UsageError: the shell is another one, or there is no home folder for the script.
        RunError: a file cannot be written.
    """
    from dnn_cli.host.folders import home_or_reason

    text, (home, reason) = script(shell), home_or_reason()
    by_hand = f"dnn --show-completion {shell} prints the script"
    if home is None:
        raise UsageError(f"completion cannot be installed: {reason}", by_hand)
    try:
        return install_in(home, shell, text)
    except OSError as error:
        raise RunError(f"{error.filename} cannot be written: {error.strerror}", by_hand) from None


def install_in(home: Path, shell: str, text: str) -> list[str]:
    """Write the script of a shell, and let the shell's startup file in a home folder read it; a line for each step."""
    if shell == "fish":
        path = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "dnn.fish"
    else:
        path = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "dnn" / f"completion.{shell}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    lines = [f"wrote {path}"]
    if shell != "fish":
        start = home / ".bashrc" if shell == "bash" else Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        line = f"source {shlex.quote(str(path))}"
        before = start.read_text(encoding="utf-8", errors="replace") if start.exists() else ""
        if line not in before.splitlines():
            with start.open("a", encoding="utf-8") as stream:
                stream.write(f"{'' if before.endswith(chr(10)) or not before else chr(10)}{line}\n")
            lines.append(f"added to {start}: {line}")
    return [*lines, f"a new {shell} completes dnn"]
