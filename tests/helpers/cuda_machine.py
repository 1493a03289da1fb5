"""Fixture of a machine with GPUs, TensorFlow and files of CUDA, as files in a temporary directory."""

from pathlib import Path

import pytest

from dnn_cli.host import cuda_libraries, gpus

ALL_FILES = (*cuda_libraries.CUDA_LIBRARIES, *cuda_libraries.COMPILER_FILES)
BUILD_INFO = """\
build_info = collections.OrderedDict([('cpu_compiler', 'clang'), ('cuda_version', '{version}'),
('cudnn_version', '9'), ('is_cuda_build', {is_cuda_build}), ('is_rocm_build', False)])
"""


class CudaMachine:
    """Directories that replace those of this machine."""

    def __init__(self, directory: Path) -> None:
        self.devices, self.site_packages = directory / "dev", directory / "site-packages"
        self.tensorflow = self.site_packages / "tensorflow"
        self.linker_cache, self.toolkit = directory / "ld.so.cache", directory / "cuda"
        for path in (self.devices, self.tensorflow / "python/platform", self.toolkit):
            path.mkdir(parents=True)
        (self.devices / "nvidiactl").touch()
        self.write_build()

    def write_build(self, version: str = "12.5.1", *, is_cuda_build: bool = True) -> None:
        text = BUILD_INFO.format(version=version, is_cuda_build=is_cuda_build)
        (self.tensorflow / "python/platform/build_info.py").write_text(text)

    def add_gpus(self, count: int) -> None:
        for number in range(count):
            (self.devices / f"nvidia{number}").touch()

    def install_wheels(self, *, without: tuple[str, ...] = ()) -> None:
        """Install NVIDIA's wheels, but leave out the files with the names in `without`."""
        for file in ALL_FILES:
            if file.name not in without:
                path = self.site_packages / "nvidia" / file.wheel_path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()


@pytest.fixture
def cuda_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CudaMachine:
    """Return a machine without GPUs and without files of CUDA, whose TensorFlow is built for CUDA 12."""
    machine = CudaMachine(tmp_path / "machine")
    monkeypatch.setattr(gpus, "DEVICE_DIRECTORY", machine.devices)
    monkeypatch.setattr(cuda_libraries, "find_tensorflow_directory", lambda: machine.tensorflow)
    monkeypatch.setattr(cuda_libraries, "LINKER_CACHE", machine.linker_cache)
    monkeypatch.setattr(cuda_libraries, "CUDA_ROOTS", (machine.toolkit,))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("LD_LIBRARY_PATH", "XLA_FLAGS", gpus.VISIBLE_GPUS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return machine
