"""Program that prints text attributes of an .h5 file as JSON.

`hdf5_file.py` runs this file in a process of its own, because the HDF5 library can hang or crash on a damaged file. The
process imports h5py and Python's own modules alone.
"""

import json
import sys


def _print_attributes(path: str, names: list[str]) -> None:
    """Print the values of text attributes as JSON by name. Attributes of other types have empty texts."""
    import h5py

    texts = {}
    with h5py.File(path, "r") as file:
        for name in names:
            value = file.attrs.get(name, "")
            text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
            texts[name] = str(text) if isinstance(text, str) else ""
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    _print_attributes(sys.argv[1], sys.argv[2:])
