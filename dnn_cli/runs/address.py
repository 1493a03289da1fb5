"""Addresses of runs: which runs a word on the command line names.

The forms, and the order in which they are tried, are in `dnn_cli/docs/names.md`.
"""

import os
import shlex
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from dnn_cli.errors import AmbiguousAddressError, RunError, UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import EVALUATE, NO_SCORES, Membership, is_test_score
from dnn_cli.runs.run import Run
from dnn_cli.spec.differences import differences, short_keys
from dnn_cli.spec.metrics import lower_is_better, score_name
from dnn_cli.spec.names import ADDRESS_PREFIXES

FORMS = (
    "a run is addressed by its id or the beginning of the id, its directory, its name, NAME@latest, @1 (the latest) "
    "or best:val_accuracy"
)
_, BY_NAME, BY_ID, BY_SCORE, BY_SWEEP = ADDRESS_PREFIXES
LATEST = "@latest"
"""The end of an address that takes the latest run of a name."""

MAX_LISTED = 20
"""Runs that are listed where an address is ambiguous: a screen of 24 lines, without the lines around the list."""

Reader = Callable[[Sequence[Entry]], list[Entry]]
"""A function that reads the configs of runs."""


def read_each(entries: Sequence[Entry]) -> list[Entry]:
    """Return the runs with their configs, each read from its own file."""
    return [entry.detailed() for entry in entries]


def resolve(address: str, entries: Sequence[Entry], place: str, read: Reader = read_each) -> list[Entry]:
    """Return the runs of an address, the latest first: one run, or all runs of a name that are of one experiment.

    Args:
        address: Any form but `sweep:ID`.
        entries: The runs to choose from, the latest first.
        place: The directory of these runs, for messages.
        read: Reads configs, where several runs have the name.

    Raises:
        AmbiguousAddressError: the name is that of several experiments, or the id is that of several runs.
        UsageError: no run has the address.
    """
    if not address:
        raise UsageError("the address of a run is empty", FORMS)  # the empty text is the beginning of every id
    if not entries:
        raise UsageError(f"no run {address}: there is no run in {place}", "dnn train makes one")
    if address.startswith("@"):
        return [numbered(address, entries)]
    if address.startswith(BY_SCORE):
        return [best(score_name(address.removeprefix(BY_SCORE)), entries)]
    named = runs_with_name(address, entries)
    found = named or runs_with_id(address, entries)
    if len(found) > 1:
        found = read(found)
        if not (named and is_one_experiment(found)):
            refuse(address, found, place)
    if not found:
        names = {entry.record.name for entry in entries if entry.record}
        raise UsageError(f"no run {address} in {place}", nearest(address.removeprefix(BY_NAME), names) or FORMS)
    return found


def resolve_one(address: str, entries: Sequence[Entry], place: str) -> Entry:
    """Return the only run of an address.

    Raises:
        AmbiguousAddressError: several runs have the address, even if they are of one experiment.
        UsageError: no run has the address.
    """
    return only_run(address, resolve(address, entries, place), place)


def only_run(address: str, found: Sequence[Entry], place: str) -> Entry:
    """Return the run that an address leads to.

    Raises:
        AmbiguousAddressError: the address leads to several runs.
    """
    if len(found) > 1:
        refuse(address, found, place)
    return found[0]


def runs_with_name(address: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the runs with a name; `NAME@latest` is only the latest of them.

    A run whose whole id is the same text is among them, so that an address which means two runs is refused.
    """
    if address.startswith(BY_ID):
        return []
    name = composed(address.removeprefix(BY_NAME))
    named = [entry for entry in entries if entry.record is not None and composed(entry.record.name) == name]
    if named and not address.startswith(BY_NAME):
        named = [entry for entry in entries if entry in named or address in whole_ids(entry)]
    if not named and name.endswith(LATEST):
        return runs_with_name(address.removesuffix(LATEST), entries)[:1]
    return named


def composed(text: str) -> str:
    """Return a text in Unicode's form NFC, in which one name has one spelling."""
    return unicodedata.normalize("NFC", text)


def runs_with_id(address: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the runs with an id or a directory of this name; without such a run, those whose id begins with it."""
    text = address.removeprefix(BY_ID)
    exact = [entry for entry in entries if text in whole_ids(entry)]
    return exact or [entry for entry in entries if text and any(one.startswith(text) for one in whole_ids(entry))]


def whole_ids(entry: Entry) -> set[str]:
    """Return the texts that identify a run: the name of its directory, the id at its end, and the id in the record."""
    return {entry.run.directory.name, run_id(entry.run), *({entry.record.id} if entry.record else ())}


def is_one_experiment(entries: Sequence[Entry]) -> bool:
    """Return whether the configs of the runs differ in nothing but seeds and names."""
    digests = {entry.details.alike for entry in entries}
    return len(digests) == 1 and digests != {""}


def refuse(address: str, found: Sequence[Entry], place: str) -> NoReturn:
    """Raise an error that lists the runs of an ambiguous address, whose configs have been read.

    Raises:
        AmbiguousAddressError: always.
    """
    whole = bool(runs_with_name(address, found))
    if whole:
        experiments = "one experiment" if is_one_experiment(found) else "different experiments"
        what = f"is the name of {len(found)} runs of {experiments}"
    elif all(address.removeprefix(BY_ID) in whole_ids(entry) for entry in found):
        what = f"is the id of {len(found)} runs"
    else:
        what = f"is the beginning of the ids of {len(found)} runs"
    latest = f", or {shlex.quote(name_address(found[0].name) + LATEST)} for the latest" if whole else ""
    more = [f"  … and {len(found) - MAX_LISTED} more: dnn runs lists all"] if len(found) > MAX_LISTED else []
    lines = choice_lines(found[:MAX_LISTED])
    raise AmbiguousAddressError(
        "\n".join([f"{address} {what} in {place}:", *lines, *more]),
        f"name one by its id, as {handles(found)[0]}{latest}",
    )


def choice_lines(entries: Sequence[Entry]) -> list[str]:
    """Return a line for each run: its name, its id, the settings that differ, and its best score."""
    known = [entry.experiment for entry in entries]
    different = iter(differences([one for one in known if one is not None]))
    settings: list[dict[str, Any]] = [{} if one is None else next(different) for one in known]
    keys = list(dict.fromkeys(key for one in settings for key in one))
    short = dict(zip(keys, short_keys(keys), strict=True))
    rows = [
        (entry.name, handle, " ".join(f"{short[key]}={value}" for key, value in one.items()), score_text(entry))
        for entry, handle, one in zip(entries, handles(entries), settings, strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  " + "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False) if width), row[3]])
        for row in rows
    ]


def score_text(entry: Entry) -> str:
    """Return the best score of a run, and the status of a run that is not completed."""
    if entry.record is None:
        return "cannot be read"
    monitor, best_epoch = entry.record.results.monitor, entry.record.results.best
    score = f"{monitor} {best_epoch[monitor]:.4f}" if best_epoch else ""
    status = "" if entry.record.status == "completed" else entry.record.status
    return "  ".join(part for part in (score, status) if part)


def handles(entries: Sequence[Entry]) -> list[str]:
    """Return for each run the shortest word that addresses only that run: its id, or the name of its directory."""
    found = [handle(entry) for entry in entries]
    # A copy of a run directory has the id of the original.
    unique = len(set(found)) == len(found)
    return found if unique else [entry.run.directory.name for entry in entries]


def handle(entry: Entry) -> str:
    """Return the id of a run, or the name of its directory where the id cannot be read."""
    if entry.record is not None:
        return entry.record.id
    digits = run_id(entry.run)
    whole = len(digits) == 8 and all(digit in "0123456789abcdef" for digit in digits)
    return digits if whole else entry.run.directory.name


def name_address(name: str) -> str:
    """Return an address that means the runs of this name, whatever characters the name holds.

    A plain name addresses itself. `name:` in front keeps other names from being read as another form of address, as
    an option (`-x`), as a change of a config (`lr=0.1`), or as a path.
    """
    plain = not name.startswith((*ADDRESS_PREFIXES, "-", "~")) and not name.endswith(LATEST)
    return name if plain and "=" not in name and not has_separator(name) else f"{BY_NAME}{name}"


def numbered(address: str, entries: Sequence[Entry]) -> Entry:
    """Return the run of `@N`.

    Raises:
        UsageError: there are fewer runs, or the text after `@` is not a whole number from 1.
    """
    number = address.removeprefix("@")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and 1 <= int(number) <= len(entries)):
        raise UsageError(f"no run {address}: there are @1 to @{len(entries)}", FORMS)
    return entries[int(number) - 1]


def best(metric: str, entries: Sequence[Entry]) -> Entry:
    """Return the completed run that reached the best value of a score in any epoch.

    Raises:
        UsageError: no completed run has the score.
    """
    reached = [(values, entry) for entry in entries if (values := reached_by(entry, metric))]
    if not reached:
        if is_test_score(metric):
            raise UsageError(f"no completed run has the test score {metric}", EVALUATE)
        known = {name for e in entries if e.record for name in e.record.results.best or () if name not in NO_SCORES}
        raise UsageError(
            f"no completed run has the metric {metric}", nearest(metric, known) or ", ".join(sorted(known))
        )
    choose = min if lower_is_better(metric) else max
    return choose(reached, key=lambda pair: choose(pair[0]))[1]


def reached_by(entry: Entry, metric: str) -> list[float]:
    """Return the values of a score, one of each epoch; an empty list unless the run is completed and has the score."""
    if entry.record is None or entry.record.status != "completed" or metric in NO_SCORES:
        return []
    if is_test_score(metric):
        score = entry.record.test_score(metric)
        return [] if score is None else [float(score)]
    try:
        return [float(row[metric]) for row in entry.run.read_metrics() if metric in row]
    except RunError:
        return []


def runs_of_sweep(address: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the runs of `sweep:ID`, in the order of the entries.

    Raises:
        UsageError: no sweep has this id, or several have an id that begins with it.
    """
    wanted = address.removeprefix(BY_SWEEP)
    known = {one.id: one for entry in entries if entry.record for one in entry.record.sweeps}
    found = [one for one in known if one.startswith(wanted)] if wanted else []
    if len(found) != 1:
        listed = ", ".join(f"{one.id} ({one.name})" for one in list(known.values())[:5]) or "there is none"
        raise UsageError(f"no sweep {wanted}" if not found else f"{wanted} begins {len(found)} sweeps", listed)
    return [entry for entry in entries if membership(entry, found[0])]


def membership(entry: Entry, sweep: str) -> Membership | None:
    """Return the part of a run's record about a sweep; `None` where the run is not part of the sweep."""
    return next((one for one in entry.record.sweeps if one.id == sweep), None) if entry.record else None


def has_separator(address: str) -> bool:
    """Return whether an address is written as a path: `.`, `..`, or with a separator of folders."""
    return os.sep in address or address in (os.curdir, os.pardir)


def is_run_directory(address: str) -> bool:
    """Return whether an address is the path of a run."""
    try:
        return any((Path(address) / name).is_file() for name in ("run.json", "config.yaml"))
    except (OSError, ValueError):
        return False


def run_id(run: Run) -> str:
    """Return the eight hex digits at the end of a directory's name."""
    return run.directory.absolute().name.rpartition("-")[2]
