"""Addresses of runs: words on the command line that name runs.

`dnn_cli/docs/names.md` documents the forms of addresses, and the order in which they are tried.
"""

import os
import shlex
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from dnn_cli.config.config_diff import find_config_differences, shorten_keys
from dnn_cli.config.score_names import expand_score_name, lower_is_better
from dnn_cli.errors import AmbiguousAddressError, RunError, UsageError, suggest_nearest_name
from dnn_cli.runs.address_prefixes import ADDRESS_PREFIXES, GROUP_PREFIXES
from dnn_cli.runs.evaluations import EVALUATE_HINT, is_test_score
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Membership
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo

_ADDRESS_FORMS = (
    "use an id, the beginning of an id, a directory, a name, NAME@latest, @1 (the latest run) or best:val_accuracy"
)
_, NAME_PREFIX, ID_PREFIX, SCORE_PREFIX, SWEEP_PREFIX, _STUDY_PREFIX = ADDRESS_PREFIXES
_LATEST_SUFFIX = "@latest"
"""Suffix of the address `NAME@latest`, which selects the latest run with this name."""

_MAX_LISTED_RUNS = 20
"""Largest number of runs that the error message for an ambiguous address lists.

With this number, the whole message fits a terminal of 24 lines."""

_DetailsReader = Callable[[Sequence[RunInfo]], list[RunInfo]]
"""A function that returns runs with loaded details (config and metrics)."""


def _read_each_details(runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Read the details (config and metrics) of each run from its directory, and return the runs with these details."""
    return [run_info.with_details() for run_info in runs]


def resolve_address(
    address: str, runs: Sequence[RunInfo], store_name: str, read_details: _DetailsReader = _read_each_details
) -> list[RunInfo]:
    """Return the runs that an address names, the latest first: one run, or all runs of an experiment.

    Runs that differ only in seed and names are runs of one experiment.

    Args:
        address: An address of any form except `sweep:ID` and `study:ID`.
        runs: The runs to choose from, the latest first.
        store_name: The directory of these runs, for messages.
        read_details: A function that returns runs with loaded configs. If several runs match the address, their configs
            decide whether they are runs of one experiment.

    Raises:
        AmbiguousAddressError: several experiments have the name, or several runs have the id.
        UsageError: no run has the address, or the address is that of a sweep or study.
    """
    if not address:
        # Every id begins with the empty text.
        raise UsageError("the address of a run is empty", _ADDRESS_FORMS)
    if address.startswith(GROUP_PREFIXES):
        kind, _, text = address.partition(":")
        raise UsageError(
            f"{address} names the runs of a {kind}, and this command needs runs by id or name",
            f"dnn runs {address if text else f'{kind}:ID'} lists the runs",
        )
    if not runs:
        raise UsageError(f"no run {address}: {store_name} contains no runs", "dnn train creates one")
    if address.startswith("@"):
        return [_find_numbered_run(address, runs)]
    if address.startswith(SCORE_PREFIX):
        return [_find_best_run(expand_score_name(address.removeprefix(SCORE_PREFIX)), runs)]
    named = _find_runs_by_name(address, runs)
    matches = named or _find_runs_by_id(address, runs)
    if len(matches) > 1:
        matches = read_details(matches)
        if not (named and _is_one_variant(matches)):
            _raise_ambiguous_address(address, matches, store_name)
    if not matches:
        names = {run_info.record.name for run_info in runs if run_info.record}
        raise UsageError(
            f"no run {address} in {store_name}",
            suggest_nearest_name(address.removeprefix(NAME_PREFIX), names) or _ADDRESS_FORMS,
        )
    return matches


def resolve_single_run(address: str, runs: Sequence[RunInfo], store_name: str) -> RunInfo:
    """Return the only run that an address names.

    Raises:
        AmbiguousAddressError: several runs have the address, even if all of them are runs of one experiment.
        UsageError: no run has the address.
    """
    return get_only_run(address, resolve_address(address, runs, store_name), store_name)


def get_only_run(address: str, matches: Sequence[RunInfo], store_name: str) -> RunInfo:
    """Return the only run that matches an address.

    Args:
        address: The address, for messages.
        matches: The runs that the address names, at least one.
        store_name: The directory of these runs, for messages.

    Raises:
        AmbiguousAddressError: several runs have the address.
    """
    if len(matches) > 1:
        _raise_ambiguous_address(address, matches, store_name)
    return matches[0]


def _find_runs_by_name(address: str, runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Return the runs whose name equals an address; for `NAME@latest`, only the latest run with the name.

    If the address is the name of one run and the id of another run, both are returned. The caller then reports an
    ambiguity. Without a run of this name, the list is empty.
    """
    if address.startswith(ID_PREFIX):
        return []
    name = _normalize_unicode(address.removeprefix(NAME_PREFIX))
    named = [
        run_info
        for run_info in runs
        if run_info.record is not None and _normalize_unicode(run_info.record.name) == name
    ]
    if named and not address.startswith(NAME_PREFIX):
        named = [run_info for run_info in runs if run_info in named or address in _list_identifiers(run_info)]
    if not named and name.endswith(_LATEST_SUFFIX):
        return _find_runs_by_name(address.removesuffix(_LATEST_SUFFIX), runs)[:1]
    return named


def _normalize_unicode(text: str) -> str:
    """Return a text in Unicode normal form C, in which each visible character has a single encoding."""
    return unicodedata.normalize("NFC", text)


def _find_runs_by_id(address: str, runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Return the runs whose id or directory name equals an address.

    If no id or directory name equals the address, return the runs whose id or directory name begins with the address.
    """
    text = address.removeprefix(ID_PREFIX)
    exact = [run_info for run_info in runs if text in _list_identifiers(run_info)]
    return exact or [
        run_info
        for run_info in runs
        if text and any(identifier.startswith(text) for identifier in _list_identifiers(run_info))
    ]


def _list_identifiers(run_info: RunInfo) -> set[str]:
    """Return the texts that identify a run: its directory name, the id at the end of this name, and the recorded id."""
    return {run_info.run.directory.name, parse_run_id(run_info.run), *({run_info.record.id} if run_info.record else ())}


def _is_one_variant(runs: Sequence[RunInfo]) -> bool:
    """Return whether all runs belong to one variant: they differ only in seed and names."""
    digests = {run_info.details.variant_digest for run_info in runs}
    return len(digests) == 1 and digests != {""}


def _raise_ambiguous_address(address: str, matches: Sequence[RunInfo], store_name: str) -> NoReturn:
    """Raise an error that lists the runs of an ambiguous address.

    Raises:
        AmbiguousAddressError: always.
    """
    is_full_name = bool(_find_runs_by_name(address, matches))
    if is_full_name:
        experiments = "one experiment" if _is_one_variant(matches) else "different experiments"
        problem = f"is the name of {len(matches)} runs of {experiments}"
    elif all(address.removeprefix(ID_PREFIX) in _list_identifiers(run_info) for run_info in matches):
        problem = f"is the id of {len(matches)} runs"
    else:
        problem = f"is the beginning of the ids of {len(matches)} runs"
    latest = (
        f", or {shlex.quote(format_name_address(matches[0].name) + _LATEST_SUFFIX)} for the latest run"
        if is_full_name
        else ""
    )
    more = (
        [f"  … and {len(matches) - _MAX_LISTED_RUNS} more; dnn runs lists all runs"]
        if len(matches) > _MAX_LISTED_RUNS
        else []
    )
    lines = _format_run_choices(matches[:_MAX_LISTED_RUNS])
    raise AmbiguousAddressError(
        "\n".join([f"{address} {problem} in {store_name}:", *lines, *more]),
        f"use the id of a run, for example {_list_short_addresses(matches)[0]}{latest}",
    )


def _format_run_choices(runs: Sequence[RunInfo]) -> list[str]:
    """Format each run as a line: name, short address, the settings that differ between the runs, and best score."""
    configs = [run_info.config for run_info in runs]
    different = iter(find_config_differences([values for values in configs if values is not None]))
    settings: list[dict[str, Any]] = [{} if values is None else next(different) for values in configs]
    keys = list(dict.fromkeys(key for values in settings for key in values))
    short = dict(zip(keys, shorten_keys(keys), strict=True))
    rows = [
        (
            run_info.name,
            address,
            " ".join(f"{short[key]}={value}" for key, value in values.items()),
            _format_best_score(run_info),
        )
        for run_info, address, values in zip(runs, _list_short_addresses(runs), settings, strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  " + "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False) if width), row[3]])
        for row in rows
    ]


def _format_best_score(run_info: RunInfo) -> str:
    """Format the best score of a run, such as `val_loss 0.1234`, and its status unless the run is completed.

    For a run without a readable record, the text is `cannot be read`.
    """
    if run_info.record is None:
        return "cannot be read"
    monitor, best_epoch = run_info.record.results.monitor, run_info.record.results.best
    score = f"{monitor} {best_epoch[monitor]:.4f}" if best_epoch else ""
    status = "" if run_info.record.status == "completed" else run_info.record.status
    return "  ".join(part for part in (score, status) if part)


def _list_short_addresses(runs: Sequence[RunInfo]) -> list[str]:
    """Return a short address of each run: its id, or its directory name if several of the runs share an id."""
    addresses = [get_short_address(run_info) for run_info in runs]
    # A copy of a run directory has the id of the original.
    unique = len(set(addresses)) == len(addresses)
    return addresses if unique else [run_info.run.directory.name for run_info in runs]


def get_short_address(run_info: RunInfo) -> str:
    """Return the id of a run, or the name of its directory if its id is unknown."""
    if run_info.record is not None:
        return run_info.record.id
    digits = parse_run_id(run_info.run)
    is_run_id = len(digits) == 8 and all(digit in "0123456789abcdef" for digit in digits)
    return digits if is_run_id else run_info.run.directory.name


def format_name_address(name: str) -> str:
    """Format a name as an address of the runs with this name.

    A name such as `digits` is its own address. Other names get the prefix `name:`. Without this prefix, such names
    would be read as other forms of address, options (`-x`), overrides (`lr=0.1`) or paths.
    """
    plain = not name.startswith((*ADDRESS_PREFIXES, "-", "~")) and not name.endswith(_LATEST_SUFFIX)
    return name if plain and "=" not in name and not has_path_separator(name) else f"{NAME_PREFIX}{name}"


def _find_numbered_run(address: str, runs: Sequence[RunInfo]) -> RunInfo:
    """Return the run with the address `@N`: `@1` is the first of the runs, which is the latest.

    Raises:
        UsageError: the text after `@` is not a whole number from 1 to the number of runs.
    """
    number = address.removeprefix("@")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and 1 <= int(number) <= len(runs)):
        addresses = "the only run is @1" if len(runs) == 1 else f"the runs are @1 to @{len(runs)}"
        raise UsageError(f"no run {address}: {addresses}", _ADDRESS_FORMS)
    return runs[int(number) - 1]


def _find_best_run(metric: str, runs: Sequence[RunInfo]) -> RunInfo:
    """Find the completed run with the best value of a score, compared over all epochs of all runs.

    A baseline is found only if no network has the score, because other commands use the model of the run.

    Raises:
        UsageError: no completed run has the score.
    """
    reached = [(values, run_info) for run_info in runs if (values := _read_score_values(run_info, metric))]
    if not reached:
        if is_test_score(metric):
            raise UsageError(f"no completed run has the test score {metric}", EVALUATE_HINT)
        score_names = {
            name
            for run_info in runs
            if run_info.record
            for name in run_info.record.results.best or ()
            if name not in NON_SCORE_COLUMNS
        }
        raise UsageError(
            f"no completed run has the metric {metric}",
            suggest_nearest_name(metric, score_names)
            or (f"use one of {', '.join(sorted(score_names))}" if score_names else ""),
        )
    networks = [pair for pair in reached if pair[1].record is not None and not pair[1].record.is_baseline]
    choose = min if lower_is_better(metric) else max
    return choose(networks or reached, key=lambda pair: choose(pair[0]))[1]


def _read_score_values(run_info: RunInfo, metric: str) -> list[float]:
    """Read the values of a score of a run: one value for each epoch, or the only value of a test score.

    The list is empty if the run is not completed or lacks the score.
    """
    if run_info.record is None or run_info.record.status != "completed" or metric in NON_SCORE_COLUMNS:
        return []
    if is_test_score(metric):
        score = run_info.record.get_test_score(metric)
        return [] if score is None else [float(score)]
    try:
        return [float(row[metric]) for row in run_info.run.read_metrics() if metric in row]
    except RunError:
        return []


def find_sweep_runs(address: str, runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Return the runs of the sweep with the address `sweep:ID`, in the order of `runs`.

    `ID` is the id of the sweep, or the beginning of this id.

    Raises:
        UsageError: zero or several sweeps have an id that begins with the text after `sweep:`.
    """
    sweep_id = address.removeprefix(SWEEP_PREFIX)
    memberships = [candidate for run_info in runs if run_info.record for candidate in run_info.record.sweeps]
    sweeps = {candidate.id: candidate for candidate in memberships if candidate.study is None}
    matching_ids = [candidate for candidate in sweeps if candidate.startswith(sweep_id)] if sweep_id else []
    if sweep_id and not matching_ids and any(candidate.id.startswith(sweep_id) for candidate in memberships):
        raise UsageError(f"{sweep_id} is the id of a study, not of a sweep", f"use {_STUDY_PREFIX}{sweep_id}")
    if len(matching_ids) != 1:
        sweep_list = ", ".join(f"{candidate.id} ({candidate.name})" for candidate in list(sweeps.values())[:5])
        raise UsageError(
            f"{len(matching_ids)} sweeps have an id that begins with {sweep_id}"
            if matching_ids
            else f"no sweep {sweep_id}",
            f"use one of {sweep_list}" if sweep_list else "dnn sweep creates a sweep",
        )
    return [run_info for run_info in runs if find_membership(run_info, matching_ids[0])]


def find_membership(run_info: RunInfo, sweep_id: str) -> Membership | None:
    """Return the record of a run's membership in a sweep; `None` if the run is not in the sweep."""
    return (
        next((candidate for candidate in run_info.record.sweeps if candidate.id == sweep_id), None)
        if run_info.record
        else None
    )


def has_path_separator(address: str) -> bool:
    """Return whether an address is written as a path: `.`, `..`, or with a path separator."""
    return os.sep in address or address in (os.curdir, os.pardir)


def is_run_directory(address: str) -> bool:
    """Return whether an address is the path of a directory with a `run.json` or a `config.yaml`."""
    try:
        return any((Path(address) / name).is_file() for name in ("run.json", "config.yaml"))
    except (OSError, ValueError):
        return False


def parse_run_id(run: Run) -> str:
    """Return the id at the end of a run's directory name: the text after the last hyphen.

    If a user renamed the directory, this text may differ from the id.
    """
    return run.directory.absolute().name.rpartition("-")[2]
