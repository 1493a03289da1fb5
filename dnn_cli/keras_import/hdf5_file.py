"""Reading of text attributes of an .h5 file, in a process that ends if the HDF5 library hangs or crashes."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from dnn_cli.errors import UserDataError
from dnn_cli.keras_import import hdf5_attributes

_MAX_SECONDS = 20.0
"""Time after which the reading of a file has failed. Attributes of an intact file are read in less than a second."""


def read_text_attributes(path: str, names: Sequence[str], suggestion: str) -> dict[str, bytes]:
    """Read text attributes of an .h5 file as UTF-8. A missing attribute has an empty text.

    Args:
        path: The path of the file.
        names: The names of the attributes.
        suggestion: The suggestion of the error.

    Raises:
        UserDataError: the file is damaged.
    """
    # In isolated mode, Python imports no modules from the current directory.
    command = [sys.executable, "-I", hdf5_attributes.__file__, os.path.abspath(path), *names]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MAX_SECONDS, check=True)
        texts = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise UserDataError(f"{path} is damaged: the HDF5 library does not end", suggestion) from None
    except (subprocess.CalledProcessError, ValueError):
        raise UserDataError(f"{path} is damaged: the HDF5 library cannot read it", suggestion) from None
    return {name: str(text).encode("utf-8", "surrogateescape") for name, text in texts.items()}
