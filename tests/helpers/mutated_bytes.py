"""Random changes of the bytes of a file."""

from pathlib import Path
from random import Random


def mutate_bytes(random: Random, path: Path) -> None:
    """Replace, remove, repeat or insert bytes of a file."""
    raw = bytearray(path.read_bytes())
    for _ in range(random.choice([1, 1, 2, 5])):
        start = random.randrange(len(raw) + 1)
        at = slice(start, start + random.choice([0, 1, 1, 3, 20]))
        raw[at] = random.choice([b"", random.randbytes(1), raw[at] * 2, b'"', b",", b"\n", b"\0", b"\xff"])
    path.write_bytes(raw)
