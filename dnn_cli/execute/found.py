"""What of a sweep is there already: equal experiments have equal digests in their records, whoever trained them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from dnn_cli.errors import RunError
from dnn_cli.execute.plan import Planned
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import Membership, Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.spec.data import Data
from dnn_cli.spec.datasets import OWN

ORDER = ("completed", "diverged", "running", "interrupted", "failed")
"""What is of most use, first; a run that diverged would again."""


@dataclass(frozen=True)
class Found:
    """The run of an experiment that was trained, or begun, before."""

    run: Run
    record: Record

    @property
    def is_done(self) -> bool:
        return self.record.status in ("completed", "diverged")


def find(store: Store, wanted: Iterable[Planned]) -> dict[str, Found]:
    """By the digests of experiments, their runs, where there are any.

    Raises:
        DataError: the user's own data is not to be had, so that nobody knows whether it is still the same.
    """
    experiments = {planned.key: planned for planned in wanted}
    entries = [
        entry
        for entry in store.entries()
        if entry.record and entry.record.experiment in experiments and not was_changed(entry.record)
    ]
    found: dict[str, Found] = {}
    for entry in sorted(entries, key=usefulness):
        assert entry.record is not None and entry.record.experiment is not None  # noqa: S101 - chosen so
        found.setdefault(entry.record.experiment, Found(entry.run, entry.record))
    fingerprints: dict[str, str] = {}
    for key in list(found):
        data = experiments[key].loaded.experiment.data
        if data.dataset in OWN and found[key].record.data.get("fingerprint") != fingerprint(data, fingerprints):
            del found[key]  # the file of that name has other content now
    return found


def was_changed(record: Record) -> bool:
    """Whether a run was something else for a part of its way, so that it is not what its config says."""
    return any(resume.forced for resume in record.resumed)


def usefulness(entry: Entry) -> int:
    """The place of a run among those of one experiment."""
    return ORDER.index(entry.record.status) if entry.record else len(ORDER)


def fingerprint(data: Data, known: dict[str, str]) -> str:
    """The fingerprint of examples, which are read once."""
    key = data.model_dump_json()
    if key not in known:
        from dnn_cli.data.examples import load_examples

        known[key] = load_examples(data).fingerprint()
    return known[key]


def join_sweep(found: Found, membership: Membership) -> None:
    """Let a run that is there know that it belongs to a sweep, too; one that cannot be written stays as it is."""
    if membership in found.record.sweeps:
        return
    with suppress(RunError), found.run.claimed():
        record = found.run.parse_record()
        found.run.write_record(record.model_copy(update={"sweeps": (*record.sweeps, membership)}))


def versions_apart(found: Sequence[Found], now: dict[str, str]) -> list[str]:
    """The versions of Keras and TensorFlow that runs were trained with and that are no longer here."""
    others = {
        f"{name} {then}"
        for one in found
        for name in ("keras", "tensorflow")
        if (then := one.record.versions.get(name)) is not None and then != now.get(name)
    }
    return sorted(others)
