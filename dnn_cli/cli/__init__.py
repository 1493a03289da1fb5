"""Command line of `dnn`: options, output and exit codes. Each command has a file in `commands`."""
