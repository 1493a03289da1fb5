"""A run directory as bytes, for machines that share no disk; what comes from elsewhere is trusted with no names."""

import stat
from contextlib import suppress
from pathlib import Path

from dnn_cli.errors import RunError
from dnn_cli.runs.files import whole_file
from dnn_cli.runs.run import Run, parse_record
from dnn_cli.runs.store import Store

Parcel = dict[str, bytes]
"""The files of a run by their names in its directory."""


def pack(run: Run) -> Parcel:
    """The files that a run has, as far as they are plain files.

    Raises:
        RunError: one cannot be read.
    """
    parcel: Parcel = {}
    try:
        for name, path in places(run).items():
            with suppress(FileNotFoundError, NotADirectoryError):
                if stat.S_ISREG(path.lstat().st_mode) and not run.checkpoints.is_symlink():
                    parcel[name] = path.read_bytes()
    except OSError as error:
        raise RunError(f"{run.directory} cannot be read: {error.strerror or error}") from None
    return parcel


def unpack(parcel: Parcel, run: Run) -> None:
    """Let a run have the files of a parcel and no others, each whole at every moment.

    Raises:
        RunError: the parcel is not that of a run, or the directory cannot be written.
    """
    known = places(run)
    if strange := [name for name in parcel if name not in known]:
        raise RunError(f"what came is no run: it has a file {ascii(strange[0])[:100]}")
    parse_record(parcel.get(run.record.name, b""))
    try:
        if run.checkpoints.is_symlink():
            raise RunError(f"{run.checkpoints} is a link, and nothing is written through it")
        for name, path in known.items():
            if name in parcel:
                path.parent.mkdir(exist_ok=True)
                with whole_file(path) as temporary:
                    temporary.write_bytes(parcel[name])
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{run.directory} cannot be written: {error.strerror or error}") from None


def adopt(parcel: Parcel, store: Store) -> Run:
    """A run that was trained elsewhere, under the id that it has there; it appears whole or not at all.

    Raises:
        RunError: the parcel is not that of a run, or the store cannot be written.
    """
    record = parse_record(parcel.get("run.json", b""))
    return store.adopt(record.name, record.id, lambda run: unpack(parcel, run))


def places(run: Run) -> dict[str, Path]:
    """Where each file of a run belongs, by its name in a parcel."""
    return {path.relative_to(run.directory).as_posix(): path for path in run.files}
