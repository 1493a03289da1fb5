"""Completions that depend on the runs of a directory: addresses, fields, scores, and the config of a run."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dnn_cli.cli.completion_cache import describe_runs, recall_answer
from dnn_cli.cli.completion_word import CompletionWord

_MAX_OFFERED_RUNS = 100
"""Largest number of runs that a completion offers. Only the latest runs, and only their fields, are offered."""


def list_addresses(runs_dir: Path, typed: str) -> list[CompletionWord]:
    """Return the addresses of runs that complete a typed text: names, ids, @1, best:METRIC, sweep:ID, study:ID."""
    prefix = next((prefix for prefix in ("best:", "sweep:", "study:", "@") if typed.startswith(prefix)), "")
    return _recall_run_words(runs_dir, f"addresses {prefix}", lambda runs: _iter_addresses(runs, prefix))


def list_run_fields(runs_dir: Path) -> list[str]:
    """List the fields that at least one of the latest runs has, such as `best.val_loss`."""

    def list_words(runs: list[Any]) -> list[CompletionWord]:
        from dnn_cli.runs.query.fields import list_fields
        from dnn_cli.runs.store import Store

        return [CompletionWord(field) for field in list_fields(Store(runs_dir).with_details(runs[:_MAX_OFFERED_RUNS]))]

    return [word.text for word in _recall_run_words(runs_dir, "fields", list_words)]


def list_metrics(runs_dir: Path) -> list[CompletionWord]:
    """Return the names of the scores of all runs."""

    def list_words(runs: list[Any]) -> list[CompletionWord]:
        return [CompletionWord(name) for name in _list_score_names([item for item in runs if item.record is not None])]

    return _recall_run_words(runs_dir, "metrics", list_words)


def find_run_config(runs_dir: Path, address: str) -> str:
    """Return the path of the config of the run with an address.

    Raises:
        AmbiguousAddressError, UsageError: the address does not name one experiment.
    """

    def find_config() -> str:
        from dnn_cli.runs.store import Store

        return str(Store(runs_dir).find(address).config)

    # A path can name a run in another directory.
    if os.path.exists(address):
        return find_config()
    words = _recall_run_words(runs_dir, f"config {address}", lambda _: [CompletionWord(find_config())])
    return words[0].text


def _recall_run_words(
    runs_dir: Path, question: str, list_words: Callable[[list[Any]], Iterable[CompletionWord]]
) -> list[CompletionWord]:
    """Return completion words that depend on the runs of a directory, from the cache or from the runs.

    Args:
        runs_dir: The directory of runs.
        question: The text that identifies the words in the cache.
        list_words: The function that returns the words for the list of runs, the latest first.
    """

    def compute() -> tuple[list[CompletionWord], bool]:
        from dnn_cli.runs.store import Store

        runs = Store(runs_dir).list_runs()
        # A running run writes into files that `describe_runs` does not read, and can end without a trace.
        is_final = all(run_info.record is None or run_info.record.status != "running" for run_info in runs)
        return list(list_words(runs)), is_final

    words = recall_answer((question, os.path.abspath(runs_dir)), describe_runs(runs_dir), compute)
    return [CompletionWord(*word) for word in words]


def _iter_addresses(all_runs: Sequence[Any], prefix: str) -> Iterator[CompletionWord]:
    """Yield the addresses of runs that begin with a prefix such as `best:`; with an empty prefix, all kinds."""
    from dnn_cli.report.text import format_score
    from dnn_cli.runs.address import format_name_address
    from dnn_cli.runs.study_roles import list_studies

    readable_runs = [run_info for run_info in all_runs if run_info.record is not None]

    def format_run_meaning(run_info: Any) -> str:
        best, monitor = run_info.record.results.best, run_info.record.results.monitor
        score_text = f"  {monitor} {format_score(best[monitor])}" if best else ""
        return f"{run_info.name}  {run_info.record.status}{score_text}"

    memberships = [item for run_info in readable_runs for item in run_info.record.sweeps]
    sweeps = {item.id: item.name for item in memberships if item.study is None}
    studies = list_studies(readable_runs)
    if prefix == "best:":
        yield from (CompletionWord(f"best:{name}") for name in _list_score_names(readable_runs))
        return
    if prefix == "sweep:":
        yield from (CompletionWord(f"sweep:{sweep}", name) for sweep, name in sweeps.items())
        return
    if prefix == "study:":
        yield from (CompletionWord(f"study:{study}", name) for study, name in studies.items())
        return
    if prefix == "@":
        yield from (
            CompletionWord(f"@{number}", format_run_meaning(run_info))
            for number, run_info in enumerate(readable_runs[:9], 1)
        )
        return
    names: dict[str, list[Any]] = {}
    for run_info in readable_runs:
        names.setdefault(run_info.name, []).append(run_info)
    for name, same_name_runs in list(names.items())[:_MAX_OFFERED_RUNS]:
        count = f"{len(same_name_runs)} runs, the latest: " if len(same_name_runs) > 1 else ""
        yield CompletionWord(format_name_address(name), f"{count}{format_run_meaning(same_name_runs[0])}")
    for run_info in readable_runs[:_MAX_OFFERED_RUNS]:
        yield CompletionWord(run_info.record.id, format_run_meaning(run_info))
    if readable_runs:
        yield from (CompletionWord("@1", "the latest run"), CompletionWord("best:", "the run with the best score"))
    if sweeps:
        yield CompletionWord("sweep:", "the runs of a sweep")
    if studies:
        yield CompletionWord("study:", "the runs of a study")


def _list_score_names(run_infos: Sequence[Any]) -> dict[str, None]:
    """Return the names of the scores of runs, without repetitions, as the keys of a dictionary."""
    from dnn_cli.runs.record import NON_SCORE_COLUMNS

    bests = (run_info.record.results.best or {} for run_info in run_infos)
    return {name: None for best in bests for name in best if name not in NON_SCORE_COLUMNS}
