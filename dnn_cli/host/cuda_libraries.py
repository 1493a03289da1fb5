"""CUDA's libraries that TensorFlow loads when it looks for GPUs, and the search for them without importing TensorFlow.

TensorFlow uses no GPU if one of these libraries is missing. TensorFlow also loads libcupti for its profiler and libnccl
for trainings on several GPUs, which `dnn` does not use. A test compares the names with the installed TensorFlow.
"""

import os
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

GPU_EXTRA_COMMAND = "pip install 'dnn-cli[gpu]'"
"""Command that installs all of CUDA's libraries as NVIDIA's wheels."""

LINKER_CACHE = Path("/etc/ld.so.cache")
"""File in which the dynamic linker keeps the names and paths of the libraries in its directories."""

CUDA_ROOTS = (Path("/usr/local/cuda"), Path("/opt/cuda"))
"""Directories of CUDA in which XLA searches its compiler, in addition to the wheel and PATH."""


class CudaFile(NamedTuple):
    """File of CUDA that trainings on a GPU need, with the wheel of NVIDIA that contains the file."""

    name: str
    wheel_path: str
    """Path of the file below the directory `nvidia` of site-packages."""

    package: str


CUDA_LIBRARIES = (
    CudaFile("libcudart.so.12", "cuda_runtime/lib/libcudart.so.12", "nvidia-cuda-runtime-cu12"),
    CudaFile("libcublas.so.12", "cublas/lib/libcublas.so.12", "nvidia-cublas-cu12"),
    CudaFile("libcublasLt.so.12", "cublas/lib/libcublasLt.so.12", "nvidia-cublas-cu12"),
    CudaFile("libcufft.so.11", "cufft/lib/libcufft.so.11", "nvidia-cufft-cu12"),
    CudaFile("libcusolver.so.11", "cusolver/lib/libcusolver.so.11", "nvidia-cusolver-cu12"),
    CudaFile("libcusparse.so.12", "cusparse/lib/libcusparse.so.12", "nvidia-cusparse-cu12"),
    CudaFile("libcudnn.so.9", "cudnn/lib/libcudnn.so.9", "nvidia-cudnn-cu12"),
    # TensorFlow does not load this library itself: libcusolver and libcusparse need the library.
    CudaFile("libnvJitLink.so.12", "nvjitlink/lib/libnvJitLink.so.12", "nvidia-nvjitlink-cu12"),
)
"""Libraries of CUDA 12, without which TensorFlow uses no GPU."""

_PTXAS = CudaFile("ptxas", "cuda_nvcc/bin/ptxas", "nvidia-cuda-nvcc-cu12")
_LIBDEVICE = CudaFile("libdevice.10.bc", "cuda_nvcc/nvvm/libdevice/libdevice.10.bc", "nvidia-cuda-nvcc-cu12")
COMPILER_FILES = (_PTXAS, _LIBDEVICE)
"""Files that XLA needs to compile programs for a GPU."""

WHEEL_MODULES = tuple(
    sorted({f"nvidia.{file.wheel_path.partition('/')[0]}" for file in (*CUDA_LIBRARIES, *COMPILER_FILES)})
)
"""Modules of NVIDIA's wheels that contain these files."""

_LIBRARY_VERSION = "12"
"""Version of CUDA whose libraries `CUDA_LIBRARIES` names."""


def read_cuda_version() -> str | None:
    """Read the version of CUDA for which the installed TensorFlow is built, such as `12.5.1`.

    The result is `None` if TensorFlow is missing, or built without CUDA.
    """
    directory = find_tensorflow_directory()
    if directory is None:
        return None
    try:
        text = (directory / "python/platform/build_info.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    version = re.search(r"'cuda_version', '([^']+)'", text)
    return version[1] if version and re.search(r"'is_cuda_build', True", text) else None


def find_missing_libraries() -> list[CudaFile]:
    """Find CUDA's libraries that TensorFlow needs and that neither NVIDIA's wheels nor the dynamic linker have.

    If TensorFlow is built for another version of CUDA, the result is empty, because its libraries have other names.
    """
    if (read_cuda_version() or "").partition(".")[0] != _LIBRARY_VERSION:
        return []
    return [library for library in CUDA_LIBRARIES if not (_is_in_wheel(library) or _is_known_to_linker(library.name))]


def find_missing_compiler_files() -> list[CudaFile]:
    """Find the files that XLA needs to compile programs for a GPU, and that are missing in all directories of XLA."""
    data_directory = re.search(r"--xla_gpu_cuda_data_dir=(\S+)", os.environ.get("XLA_FLAGS", ""))
    roots = [*([Path(data_directory[1])] if data_directory else []), *CUDA_ROOTS]
    executables = [Path(directory) / "ptxas" for directory in os.environ.get("PATH", "").split(os.pathsep) if directory]
    paths = {
        _PTXAS: [*executables, *(root / "bin/ptxas" for root in roots)],
        _LIBDEVICE: [root / "nvvm/libdevice/libdevice.10.bc" for root in roots],
    }
    return [file for file in COMPILER_FILES if not (_is_in_wheel(file) or any(path.is_file() for path in paths[file]))]


def load_solver_library() -> None:
    """Load the library libcusolver of NVIDIA's wheel into this process, unless the dynamic linker has the library.

    An error is ignored, because TensorFlow then reports the library.
    """
    # The RUNPATH of libtensorflow_framework 2.21 lacks the directory of this wheel, so TensorFlow would use no GPU. The
    # linker does not search a library that is loaded already.
    solver = next(library for library in CUDA_LIBRARIES if library.name.startswith("libcusolver"))
    paths = [path for path in _list_wheel_paths(solver) if path.is_file()]
    if paths and not _is_known_to_linker(solver.name):
        import ctypes

        with suppress(OSError):
            ctypes.CDLL(str(paths[0]))


def find_tensorflow_directory() -> Path | None:
    """Return the directory of the installed TensorFlow; `None` without TensorFlow."""
    try:
        specification = find_spec("tensorflow")
    # A module without a specification replaces TensorFlow.
    except ValueError:
        return None
    if specification is None or specification.origin is None:
        return None
    return Path(specification.origin).parent


def _list_wheel_paths(file: CudaFile) -> list[Path]:
    """List the paths at which TensorFlow expects a file of NVIDIA's wheels."""
    directory = find_tensorflow_directory()
    return [] if directory is None else [parent / "nvidia" / file.wheel_path for parent in directory.parents[:2]]


def _is_in_wheel(file: CudaFile) -> bool:
    """Return whether NVIDIA's wheel with a file is installed next to TensorFlow."""
    return any(path.is_file() for path in _list_wheel_paths(file))


def _is_known_to_linker(name: str) -> bool:
    """Return whether the dynamic linker has a library, in LD_LIBRARY_PATH or in its cache."""
    directories = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    if any((Path(directory) / name).is_file() for directory in directories if directory):
        return True
    try:
        return f"/{name}\0".encode() in LINKER_CACHE.read_bytes()
    except OSError:
        return False
