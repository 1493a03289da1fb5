"""The run that a verb for one run works with, and a note where the address means several runs of one experiment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnn_cli.cli.arguments import is_override
from dnn_cli.cli.console import notes
from dnn_cli.errors import UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store


def find_run(store: "Store", address: str) -> "Run":
    """Return the run of an address; of several runs of one experiment the latest, with a note of which run that is.

    Raises:
        UsageError: no run has the address, or runs of several experiments have it.
    """
    from dnn_cli.runs.address import run_id

    found = store.find_all(address, sweeps=False)
    if len(found) > 1:
        each = f"{address} is the name of {len(found)} runs of one experiment"
        notes().print(visible(f"{each}; this is the latest, {run_id(found[0])}{seed_text(found[0])}"))
    return found[0]


def seed_text(run: "Run") -> str:
    """Return the seed of a run as a clause of a sentence; an empty text where the config cannot be read."""
    from dnn_cli.runs.entry import read_details

    details = read_details(run)
    return "" if details.text is None else f", with seed={details.seed}"


def divide_words(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words that begin with the address of a run, and the changes of its config.

    Where every word looks like a change, the run is the first word: a run may have the name `lr=0.1`.
    """
    plain = [word for word in arguments if not is_override(word)]
    if not plain:
        return list(arguments[:1]), list(arguments[1:])
    return plain, [word for word in arguments if is_override(word)]


def divide_run(arguments: Sequence[str], verb: str) -> tuple[str, list[str]]:
    """Return the address of a run and the changes of its config.

    Raises:
        UsageError: several words are addresses.
    """
    plain, changes = divide_words(arguments)
    if len(plain) != 1:
        raise UsageError(f"{verb} takes one run", f"as in: dnn {verb} @1")
    return plain[0], changes
