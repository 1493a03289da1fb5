"""Command group `dnn runs`, one file for each kind of commands."""
