"""Data and numbers of all peer programs. The module does not import `dnn_cli`, which would lengthen the programs."""

import json
import os
import sys
from pathlib import Path

import numpy as np

EPOCHS, BATCH, SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 5, 32, 42


def read_idx_file(name: str, offset: int) -> np.ndarray:
    """Read a file of the cache that `dnn train` fills."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dnn"
    content = (cache / "fashion-mnist" / name).read_bytes()
    return np.frombuffer(content, np.uint8, offset=offset)


def load_images() -> tuple[np.ndarray, np.ndarray]:
    """Load all images as uint8 of (n, 784), and their classes."""
    return read_idx_file("train-images-idx3-ubyte", 16).reshape(-1, 784), read_idx_file("train-labels-idx1-ubyte", 8)


def split_indices() -> tuple[np.ndarray, np.ndarray]:
    """Split the indices into training and validation examples like `dnn`."""
    from sklearn.model_selection import train_test_split

    return train_test_split(np.arange(60_000), test_size=0.2, random_state=42)


def print_seconds(seconds: list[float]) -> None:
    """Print the seconds of all epochs as JSON."""
    print(json.dumps(seconds))
