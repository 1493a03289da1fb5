"""Command group `dnn data`, one file for each command."""
