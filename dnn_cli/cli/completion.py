"""Completion in bash, zsh and fish: the shell scripts, their installation, and the completions of a command line.

A script passes the line up to the cursor to `dnn` and shows the lines that `dnn` prints. Click's parser determines the
parameter at the cursor. This module handles the characters at which bash breaks words, such as = and :.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any

import typer

from dnn_cli.cli.completion_word import CompletionWord
from dnn_cli.errors import RunError, UsageError, suggest_nearest_name

COMPLETE_VARIABLE = "_DNN_COMPLETE"
"""Environment variable by which a shell script requests completions. Its value is the name of the shell."""

_BASH_SCRIPT = """\
_dnn_completion() {
    mapfile -t COMPREPLY < <(_DNN_COMPLETE=bash _DNN_LINE="${COMP_LINE:0:COMP_POINT}" \\
        _DNN_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:.] ]] && compopt -o nospace
    return 0
}
complete -o default -F _dnn_completion dnn
"""

_ZSH_SCRIPT = """\
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

_FISH_SCRIPT = """\
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

SCRIPTS = {"bash": _BASH_SCRIPT, "zsh": _ZSH_SCRIPT, "fish": _FISH_SCRIPT}


def print_completions(app: typer.Typer) -> None:
    """Print the completions for the command line that a shell script passes in environment variables.

    All errors are suppressed, because their text would disturb the command line.
    """
    with open(os.devnull, "w") as devnull, redirect_stderr(devnull), suppress(Exception, SystemExit):
        shell, line = os.environ[COMPLETE_VARIABLE], os.environ.get("_DNN_LINE", "")
        for name in (COMPLETE_VARIABLE, "_DNN_LINE"):
            os.environ.pop(name, None)
        breaks = os.environ.pop("_DNN_BREAKS", "") if shell == "bash" else ""
        sys.stdout.write("".join(f"{text}\n" for text in iter_completion_lines(app, shell, line, breaks)))


def iter_completion_lines(app: typer.Typer, shell: str, line: str, breaks: str) -> Iterator[str]:
    """Yield a line for each completion, in the format that the completion script of the shell reads.

    Args:
        app: The Typer application with all commands.
        shell: The name of the shell. In lines for zsh and fish, a tab and the meaning follow the word.
        line: The command line up to the cursor.
        breaks: The characters at which bash breaks words. A line for bash contains only the text after the last such
            character of the unfinished word.
    """
    words, typed, quote_start = split_command_line(line)
    option_prefix = f"{typed.partition('=')[0]}=" if typed.startswith("--") and "=" in typed else ""
    cut_length = (
        1 + max((typed.rfind(mark) for mark in breaks if not mark.isspace()), default=-1)
        if quote_start is None
        else quote_start
    )
    for text, meaning in dict.fromkeys(_list_completions(app, words, typed)):
        if not text.isprintable() or not (completed := f"{option_prefix}{text}").startswith(typed):
            continue
        if shell == "bash":
            yield completed[cut_length:] if quote_start is not None else _quote_for_bash(completed[cut_length:])
        else:
            yield f"{completed}\t{_format_one_line(meaning)}" if meaning else completed


def split_command_line(line: str) -> tuple[list[str], str, int | None]:
    """Split a command line into complete words, without the program's name, and the unfinished last word.

    Returns:
        The complete words, the unfinished word, and the index in the unfinished word at which an unclosed quotation
        begins. The index is `None` without an unclosed quotation.
    """
    words: list[str] = []
    word, has_word, escaped, quote, quote_start = "", False, False, "", 0
    for character in line:
        if escaped or (quote and character not in (quote, "\\")) or (quote == "'" and character != quote):
            word, escaped = word + character, False
        elif character == "\\":
            escaped = has_word = True
        elif character == quote:
            quote = ""
        elif character in "'\"":
            quote, quote_start, has_word = character, len(word), True
        elif not character.isspace():
            word, has_word = word + character, True
        elif has_word:
            words.append(word)
            word, has_word = "", False
    return words[1:], word, quote_start if quote else None


def _list_completions(app: typer.Typer, words: list[str], typed: str) -> list[CompletionWord]:
    """Return the completions of the unfinished last word of a command line.

    File names are left out, because the shell completes them.

    Args:
        app: The Typer application with all commands.
        words: The complete words before the unfinished word, without the program's name.
        typed: The unfinished word.
    """
    command = typer.main.get_command(app)
    items = _build_shell_complete(command).get_completions(words, typed)
    return [CompletionWord(item.value, item.help or "") for item in items if item.type == "plain"]


def keep_typed_values(context: Any, command: Any) -> None:
    """Let the parameters of a command and its subcommands keep the words that are typed.

    Completers read words. Typer would import pydantic to convert words into values, which takes most of the time of a
    completion. The callbacks of parameters, which act on values, are not called.

    Args:
        context: The Typer context of the command.
        command: The command as a Click object.
    """
    for parameter in command.get_params(context):
        parameter.process_value = lambda context, value: value
    for name, subcommand in getattr(command, "commands", {}).items():
        keep_typed_values(typer.Context(subcommand, parent=context, info_name=name), subcommand)


def _build_shell_complete(command: Any) -> Any:
    """Build the Click object that determines the parameter at the cursor and runs its completer."""

    class DnnShellComplete(_import_shell_completion().ShellComplete):  # type: ignore[misc]
        """Subclass of Click's `ShellComplete` that only finds completions.

        The scripts and output formats of Click are not used, because this module has its own.
        """

        name = source_template = "dnn"

        def get_completion_args(self) -> tuple[list[str], str]:
            return [], ""

        def format_completion(self, item: Any) -> str:
            return str(item.value)

        def source_vars(self) -> dict[str, Any]:
            return {}

    return DnnShellComplete(command, {}, "dnn", COMPLETE_VARIABLE)


def _import_shell_completion() -> Any:
    """Return Click's module `shell_completion`: the copy in Typer, or Click's own for older versions of Typer."""
    try:
        from typer._click import shell_completion as module
    except ImportError:
        import click.shell_completion as module  # type: ignore[no-redef]
    return module


def _quote_for_bash(text: str) -> str:
    """Return a word quoted for bash.

    The word is returned unchanged if its only special characters are = ~ : @ and commas.
    """
    plain = text.replace("=", "").replace("~", "").replace(":", "").replace("@", "").replace(",", "")
    return text if not plain or shlex.quote(plain) == plain else shlex.quote(text)


def _format_one_line(text: str) -> str:
    """Return a text in one line, without control characters."""
    from dnn_cli.report.text import replace_control_chars

    return replace_control_chars(" ".join(text.split()))


def print_script_and_exit(shell: str | None) -> None:
    """Print the completion script for a shell and exit. Do nothing if the shell is `None`."""
    if shell is not None:
        sys.stdout.write(_get_script(shell))
        raise typer.Exit


def install_script_and_exit(shell: str | None) -> None:
    """Install the completion script for a shell and exit. Do nothing if the shell is `None`."""
    if shell is not None:
        from dnn_cli.cli.console import get_output_console

        for line in _install_completion(shell):
            get_output_console().print(line)
        raise typer.Exit


def _get_script(shell: str) -> str:
    """Return the completion script for a shell.

    Raises:
        UsageError: the shell is not bash, zsh or fish.
    """
    if shell not in SCRIPTS:
        raise UsageError(f"no completion for {shell}", suggest_nearest_name(shell, SCRIPTS) or "use bash, zsh or fish")
    return SCRIPTS[shell]


def _install_completion(shell: str) -> list[str]:
    """Install the completion script for a shell in the user's home directory, and return lines that report the steps.

    Raises:
        UsageError: the shell is not bash, zsh or fish, or the user has no home directory.
        RunError: a file cannot be written.
    """
    from dnn_cli.host.directories import find_home_or_reason

    text, (home, reason) = _get_script(shell), find_home_or_reason()
    hint = f"dnn --show-completion {shell} prints the script"
    if home is None:
        raise UsageError(f"completion cannot be installed: {reason}", hint)
    try:
        return _write_completion_files(home, shell, text)
    except OSError as error:
        raise RunError(f"{error.filename} cannot be written: {error.strerror}", hint) from None


def _write_completion_files(home: Path, shell: str, text: str) -> list[str]:
    """Write the completion script for a shell, and return lines that report the steps.

    For bash and zsh, a line that loads the script is also added to the startup file, such as `.bashrc`.

    Args:
        home: The user's home directory.
        shell: The name of the shell.
        text: The completion script.
    """
    if shell == "fish":
        path = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "dnn.fish"
    else:
        path = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "dnn" / f"completion.{shell}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    lines = [f"wrote {path}"]
    if shell != "fish":
        startup_file = home / ".bashrc" if shell == "bash" else Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        line = f"source {shlex.quote(str(path))}"
        old_text = startup_file.read_text(encoding="utf-8", errors="replace") if startup_file.exists() else ""
        if line not in old_text.splitlines():
            with startup_file.open("a", encoding="utf-8") as stream:
                stream.write(f"{'' if old_text.endswith(chr(10)) or not old_text else chr(10)}{line}\n")
            lines.append(f"added to {startup_file}: {line}")
    return [*lines, f"open a new {shell} to use the completion"]
