"""A directory of runs: make one, list them, find one by its address."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from dnn_cli.errors import RunError, UsageError, nearest
from dnn_cli.runs.files import sync_directory, write_text
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.spec.names import slug

ADDRESSES = (
    "a run is addressed by its id or its beginning, its directory, its name, @1 (the latest) or best:val_accuracy"
)


@dataclass(frozen=True)
class Entry:
    """A run as it was found: with its record, or with the reason why it cannot be read."""

    run: Run
    record: Record | None
    broken: str | None = None


class Store:
    """The runs in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, name: str, config: str) -> Run:
        """A new run directory that holds its config; it appears under its final name at once or not at all.

        Raises:
            RunError: the directory cannot be written.
        """
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
        directory = f"{stamp}-{slug(name)}-{secrets.token_hex(4)}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            hidden = self.root / f".{directory}"
            hidden.mkdir()
            write_text(Run(hidden).config, config)
            final = hidden.rename(self.root / directory)
            sync_directory(self.root)
        except OSError as error:
            raise RunError(
                f"no run can be made in {self.root}: {error.strerror}", "name another place with --runs-dir"
            ) from None
        return Run(final)

    def entries(self) -> list[Entry]:
        """Every run, the latest first."""
        try:
            directories = [path for path in self.root.iterdir() if is_run_name(path)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.root} cannot be listed: {error.strerror}", "") from None
        return sorted((read_entry(Run(directory)) for directory in directories), key=age, reverse=True)

    def find(self, address: str) -> Run:
        """The run with an address.

        Raises:
            UsageError: none or several have it.
        """
        as_path = Path(address)
        if (as_path / "run.json").is_file() or (as_path / "config.yaml").is_file():
            return Run(as_path)
        entries = self.entries()
        if not entries:
            raise UsageError(f"no run {address}: there is no run in {self.root}", "dnn train makes one")
        if address.startswith("@"):
            return self.numbered(address, entries)
        if address.startswith("best:"):
            return best(address.removeprefix("best:"), entries)
        named = [entry.run for entry in entries if entry.record and entry.record.name == address]
        begun = [e.run for e in entries if e.run.directory.name == address or run_id(e.run).startswith(address)]
        if named:
            return named[0]
        if len(begun) == 1:
            return begun[0]
        if begun:
            raise UsageError(f"{address} is the beginning of {len(begun)} runs", "give more of the id")
        names = {entry.record.name for entry in entries if entry.record}
        raise UsageError(f"no run {address} in {self.root}", nearest(address, names) or ADDRESSES)

    def numbered(self, address: str, entries: list[Entry]) -> Run:
        number = address.removeprefix("@")
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= len(entries)):
            raise UsageError(f"no run {address}: there are @1 to @{len(entries)}", ADDRESSES)
        return entries[int(number) - 1].run


def age(entry: Entry) -> tuple[str, str]:
    """Sorts runs by when they started; the directory's name knows it to the second."""
    name = entry.run.directory.name
    return name[:15], entry.record.started if entry.record else ""


def best(metric: str, entries: list[Entry]) -> Run:
    """The completed run with the best value of a metric at its best epoch."""
    scored = [
        (e.record.results.best[metric], e.run)
        for e in entries
        if e.record and e.record.status == "completed" and e.record.results.best and metric in e.record.results.best
    ]
    if not scored:
        known = {name for e in entries if e.record and e.record.results.best for name in e.record.results.best}
        raise UsageError(
            f"no completed run has the metric {metric}", nearest(metric, known) or ", ".join(sorted(known))
        )
    choose = min if is_loss(metric) else max
    return choose(scored, key=lambda pair: pair[0])[1]


def is_loss(metric: str) -> bool:
    """Whether less of it is better."""
    return metric in ("loss", "val_loss")


def run_id(run: Run) -> str:
    """The eight hex digits at the end of a directory's name."""
    return run.directory.name.rpartition("-")[2]


def is_run_name(path: Path) -> bool:
    """Whether a path in the runs directory is a run: a directory that is not hidden."""
    return not path.name.startswith(".") and path.is_dir()


def read_entry(run: Run) -> Entry:
    """A run with its record, or with the reason why it cannot be read."""
    try:
        return Entry(run, run.read_record())
    except RunError as error:
        return Entry(run, None, error.message)
