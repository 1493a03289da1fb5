"""`Remark`: what is said of a value of an experiment, a fault or an advice."""

from typing import NamedTuple

from dnn_cli.spec.yaml_file import KeyPath


class Remark(NamedTuple):
    """Something to say about the value at a path."""

    path: KeyPath
    message: str
    suggestion: str = ""
    """What to do; it must be right when it is followed literally, see `tests/spec/test_hints.py`."""
