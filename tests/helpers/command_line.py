"""Parameters of all commands of `dnn`."""


def iter_parameters(command, path="dnn"):
    """Yield the parameters of a Click command and all of its subcommands, each with the command line before it."""
    yield from ((path, parameter) for parameter in command.params)
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from iter_parameters(command.get_command(None, name), f"{path} {name}")
