"""A comparison of speeds as a table."""

from collections.abc import Mapping, Sequence
from statistics import median

from rich.table import Table

from dnn_cli.report.tables import table


def bench_table(seconds: Mapping[str, Sequence[float]], first: Mapping[str, float], ours: str) -> Table:
    """A way to train a row: seconds an epoch, and how many times those of `ours`."""
    base = median(seconds[ours])
    rows = [
        [name, f"{median(taken):.3f}", f"{min(taken):.3f}–{max(taken):.3f}", f"{first[name]:.3f}",
         "" if name == ours else f"{median(taken) / base:.1f} ×"]
        for name, taken in seconds.items()
    ]  # fmt: skip
    headers = ["seconds an epoch", "median", "range", "first", "to dnn"]
    return table(headers, rows, right=headers[1:], flexible=headers[:1])
