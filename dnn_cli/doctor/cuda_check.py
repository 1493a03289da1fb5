"""Search for CUDA's libraries and the files of XLA's compiler that are missing, and commands that install them."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from typing import NamedTuple

from packaging.requirements import Requirement

from dnn_cli.host.cuda_libraries import (
    CUDA_LIBRARIES,
    GPU_EXTRA_COMMAND,
    find_missing_compiler_files,
    find_missing_libraries,
)

LIBRARY_FAILURE = "Cannot dlopen some GPU libraries"
"""Text in TensorFlow's log if TensorFlow uses no GPU because a library of CUDA cannot be loaded."""

_LOAD_ERROR = re.compile(r"Could not load dynamic library '([^']+)'; dlerror: (?:(\S+): cannot open shared object)?")
"""Line of TensorFlow's log about a library, with the file that the linker did not find: the library, or a library that
the library needs."""

_DRIVER_LIBRARIES = ("libcuda.so", "libnvidia-ml.so")


class MissingCudaFile(NamedTuple):
    """File of CUDA that is missing, with the package that contains the file."""

    name: str
    requirement: str | None
    """Package with its versions, such as `nvidia-cudnn-cu12<10.0,>=9.3.0.75`; `None` if the package is unknown."""

    prevents_gpus: bool
    """Whether TensorFlow uses no GPU without the file. Without a file of the compiler, XLA compiles no programs."""


def find_missing_cuda_files(log: str, *, is_gpu_used: bool) -> list[MissingCudaFile]:
    """Find the files of CUDA that trainings on a GPU need and that are missing.

    Libraries that TensorFlow could not load are read from its log. Other libraries are searched only if TensorFlow uses
    no GPU.

    Args:
        log: The log of a process in which TensorFlow looked for GPUs.
        is_gpu_used: Whether TensorFlow uses a GPU.
    """
    libraries = [] if is_gpu_used else find_missing_libraries()
    packages = {library.name: library.package for library in CUDA_LIBRARIES}
    names = [*(library.name for library in libraries), *([] if is_gpu_used else _read_failed_libraries(log))]
    return [
        *(MissingCudaFile(name, _find_requirement(packages.get(name)), True) for name in dict.fromkeys(names)),
        *(MissingCudaFile(file.name, _find_requirement(file.package), False) for file in find_missing_compiler_files()),
    ]


def _read_failed_libraries(log: str) -> list[str]:
    """Read the names of CUDA's libraries that TensorFlow could not load from its log."""
    if LIBRARY_FAILURE not in log:
        return []
    names = [match[2] or match[1] for match in _LOAD_ERROR.finditer(log)]
    return [name for name in names if not name.startswith(_DRIVER_LIBRARIES)]


def _find_requirement(package: str | None) -> str | None:
    """Return a package with the versions that the installed TensorFlow requires.

    Without requirements of TensorFlow, the result is the name of the package.
    """
    try:
        requirements = [Requirement(text) for text in requires("tensorflow") or ()]
    except PackageNotFoundError:
        return package
    return next((f"{item.name}{item.specifier}" for item in requirements if item.name == package), package)


def format_missing_files(missing: Sequence[MissingCudaFile]) -> str:
    """Format the names of missing files: `libcudnn.so.9 and ptxas, which are missing`."""
    *others, last = [file.name for file in missing]
    return f"{', '.join(others)} and {last}, which are missing" if others else f"{last}, which is missing"


def suggest_install(missing: Sequence[MissingCudaFile]) -> str:
    """Return the command that installs missing files: the wheel of one package, or the wheels of all packages."""
    requirements = {file.requirement for file in missing}
    requirement = next(iter(requirements))
    return GPU_EXTRA_COMMAND if len(requirements) > 1 or requirement is None else f"pip install '{requirement}'"
