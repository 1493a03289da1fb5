"""Modules that the import of TensorFlow and Keras executes, and that a training never uses.

The modules are imported as lazy modules, which takes a third off the start. A program that uses one of these modules
later gets the usual module.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from dnn_cli.host.lazy_modules import import_lazily
from dnn_cli.host.process_kind import is_own_process

_logger = logging.getLogger(__name__)

FULL_IMPORT_VARIABLE = "DNN_FULL_IMPORT"
"""Environment variable that turns lazy modules off, unless its value is empty or `0`."""

_TESTED_VERSIONS = {"tensorflow": "2.21.", "keras": "3.15."}
"""Beginnings of the versions in which these modules are unused."""

UNUSED_MODULES = (
    # It imports scikit-learn and scipy.stats.
    "keras.wrappers",
    # It imports the API of TensorFlow 1 and TensorFlow Lite.
    "tensorflow._api.v2.compat",
    "tensorflow._api.v2.lite",
    # They import the Keras of TensorFlow 1.
    "tensorflow._api.v2.__internal__.feature_column",
    "tensorflow._api.v2.feature_column",
    # It is that Keras's loading and saving of models.
    "tensorflow.python.keras.models",
    "tensorflow._api.v2.audio",
    "tensorflow._api.v2.profiler",
    "tensorflow._api.v2.summary",
    "tensorflow._api.v2.tpu",
    # Strategies for several computers ask cloud services with it.
    "requests",
)
"""Names of the modules. Each name belongs to a module of Python code that other modules import as a whole.

A module that registers gradients, conversions or types must not be in this list, because TensorFlow would miss them. A
module that replaces itself in `sys.modules`, or whose import changes another module, must not be in the list either.
"""

_HIDDEN_PACKAGES = ("pandas", "IPython")
"""Packages that Keras imports only if they are installed: for inputs that are tables, and for models in notebooks.

pandas takes half a second. Its library pyarrow starts a thread, which would not survive a fork.
"""


@contextmanager
def import_unused_modules_lazily() -> Iterator[None]:
    """Import the unused modules as lazy modules within the block, in processes of `dnn`.

    A program of a user imports everything, and so do versions of TensorFlow and Keras that were not tested.
    """
    if reason := find_full_import_reason():
        _logger.info("TensorFlow is imported with all its modules, because %s", reason)
        yield
    else:
        with import_lazily(UNUSED_MODULES, _HIDDEN_PACKAGES):
            yield


def find_full_import_reason() -> str:
    """Return the reason why all modules must be imported; empty if unused modules can be lazy."""
    if not is_own_process():
        return "a program imports dnn_cli"
    if os.environ.get(FULL_IMPORT_VARIABLE, "") not in ("", "0"):
        return f"{FULL_IMPORT_VARIABLE} is set"
    for package, tested in _TESTED_VERSIONS.items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            return f"the version of {package} is unknown"
        if not installed.startswith(tested):
            return f"lazy modules are tested with {package} {tested}*, and {installed} is installed"
    missing_modules = [name for name in UNUSED_MODULES if _find_source_file(name) is None]
    return f"{missing_modules[0]} does not exist" if missing_modules else ""


def _find_source_file(name: str) -> Path | None:
    """Return the source file of a module, without the import of its package; `None` if the file does not exist."""
    package, *inner_names = name.split(".")
    spec = find_spec(package)
    for directory in (spec and spec.submodule_search_locations) or ():
        path = Path(directory, *inner_names)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
    return None
