"""Origin of the test reads of `dnn evaluate`: its command as run records have it."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnn_cli.errors import UsageError

if TYPE_CHECKING:
    from dnn_cli.execution.test_reads import ReadOrigin


def build_evaluation_origin(
    recorded_words: Sequence[str],
    words: Sequence[str],
    overrides: Sequence[str],
    options: Sequence[str],
    code_options: Sequence[str],
    *,
    force: bool,
) -> "ReadOrigin":
    """Build the description of a `dnn evaluate` command for the records of its runs.

    Args:
        recorded_words: The words of the command that records have. Addresses of single runs are left out.
        words: The words of the complete command.
        overrides: Changes of the config.
        options: The options that decide what is evaluated.
        code_options: The options with which the code of custom layers may run (`Record.code_options`).
        force: Whether test sets may be read beyond `data.test_reads`.

    Raises:
        UsageError: an override changes the limit of test reads.
    """
    from dnn_cli.execution.test_reads import ReadOrigin

    if limit := next((word for word in overrides if word.partition("=")[0] == "data.test_reads"), None):
        raise UsageError(f"{limit} cannot change the limit in the config of the run", f"omit {limit}, or use --force")
    return ReadOrigin(
        shlex.join(["dnn", "evaluate", *recorded_words, *options]),
        shlex.join(["dnn", "evaluate", *words, *overrides, *options, *code_options, "--force"]),
        force,
    )
