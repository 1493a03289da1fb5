"""Command group `dnn data`: examples of data, and a check of the user's files."""

import typer

from dnn_cli.cli.command_suggestions import CommandGroup
from dnn_cli.cli.commands.data.check import check_data
from dnn_cli.cli.commands.data.show import show_data
from dnn_cli.cli.console import write_result

group = typer.Typer(cls=CommandGroup)


@group.callback(invoke_without_command=True)
def print_group_help(context: typer.Context) -> None:
    """Show examples of a dataset, or check your own data."""
    if context.invoked_subcommand is None:
        write_result(f"{context.get_help()}\n")


group.command("show")(show_data)
group.command("check")(check_data)
