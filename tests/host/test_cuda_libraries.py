import ctypes
import os
import re
import subprocess
import sys
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from dnn_cli.host.cuda_libraries import (
    CUDA_LIBRARIES,
    find_missing_compiler_files,
    find_missing_libraries,
    find_tensorflow_directory,
    load_solver_library,
    read_cuda_version,
)
from tests.helpers.cuda_machine import ALL_FILES

LOAD_LIBRARIES = """\
import ctypes, sys
status = ctypes.create_string_buffer(64)
ctypes.CDLL(sys.argv[1])._ZN3tsl8internal9DsoLoader22TryDlopenCUDALibrariesEv(status)
"""
"""Program that calls TensorFlow's function for loading CUDA's libraries. The function needs no GPU."""

needs_cuda_build = pytest.mark.skipif(read_cuda_version() is None, reason="TensorFlow is built without CUDA")


def list_names(files):
    return [file.name for file in files]


@needs_cuda_build
def test_names_are_those_that_tensorflow_loads():
    path = find_tensorflow_directory() / "libtensorflow_framework.so.2"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "dso_loader=1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD_LIBRARIES, path], env=environment, capture_output=True, text=True, timeout=60
    )
    names = re.findall(r"dynamic library '?(lib[\w.]+\d)", done.stderr)
    assert {*names, "libnvJitLink.so.12"} == {library.name for library in CUDA_LIBRARIES}, done.stderr


@needs_cuda_build
def test_packages_are_those_of_tensorflow():
    items = [Requirement(text) for text in requires("tensorflow")]
    packages = {item.name for item in items if item.marker and item.marker.evaluate({"extra": "and-cuda"})}
    assert {file.package for file in ALL_FILES} <= packages


def test_every_library_is_missing_without_wheels(cuda_machine):
    assert find_missing_libraries() == list(CUDA_LIBRARIES)


def test_wheels_have_all_files(cuda_machine):
    cuda_machine.install_wheels()
    assert find_missing_libraries() == find_missing_compiler_files() == []


def test_one_missing_library_is_named(cuda_machine):
    cuda_machine.install_wheels(without=("libcudnn.so.9",))
    assert list_names(find_missing_libraries()) == ["libcudnn.so.9"]


def test_linker_cache_and_library_path_have_libraries(cuda_machine, monkeypatch, tmp_path):
    cuda_machine.install_wheels(without=("libcudnn.so.9", "libcufft.so.11", "libcublas.so.12"))
    paths = ["/usr/lib/libcudnn.so.9", "/usr/lib/libcublas.so.12.5"]
    cuda_machine.linker_cache.write_bytes(b"".join(path.encode() + b"\0" for path in paths))
    (tmp_path / "libcufft.so.11").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    assert list_names(find_missing_libraries()) == ["libcublas.so.12"]


def test_names_for_another_version_of_cuda_are_unknown(cuda_machine):
    cuda_machine.write_build("13.0.1")
    assert (read_cuda_version(), find_missing_libraries()) == ("13.0.1", [])
    cuda_machine.write_build(is_cuda_build=False)
    assert (read_cuda_version(), find_missing_libraries()) == (None, [])


def test_compiler_files_of_a_toolkit_are_found(cuda_machine, monkeypatch, tmp_path):
    assert list_names(find_missing_compiler_files()) == ["ptxas", "libdevice.10.bc"]
    (tmp_path / "ptxas").touch()
    assert list_names(find_missing_compiler_files()) == ["libdevice.10.bc"]
    library = tmp_path / "other/nvvm/libdevice/libdevice.10.bc"
    library.parent.mkdir(parents=True)
    library.touch()
    monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to=x --xla_gpu_cuda_data_dir={tmp_path / 'other'}")
    assert find_missing_compiler_files() == []
    monkeypatch.setenv("XLA_FLAGS", "")
    library.parent.parent.parent.rename(cuda_machine.toolkit)
    assert find_missing_compiler_files() == []


def test_only_the_solver_of_a_wheel_is_loaded(cuda_machine, monkeypatch):
    loaded = []
    monkeypatch.setattr(ctypes, "CDLL", loaded.append)
    load_solver_library()
    assert loaded == []
    cuda_machine.install_wheels()
    load_solver_library()
    assert loaded == [str(cuda_machine.site_packages / "nvidia/cusolver/lib/libcusolver.so.11")]
    cuda_machine.linker_cache.write_bytes(b"/usr/lib/libcusolver.so.11\0")
    load_solver_library()
    assert len(loaded) == 1


def test_a_damaged_solver_is_left_to_tensorflow(cuda_machine):
    cuda_machine.install_wheels()
    load_solver_library()
