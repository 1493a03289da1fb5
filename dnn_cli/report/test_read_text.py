"""Test reads of runs as text and as JSON documents: how often test sets were read, and by which commands."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dnn_cli.report.text import format_count
from dnn_cli.runs.evaluations import Evaluation, FileEvaluation
from dnn_cli.runs.record import Record

_UNKNOWN_COMMAND = "an earlier version of dnn"
"""Text for the command of a test read that dnn 0.11.0 or older recorded."""

_MAX_COMMANDS = 4
"""Largest number of commands that a sentence lists; the others are counted."""

_TestRead = Evaluation | FileEvaluation


class OtherReads(NamedTuple):
    """Number of other runs that have the same test set, and the number of its test reads for these runs."""

    runs: int
    reads: int


def format_times(number: int) -> str:
    """Return a number of times as a word or number: `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def format_test_reads(reads: Sequence[_TestRead]) -> str:
    """Return how often a test set was read, by which commands, and when last.

    Examples are `read once, by dnn evaluate on 2026-01-31 12:30 UTC`, and `read 3 times, by dnn evaluate (twice) and
    dnn evaluate --best, last on 2026-01-31 12:30 UTC`. The commands are in the order of their first reads.
    """
    if not reads:
        return "never read"
    last = "last on" if len(reads) > 1 else "on"
    return f"read {format_times(len(reads))}, by {format_commands(reads)}{', ' if len(reads) > 1 else ' '}{last} " + (
        f"{reads[-1].at[:16].replace('T', ' ')} UTC"
    )


def format_commands(reads: Iterable[_TestRead]) -> str:
    """Return the commands of test reads as a list; commands with several reads have their number of reads."""
    counts = Counter(_name_command(read) for read in reads)
    texts = [name if count == 1 else f"{name} ({format_times(count)})" for name, count in counts.items()]
    if len(texts) > _MAX_COMMANDS:
        texts = [*texts[: _MAX_COMMANDS - 1], format_count(len(texts) - _MAX_COMMANDS + 1, "other command")]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _name_command(read: _TestRead) -> str:
    """Return the command of a test read, with `--force` if the command exceeded the limit of test reads."""
    return f"{read.command or _UNKNOWN_COMMAND}{' --force' if read.forced else ''}"


def format_test_read_notes(reads: Sequence[_TestRead], other_reads: OtherReads) -> list[str]:
    """Return notes after an evaluation on the test set: how often it was read for this run, and for other runs.

    Args:
        reads: The test reads of the run; empty if they cannot be recorded.
        other_reads: The test reads of the same test set for other runs.
    """
    notes = []
    if len(reads) == 1:
        notes.append("first evaluation on the test set of this run; run.json records it")
    elif reads:
        notes.append(f"the test set of this run was {format_test_reads(reads)}: do not choose models by these scores")
    if other_reads.reads:
        runs = format_count(other_reads.runs, "other run")
        notes.append(f"the same test set was read {format_times(other_reads.reads)} for {runs}")
    return notes


def format_test_read_note(records: Sequence[Record]) -> str:
    """Return how often the test sets of several runs were read, by which commands; empty without test reads."""
    reads = [read for record in records for read in record.test_reads]
    if not reads:
        return ""
    count = sum(bool(record.test_reads) for record in records)
    share = f"{count:,} of {format_count(len(records), 'run')}" if len(records) > 1 else "this run"
    return f"test set: read {format_times(len(reads))} for {share}, by {format_commands(reads)}"


def build_test_read_documents(reads: Sequence[_TestRead]) -> list[dict[str, Any]]:
    """Build a JSON document for each test read: its time, command, model file, file, and whether it was forced."""
    return [
        {
            "at": read.at,
            "command": read.command,
            "model": read.model,
            "file": read.file if isinstance(read, FileEvaluation) else None,
            "forced": read.forced,
        }
        for read in reads
    ]
