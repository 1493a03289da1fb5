"""The files of a dataset from a mirror over HTTPS."""

from pathlib import Path

from dnn_cli.errors import DataError
from dnn_cli.formats.watcher import Watcher
from dnn_cli.spec.datasets import IdxDataset

CONNECT, READ = 5, 30
"""Seconds to wait for a mirror to answer, and for its next bytes."""

TRIES = 2


class Bar:
    """What pooch calls a progress bar, passed on to a watcher."""

    def __init__(self, watch: Watcher, doing: str) -> None:
        self.watch = watch
        self.doing = doing
        self.total = 0
        self.done = 0

    def update(self, count: int) -> None:
        self.done += count
        self.watch(self.doing, min(self.done, self.total), self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing to close: the watcher outlives the download."""


def download(dataset: IdxDataset, mirror: str, folder: Path, watch: Watcher) -> Path:
    """Every file of a dataset from one mirror, gzipped as it is there, into a folder.

    Raises:
        DataError: the mirror does not answer, or does not have a file.
    """
    import pooch
    import requests

    for file in dataset.files:
        target = folder / f"{file.name}.gz"
        for attempt in range(1, TRIES + 1):
            bar = Bar(watch, f"downloading {target.name}")
            watch(bar.doing)
            fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=(CONNECT, READ))
            try:
                fetch(f"{mirror}/{target.name}", str(target), None)
                break
            except requests.HTTPError as error:
                raise DataError(f"answers {error.response.status_code} for {target.name}") from None
            except requests.RequestException as error:
                if attempt == TRIES:
                    raise DataError(f"cannot be reached ({type(error).__name__})") from None
    return folder
