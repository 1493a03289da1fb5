"""The wheel works in an empty directory, without a clone of the repository."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.helpers.settings import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the program."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed_dnn(wheel, tmp_path_factory):
    """A function that runs the installed program in an empty directory and with an empty home.

    The environment has the wheel, and sees the packages of the running one. An editable installation of the clone is
    invisible, because Python does not process `.pth` files of a path that another `.pth` file adds.
    """
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    (site_packages,) = directory.glob("lib/python*/site-packages")
    (site_packages / "running.pth").write_text(sysconfig.get_path("purelib"))
    home = tmp_path_factory.mktemp("home")
    environment = {"HOME": str(home), "PATH": os.defpath, "TF_CPP_MIN_LOG_LEVEL": "3"}

    def run_dnn(*arguments):
        done = subprocess.run(
            [directory / "bin" / "dnn", *arguments], cwd=home, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run_dnn.home = home
    return run_dnn


def test_wheel_has_documentation_configs_and_schema(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"dnn_cli/docs/config.md", "dnn_cli/py.typed", "dnn_cli/example_configs/schema.json"} <= names
    shipped = {str(path.relative_to(ROOT / "configs")) for path in (ROOT / "configs").rglob("*.yaml")}
    assert {f"dnn_cli/example_configs/{name}" for name in shipped} <= names
    assert not any(name.startswith(("tests/", "configs/", "runs/")) for name in names)


def test_installed_program_lists_configs_and_pages(installed_dnn):
    assert "relu_adam" in installed_dnn("configs")
    assert installed_dnn("help", "config").startswith("# Configs")
    (installed_dnn.home / "my.yaml").write_text(installed_dnn("configs", "relu_adam"))
    assert installed_dnn("check", "my.yaml") == "my.yaml  ok\n"
    installed_dnn("configs", "-o", "copied")
    assert installed_dnn("check", "copied/textbook/dropout.yaml") == "copied/textbook/dropout.yaml  ok\n"


def test_installed_program_runs_the_demo(installed_dnn):
    assert "3 completed runs of 3 experiments" in installed_dnn("demo")
    assert (Path(installed_dnn.home) / "dnn-demo" / "report.html").exists()
