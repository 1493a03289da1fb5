"""Limit of the test reads of a run, `data.test_reads`: it is checked before a model is evaluated on the test set."""

import os
from contextlib import suppress
from typing import NamedTuple

from dnn_cli.config.data import Data
from dnn_cli.errors import UsageError, UserDataError
from dnn_cli.report.test_read_text import OtherReads, format_test_reads
from dnn_cli.runs.evaluations import Evaluation, FileEvaluation
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import read_details
from dnn_cli.runs.store import Store


class ReadOrigin(NamedTuple):
    """Command that evaluates a model, and whether the command may exceed the limit of test reads."""

    command: str
    """Command as `run.json` records it, such as `dnn evaluate --best`."""

    force_command: str
    """Complete command with `--force`, for the message of an error."""

    force: bool = False


def get_test_read_limit(run: Run) -> int | None:
    """Return the limit of test reads in the config of a run; `None` without a limit.

    Overrides of an evaluation do not change the limit.
    """
    config = read_details(run).config or {}
    limit = (config.get("data") or {}).get("test_reads")
    return limit if isinstance(limit, int) else None


def check_test_reads(run: Run, origin: ReadOrigin) -> None:
    """Check that a command may read the test set of a run once more.

    Raises:
        UsageError: the limit is reached, and the command has no `--force`.
        RunError: the record of the run cannot be read.
    """
    record = run.read_raw_record()
    if not origin.force and has_reached_limit(run, record):
        raise build_limit_error(run, record, origin)


def has_reached_limit(run: Run, record: Record) -> bool:
    """Return whether the test set of a run was read as often as its config allows, or more often."""
    limit = get_test_read_limit(run)
    return limit is not None and len(record.test_reads) >= limit


def build_limit_error(run: Run, record: Record, origin: ReadOrigin) -> UsageError:
    """Build the error of a command that would read the test set of a run more often than its config allows."""
    limit = get_test_read_limit(run)
    return UsageError(
        f"the test set of {record.name} {record.id} was {format_test_reads(record.test_reads)}, "
        f"and data.test_reads is {limit}",
        f"dnn runs show {record.id} prints the recorded scores; {origin.force_command} reads the test set again, and "
        "run.json records this",
    )


def has_test_set(data: Data, file: str, examples: int) -> bool:
    """Return whether an evaluated file is or contains the test set of a run's data, by its path.

    Args:
        data: The data of the run, whose files may be missing.
        file: The path of the evaluated file or directory.
        examples: The number of evaluated examples.
    """
    paths = [data.test_path]
    # The data of the training may have been moved.
    with suppress(UserDataError):
        paths.append(data.get_split_path("test"))
    if data.dataset == "npz" and data.info.test_examples:
        # The file holds the arrays of all splits, and an evaluation reads one pair of them.
        return _is_same_path(data.path, file) and examples == data.info.test_examples
    if data.split_off_test_examples:
        paths.append(data.path)
    return any(_is_same_path(path, file) for path in paths)


def count_other_reads(store: Store, run_id: str, evaluation: Evaluation | FileEvaluation) -> OtherReads:
    """Count how often the examples of a test read were read for other runs, as their test set.

    Evaluations by dnn 0.11.0 and older have no digest of their examples, and are not counted.

    Args:
        store: The runs.
        run_id: The id of the evaluated run.
        evaluation: The test read; the result of another evaluation is zero.
    """
    if not evaluation.is_test_read or evaluation.digest is None:
        return OtherReads(0, 0)
    records = [run_info.record for run_info in store.list_runs() if run_info.record is not None]
    counts = [
        sum(read.digest == evaluation.digest for read in record.test_reads) for record in records if record.id != run_id
    ]
    return OtherReads(sum(count > 0 for count in counts), sum(counts))


def _is_same_path(path: str | None, file: str) -> bool:
    """Return whether two paths lead to the same file or directory."""
    return path is not None and os.path.realpath(path) == os.path.realpath(file)
