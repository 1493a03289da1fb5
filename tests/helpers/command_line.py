"""Parameters of all commands of `dnn`."""


def iter_commands(command, path="dnn"):
    """Yield a Click command and all of its subcommands, each with its command line, such as `dnn runs show`."""
    yield path, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from iter_commands(command.get_command(None, name), f"{path} {name}")


def iter_parameters(command):
    """Yield the parameters of a Click command and all of its subcommands, each with the command line before it."""
    for path, subcommand in iter_commands(command):
        yield from ((path, parameter) for parameter in subcommand.params)
