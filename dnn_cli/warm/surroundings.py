"""Surroundings of a process: properties that a command and the warm server must share.

The other properties of a process are in `process_state`: the server gives them to the process of a command.
"""

import os
import resource
import sys
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_VARIABLE_PREFIXES = (
    "ABSL_", "CUDA_", "GLIBC_", "GOMP_", "GOTO_", "HIP_", "JAX_", "JOBLIB_", "KERAS_", "KMP_", "LD_", "LOKY_",
    "MALLOC_", "MKL_", "NPY_", "NUMPY_", "NVIDIA_", "OMP_", "OPENBLAS_", "PILLOW_", "PROTOCOL_BUFFERS_", "PYTHON",
    "ROCR_", "SCIPY_", "SKLEARN_", "TF_", "TPU_", "TYPER_", "WRAPT_", "XLA_",
)  # fmt: skip
"""Prefixes of environment variables that Python and libraries read when they are loaded or imported."""

_STATUS_FIELDS = (
    "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
    "Mems_allowed_list",
)  # fmt: skip
"""Fields of /proc/self/status with rights that a process cannot give to another process."""

_DISTRIBUTION_SUFFIXES = (".dist-info", ".egg-info", ".pth")


def describe_surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Describe properties of this process that the warm server cannot change, as texts by name.

    The names are parts of messages, such as `environment variable TF_XLA_FLAGS`.

    Args:
        environment: The environment of this process before imports, which can set variables.
    """
    surroundings = {
        "Python": f"{sys.prefix} {sys.version}",
        "Python's option -W": str(sys.warnoptions),
        "Python's option -X": str(sys._xoptions),
        "the encoding of file names": sys.getfilesystemencoding(),
        "the import path": os.pathsep.join(_list_import_paths()),
        "the set of installed packages": _describe_packages(),
        "the code of the server": _describe_server_code(),
        "the file keras.json": _describe_keras_settings(environment),
        "the number of cores": str(len(os.sched_getaffinity(0))),
        "the scheduling policy": str(os.sched_getscheduler(0)),
        "the control group": _read_text("/proc/self/cgroup"),
        "the OOM score": _read_text("/proc/self/oom_score_adj").strip(),
        "the root directory": _describe_root(),
        # The sizes of the stacks of threads follow from the limit at the start of a process.
        "the limit of the stack (ulimit -s)": str(resource.getrlimit(resource.RLIMIT_STACK)),
        # The server has mapped more memory than a limit may permit.
        "the limit of memory (ulimit -v)": str(resource.getrlimit(resource.RLIMIT_AS)),
        "the limit of data (ulimit -d)": str(resource.getrlimit(resource.RLIMIT_DATA)),
    }
    for name in dir(sys.flags):
        if not name.startswith(("_", "n_")) and isinstance(value := getattr(sys.flags, name), int):
            surroundings[f"Python's option {name}"] = str(int(value))
    for line in _read_text("/proc/self/status").splitlines():
        name, _, value = line.partition(":")
        if name in _STATUS_FIELDS:
            surroundings[f"the field {name} of /proc/self/status"] = value.strip()
    for name in _list_directory("/proc/self/ns"):
        with suppress(OSError):
            surroundings[f"the {name} namespace"] = str(Path(f"/proc/self/ns/{name}").readlink())
    for name, value in environment.items():
        if name == "HOME" or name.startswith(_VARIABLE_PREFIXES):
            surroundings[f"environment variable {name}"] = value
    return surroundings


def find_difference(client: Mapping[str, str], server: Mapping[str, str]) -> str:
    """Return the reason why the surroundings of two processes disagree; an empty text if they agree."""
    for name in {**server, **client}:
        if client.get(name) != server.get(name):
            values = client.get(name, "unset"), server.get(name, "unset")
            text = " in the command, ".join(values) + " in the server" if max(map(len, values)) < 40 else ""
            return f"{name} differs" + (f": {text}" if text else "")
    return ""


def _list_import_paths() -> list[str]:
    """List the entries of `sys.path` without the first, the directory of the program or the working directory."""
    return list(sys.path) if sys.flags.isolated or getattr(sys.flags, "safe_path", False) else sys.path[1:]


def _describe_packages() -> str:
    """Return a checksum of the names, versions and installation times of all packages on the import path."""
    checksum = 0
    for directory in _list_import_paths():
        with suppress(OSError), os.scandir(directory) as files:
            for text in sorted(
                f"{file.path} {file.stat().st_mtime_ns}"
                for file in files
                if file.name.endswith(_DISTRIBUTION_SUFFIXES) and not file.name.startswith("dnn_cli-")
            ):
                checksum = zlib.crc32(os.fsencode(text), checksum)
    return f"{checksum:08x}"


def _describe_server_code() -> str:
    """Return a checksum of the modules of this package, whose old code a running server still executes."""
    directory = os.path.dirname(__file__)
    checksum = 0
    for name in sorted(_list_directory(directory)):
        if name.endswith(".py"):
            with suppress(OSError), open(os.path.join(directory, name), "rb") as file:
                checksum = zlib.crc32(file.read(), checksum)
    return f"{checksum:08x}"


def _describe_keras_settings(environment: Mapping[str, str]) -> str:
    """Describe the version of the file with the settings of Keras, which Keras reads when it is imported."""
    directory = environment.get("KERAS_HOME") or os.path.join(environment.get("HOME", ""), ".keras")
    try:
        status = os.stat(os.path.join(directory, "keras.json"))
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


def _describe_root() -> str:
    """Describe the root directory of this process."""
    status = os.stat("/")
    return f"{status.st_dev} {status.st_ino}"


def _read_text(path: str) -> str:
    """Read a file of the kernel; an empty text if the file is missing."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _list_directory(path: str) -> list[str]:
    """List the names in a directory; an empty list if the directory is missing."""
    try:
        return os.listdir(path)
    except OSError:
        return []
