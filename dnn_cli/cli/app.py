"""The program `dnn`: its verbs, and the one place where errors become messages and exit codes."""

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Optional

import typer

import dnn_cli
from dnn_cli.cli import (
    bench,
    check,
    compare,
    data,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    export_runs,
    lr_find,
    new,
    plot,
    predict,
    reproduce,
    resume,
    runs,
    schema,
    summary,
    sweep,
    train,
    watch,
)
from dnn_cli.cli import list as listing
from dnn_cli.cli import report as reporting
from dnn_cli.cli.completion import ASKED, answer, install_script, print_script
from dnn_cli.cli.console import fall_silent, notes
from dnn_cli.cli.foreign_verbs import VERBS, Verbs
from dnn_cli.errors import AmbiguousAddressError, ConfigError, DataError, DnnError, QueryError
from dnn_cli.host.folders import redirect_libraries
from dnn_cli.report.words import visible


class ListedVerbs(Verbs):
    """The verbs as they are listed: groups beside what they belong to, though Typer puts them behind all commands."""

    foreign = VERBS
    BEHIND = {"runs": "compare", "data": "bench"}

    def list_commands(self, ctx: Any) -> list[str]:
        names = [name for name in super().list_commands(ctx) if name not in self.BEHIND]
        for name, before in self.BEHIND.items():
            names.insert(names.index(before) + 1, name)
        return names


app = typer.Typer(
    name="dnn",
    cls=ListedVerbs,
    help="Train and compare Keras networks that are described in YAML.",
    add_completion=False,  # ours knows what bash makes of = and :
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    new.new,
    check.check,
    summary.summary,
    train.train,
    sweep.sweep,
    resume.resume,
    reproduce.reproduce,
    evaluate.evaluate,
    predict.predict,
    export.export,
    export_runs.export_runs,
    explain.explain,
    compare.compare,
    plot.plot,
    reporting.report,
    watch.watch,
    lr_find.lr_find,
    bench.bench,
    doctor.doctor,
    demo.demo,
    schema.schema,
):
    app.command()(verb)
app.command("list")(listing.list_names)
app.add_typer(runs.group, name="runs")
app.add_typer(data.group, name="data")


def print_version(wanted: bool) -> None:
    """Print the version and end, if it was asked for."""
    if wanted:
        sys.stdout.write(f"dnn {dnn_cli.__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
    install_completion: Annotated[
        Optional[str],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Option(metavar="SHELL", callback=install_script, is_eager=True, help="Complete in bash, zsh or fish."),
    ] = None,
    show_completion: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="SHELL", callback=print_script, is_eager=True, help="Print what does that."),
    ] = None,
) -> None:
    """Train and compare Keras networks that are described in YAML."""


def main() -> None:
    """Run the program and exit: 0 ok, 1 a run failed or diverged, 2 usage or config, 130 or 143 interrupted."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - closed by the caller, so nobody reads it
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if ASKED in os.environ:
        answer(app)
        return
    redirect_libraries()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what is half done is cleared away
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="dnn", standalone_mode=False)
        sys.stdout.flush()
    except DnnError as error:
        code = report(error)
    except KeyboardInterrupt:
        leave_if_starting()
        code = 130
    except BrokenPipeError:
        fall_silent(sys.stdout)
        code = 0
    except OSError as error:
        notes().print(f"dnn: {error.strerror or error}")
        code = 1
    except typer.Abort:
        code = 130
    except Exception as error:
        code = usage_or_bug(error)
    sys.exit(code if isinstance(code, int) else 0)


def leave_if_starting() -> None:
    """End the process at once where TensorFlow is being imported: the interpreter would wait for it."""
    if "dnn_cli.training.start" in sys.modules:
        from dnn_cli.training.start import is_starting

        if is_starting():
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(130)


def report(error: DnnError) -> int:
    """Print an error of our own."""
    console = notes()
    if isinstance(error, ConfigError):
        for fault in error.faults:
            console.print(visible(fault))
    else:
        several = isinstance(error, DataError | QueryError | AmbiguousAddressError)  # a line each
        message = error.message.split("\n") if several else [error.message]
        lines = [f"dnn: {message[0]}", *message[1:], *([f"  {error.hint}"] if error.hint else [])]
        for line in lines:
            console.print(visible(line))
    return error.exit_code


def setting_hint(option: str, words: Sequence[str], context: Any) -> str:
    """Return how an option that is a key of the config is written; an empty text for any other option.

    Args:
        option: As `--epochs`.
        words: Of the command line.
        context: Of the verb, in Typer's words.
    """
    from dnn_cli.spec.experiment import Experiment

    taken = [str(parameter.metavar) for parameter in getattr(getattr(context, "command", None), "params", ())]
    if not any("KEY=VALUE" in metavar for metavar in taken):
        return ""
    key = option.lstrip("-").replace("-", "_")
    rates = {"lr": "optimizer.learning_rate", "learning_rate": "optimizer.learning_rate"}
    if key not in (*Experiment.model_fields, *rates, "seeds"):
        return ""
    at = next((at for at, word in enumerate(words) if word.partition("=")[0] == option), len(words))
    _, equals, value = words[at].partition("=") if at < len(words) else ("", "", "")
    if not equals:
        value = words[at + 1] if at + 1 < len(words) else "…"
    if key == "seeds":
        if "KEY=VALUES" in "".join(taken):
            return f"write {seeds_word(value)} in its place"
        config = next((word for word in words if word.endswith((".yaml", ".yml"))), "CONFIG")
        return f"dnn sweep trains several seeds: dnn sweep {shlex.quote(config)} {seeds_word(value)}"
    return f"write {shlex.quote(f'{rates.get(key, key)}={value}')} in its place"


def seeds_word(value: str) -> str:
    """Return the word that gives seeds to a sweep, where a whole number is the number of seeds."""
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0
    return shlex.quote(f"seed=1..{number}" if number > 1 else f"seed={value}")


def usage_or_bug(error: Exception) -> int:
    """Print an error of the command line's parser, or one that nobody expected.

    Typer's parser has changed its home between versions; what its errors have in common is this method.
    """
    if os.environ.get("DNN_DEBUG"):
        raise error
    describe = getattr(error, "format_message", None)
    if describe is None:
        text = f"dnn: internal error: {type(error).__name__}: {error} (DNN_DEBUG=1 shows where)"
        notes().print(visible(text))
        return 1
    context = getattr(error, "ctx", None)
    hint = f"{getattr(context, 'command_path', 'dnn')} --help shows what there is"
    message = describe()
    option = getattr(error, "option_name", None)
    if option and (setting := setting_hint(str(option), sys.argv, context)):
        hint = setting
        message = getattr(error, "message", message)  # without the options that the parser finds similar
    notes().print(visible(f"dnn: {' '.join(message.split())}") + "\n" + visible(f"  {hint}"))
    return int(getattr(error, "exit_code", 2))
