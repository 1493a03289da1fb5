"""The examples that a report tells of, as pictures, if their data is at hand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dnn_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    from dnn_cli.data.examples import Examples
    from dnn_cli.report.html.pictures import Shown
    from dnn_cli.report.html.run import RunPage
    from dnn_cli.runs.entry import Entry
    from dnn_cli.spec.data import Data

ROOM = 1_000_000
"""So many characters all pictures of a file take, about."""

Pictures = dict[tuple[str, int], "Shown"]


def pictures_of(pages: "Iterable[RunPage]", entries: "Sequence[Entry]") -> tuple[Pictures, dict[str, str]]:
    """The examples that pages tell of, and the reason where there are none, both by the fingerprint of their data."""
    from dnn_cli.report.html.outcome import indices

    wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for page in pages:
        for rank, index in enumerate(indices(page.outcome)):
            wanted[page.fingerprint].append((rank, index))
    pictures: Pictures = {}
    absent: dict[str, str] = {}
    for fingerprint, ranked in wanted.items():
        entry = next(one for one in entries if one.record and one.record.data.get("fingerprint") == fingerprint)
        try:
            data, examples = examples_of(entry)
        except (DataError, ConfigError) as error:
            absent[fingerprint] = f"their data is not at hand ({error.message.splitlines()[0]})"
            continue
        if examples.fingerprint() == fingerprint:
            in_turn = [index for _, index in sorted(ranked)]  # the worst mistake of every run, then the second, …
            pictures |= drawn(fingerprint, in_turn, data, examples, ROOM // len(wanted))
        else:
            absent[fingerprint] = "their data is no longer what it was"
    return pictures, absent


def drawn(fingerprint: str, indices: Sequence[int], data: "Data", examples: "Examples", room: int) -> Pictures:
    """Examples until there is no more room; one that several runs tell of takes its room each time."""
    from dnn_cli.report.html.pictures import shown

    found: Pictures = {}
    for index in indices:
        if not 0 <= index < len(examples):
            continue
        key = fingerprint, index
        if key not in found:
            facts = data.facts
            found[key] = shown(examples.inputs[index], white(examples, data), facts.features)
        room -= len(found[key].uri)
        if room < 0:
            break
    return found


def white(examples: "Examples", data: "Data") -> float:
    """What a white pixel is: what pixels are divided by, or where they are not, the largest number there is."""
    return float(data.facts.pixel_max) if data.facts.pixel_max > 1 else max(float(examples.inputs.max()), 1e-9)


def examples_of(entry: "Entry") -> "tuple[Data, Examples]":
    """The data of a run, from this machine alone.

    Raises:
        ConfigError, DataError: it is not at hand.
    """
    from dnn_cli.data.examples import load_examples
    from dnn_cli.data.sources import cache_folder
    from dnn_cli.spec.datasets import DATASETS, IdxDataset
    from dnn_cli.spec.load import load_resolved

    data = load_resolved(str(entry.run.config)).data
    dataset = DATASETS.get(data.dataset)
    if isinstance(dataset, IdxDataset) and data.path is None:  # or it would be looked for on the network
        data = data.model_copy(update={"path": str(cache_folder(dataset))})
    return data, load_examples(data)
