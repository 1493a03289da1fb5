"""Table of all commands, in the groups of `dnn --help`.

To add a command, write its file in `commands/` and add a `LazyCommand` here.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer


@dataclass(frozen=True)
class LazyCommand:
    """Location of a command, and its line in `dnn --help`.

    The module of a command is imported only when the command is needed. `dnn --help` takes as long as the import of
    Typer, Rich and PyYAML. With the imports of all commands, `dnn --help` took 2.2 times as long.
    """

    location: str
    """Module and name of the command's function or `typer.Typer`, as in `.train:train`. The module name is relative to
    `dnn_cli.cli.commands` if it begins with a dot."""

    description: str
    """First line of the command's help text."""


COMMAND_GROUPS = {
    "Get started": {
        "demo": LazyCommand(".demo:demo", "Train three small networks, compare them, and write a report."),
        "new": LazyCommand(".new:new", "Write a first config, with comments."),
        "import": LazyCommand(".import_config:import_config", "Write a config from a Keras model, script or notebook."),
        "check": LazyCommand(".check:check", "List issues of configs without training, and give advice."),
        "help": LazyCommand(".help:show_help", "Show a page of the documentation, or list the pages."),
    },
    "Train": {
        "train": LazyCommand(".train:train", "Train networks; every run has its own directory."),
        "watch": LazyCommand(".watch:watch", "Show the progress of trainings in other terminals."),
        "baseline": LazyCommand(
            ".baseline:baseline",
            "Train simple models of scikit-learn, to compare with networks.",
        ),
        "resume": LazyCommand(".resume:resume", "Continue an interrupted run, or extend a completed run."),
        "sweep": LazyCommand(".sweep:sweep", "Train variants of a config in parallel; skip existing runs."),
        "study": LazyCommand(".study:study", "Tune each value of a question alike, and judge the values."),
        "settle": LazyCommand(".settle:settle", "Train pairs of equal seeds until one experiment is better."),
        "plan": LazyCommand(".plan_pairs:plan", "Estimate the pairs of seeds and minutes that find a difference."),
        "lr-find": LazyCommand(".lr_find:lr_find", "Test learning rates from small to large, and suggest one."),
    },
    "Understand results": {
        "runs": LazyCommand(".runs.group:group", "List the runs, the latest first; tag, rename or remove runs."),
        "compare": LazyCommand(".compare:compare", "Compare completed runs: settings, scores and verdicts."),
        "explain": LazyCommand(".explain:explain", "Explain how a run trained, and suggest changes."),
        "plot": LazyCommand(".plot:plot", "Draw curves of epochs, or scores over a key."),
        "report": LazyCommand(".report:report", "Write a comparison or a study as one HTML file."),
    },
    "Use trained networks": {
        "evaluate": LazyCommand(".evaluate:evaluate", "Evaluate networks on the test set or a file, or several folds."),
        "ensemble": LazyCommand(".ensemble:ensemble", "Score the mean prediction of several runs, and export it."),
        "predict": LazyCommand(".predict:predict", "Predict classes or values for images, arrays and tables."),
        "export": LazyCommand(".export:export", "Export a network to other formats, and compare predictions."),
        "script": LazyCommand(".script:script", "Write a config or a run as a short program of plain Keras."),
        "export-runs": LazyCommand(
            ".export_runs:export_runs", "Export runs to MLflow or TensorBoard, or update the export."
        ),
        "reproduce": LazyCommand(".reproduce:reproduce", "Train a completed run again; check that all bits are equal."),
    },
    "Look up": {
        "summary": LazyCommand(".summary:summary", "Show layers, shapes and the numbers of parameters."),
        "data": LazyCommand(".data.group:group", "Show examples of a dataset, or check your own data."),
        "list": LazyCommand(".list:list_names", "List layers, optimizers and other names that configs can use."),
        "configs": LazyCommand(".configs:configs", "List the example configs, or copy one to a file of your own."),
        "schema": LazyCommand(".schema:schema", "Print the JSON Schema with which text editors check configs."),
    },
    "Check this computer": {
        "doctor": LazyCommand(".doctor:doctor", "Check whether this computer can train; exit with 1 if not."),
        "warm": LazyCommand(".warm:warm", "Start a server that makes later commands start faster."),
        "bench": LazyCommand(".bench:bench", "Compare the training speed of dnn with plain Keras."),
    },
}
"""Groups of commands in `dnn --help`: the title of each group, and its commands by name.

The order of groups and commands is that in which a new user needs them.
"""


def load_command(name: str) -> Any:
    """Import the module of a command and return the command as a Click object, or `None` for an unknown name."""
    lazy_command = next((commands[name] for commands in COMMAND_GROUPS.values() if name in commands), None)
    if lazy_command is None:
        return None
    module_name, _, attribute = lazy_command.location.partition(":")
    target = getattr(import_module(module_name, "dnn_cli.cli.commands"), attribute)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    if isinstance(target, typer.Typer):
        app.add_typer(target, name=name)
    else:
        app.command(name)(target)
        app.callback()(lambda: None)  # makes the application a group, also with a single command
    return typer.main.get_group(app).commands[name]
