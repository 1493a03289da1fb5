"""Run archives: runs packed into bytes, for transport between machines that share no disk.

File names in an archive are untrusted: an archive with an unknown name is refused.
"""

import stat
from contextlib import suppress
from pathlib import Path

from dnn_cli.errors import RunError
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.run import Run, parse_record
from dnn_cli.runs.store import Store

RunArchive = dict[str, bytes]
"""Contents of the files of a run, by file name relative to the run directory."""


def pack_run(run: Run) -> RunArchive:
    """Pack the regular files of a run into a run archive.

    The archive is empty if the checkpoint directory is a link, because a link may lead to files outside the run.

    Raises:
        RunError: a file cannot be read.
    """
    archive: RunArchive = {}
    try:
        for name, path in _list_archive_paths(run).items():
            with suppress(FileNotFoundError, NotADirectoryError):
                if stat.S_ISREG(path.lstat().st_mode) and not run.checkpoints.is_symlink():
                    archive[name] = path.read_bytes()
    except OSError as error:
        raise RunError(f"{run.directory} cannot be read: {error.strerror or error}") from None
    return archive


def unpack_run(archive: RunArchive, run: Run) -> None:
    """Replace the files of a run by those of a run archive, each file atomically; delete files that the archive lacks.

    Raises:
        RunError: the archive has an unknown file name or a damaged record, or the directory cannot be written.
    """
    paths = _list_archive_paths(run)
    if unknown_names := [name for name in archive if name not in paths]:
        raise RunError(f"the received archive is not a run: it contains the file {ascii(unknown_names[0])[:100]}")
    parse_record(archive.get(run.record.name, b""))
    try:
        if run.checkpoints.is_symlink():
            raise RunError(f"{run.checkpoints} is a link, but dnn does not write through links")
        for name, path in paths.items():
            if name in archive:
                path.parent.mkdir(exist_ok=True)
                with atomic_write(path) as temporary:
                    temporary.write_bytes(archive[name])
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{run.directory} cannot be written: {error.strerror or error}") from None


def import_archive(archive: RunArchive, store: Store) -> Run:
    """Add a run from its run archive to a store, under its id; the run appears whole or not at all.

    Raises:
        RunError: the archive has an unknown file name or a damaged record, or the store cannot be written.
    """
    record = parse_record(archive.get("run.json", b""))
    return store.import_run(record.name, record.id, lambda run: unpack_run(archive, run))


def _list_archive_paths(run: Run) -> dict[str, Path]:
    """Return the paths of the files of a run, by the names that the files have in a run archive."""
    return {path.relative_to(run.directory).as_posix(): path for path in run.files}
